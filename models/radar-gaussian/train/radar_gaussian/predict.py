"""Writes a model's detections of a split, for evaluation elsewhere.

`--format json`: one line a frame, as `drafthorse eval` reads them, in the radar's frame. `--format kitti`: one text file a frame in the camera's frame (data sets with calibration).
"""

import argparse
import json
from pathlib import Path

import torch

from . import checkpoint
from .config import ConfigError
from .data.batches import evaluation_frames, open_split
from .data.kitti import label_line
from .data.vod import NAMES as VOD_NAMES
from .data.tj4d import NAMES as TJ4D_NAMES
from .evaluate import detect


def json_line(frame, found, names: list[str]) -> str:
    rounded = lambda values: [round(float(v), 4) for v in values]
    detections = [
        {
            "class": names[k],
            "centre_m": rounded(box[:3]),
            "size_m": rounded(box[3:6]),
            "yaw_rad": round(float(box[6]), 4),
            "score": round(float(score), 6),
        }
        for box, k, score in zip(found.boxes, found.classes, found.scores)
    ]
    return json.dumps({"scene": frame.name, "detections": detections})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--stride", type=int, default=1, help="each so many frames (default all)")
    parser.add_argument("--format", choices=("json", "kitti"), default="json")
    parser.add_argument("--out", required=True, type=Path, help="a file for json, a folder for kitti")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, config, _ = checkpoint.load_model(options.checkpoint)
    data = open_split(options.data, options.split, config)
    frames = evaluation_frames(data, config, options.stride)
    found = detect(model, frames, config)
    if options.format == "json":
        lines = [json_line(frame, each, config.class_names) for frame, each in zip(frames, found)]
        options.out.write_text("\n".join(lines) + "\n")
        return
    if config.data.kind == "shards":
        raise ConfigError("shards have no camera; use --format json")
    names = VOD_NAMES if config.data.kind == "vod" else TJ4D_NAMES
    options.out.mkdir(parents=True, exist_ok=True)
    for i, (frame, each) in enumerate(zip(frames, found)):
        calibration = data.calibration(i * options.stride)
        lines = [
            label_line(names[config.class_names[k]], box, score, calibration)
            for box, k, score in zip(each.boxes, each.classes, each.scores)
        ]
        (options.out / f"{frame.name}.txt").write_text("".join(line + "\n" for line in lines))


if __name__ == "__main__":
    main()
