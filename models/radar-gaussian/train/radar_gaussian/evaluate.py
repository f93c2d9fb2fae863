"""Runs a trained model over frames, and prints its average precision on a split."""

import argparse
import json
import time

import torch

from . import checkpoint
from .config import Config
from .data.batches import collate, evaluation_frames, open_split
from .decode import Detections, decode
from .metrics import Evaluation
from .model import Detector


@torch.no_grad()
def detect(model: Detector, frames, config: Config, batch: int = 8) -> list[Detections]:
    """Detections of each frame."""
    model.eval()
    device = next(model.parameters()).device
    found = []
    for start in range(0, len(frames), batch):
        part = collate(frames[start : start + batch], len(config.points.features))
        logits, boxes = model(part.points.to(device), part.valid.to(device))
        found += decode(logits.cpu(), boxes.cpu(), config)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--stride", type=int, help="each so many frames (default: the configuration's)")
    options = parser.parse_args()
    model, config, _ = checkpoint.load_model(options.checkpoint)
    data = open_split(options.data, options.split, config)
    frames = evaluation_frames(data, config, options.stride or config.data.eval_stride)
    begun = time.monotonic()
    found = detect(model, frames, config)
    seconds = time.monotonic() - begun
    summary = Evaluation(frames, found, config).summary()
    print(json.dumps({"frames": len(frames), "seconds": round(seconds, 1), **summary}, indent=1))


if __name__ == "__main__":
    main()
