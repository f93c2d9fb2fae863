"""Makes the fixtures of runtime/vision: small models with random weights in the ONNX community's layout, and what
Hugging Face's own code makes of pictures and words with them.

    python3 -m venv VENV && VENV/bin/pip install -r tests/python/vision_peers/requirements.txt
    PYTHONPATH=models/scene-vlm/train VENV/bin/python tests/python/vision_peers/make.py runtime/vision/tests/data

The weights follow from a seed and mean nothing. Everything in `reference.safetensors` comes from the unchanged models
and processors of `transformers` (of `scene_vlm` for the scene model), nothing from the exported graphs.
"""

import sys
from pathlib import Path

import torch

import qwen
import scene
import smolvlm


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    smolvlm.make(folder / "smolvlm")
    qwen.make(folder / "qwen2_5_vl")
    scene.make(folder / "scene_vlm")


if __name__ == "__main__":
    main()
