"""Pictures by a formula that the Rust tests have too: slopes, and edges for the filters to ring at."""

import numpy as np
from PIL import Image

QUESTION = "What is on the road?"
ANSWER_TOKENS = 12


def picture(width: int, height: int) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    channels = [(x * (3 + c) + y * (5 - c) + x * y // 16) % 256 for c in range(3)]
    return Image.fromarray(np.stack(channels, -1).astype(np.uint8))
