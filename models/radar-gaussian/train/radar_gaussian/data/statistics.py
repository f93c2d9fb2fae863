"""Prints the mean and standard deviation of each point feature over the training frames, as TOML."""

import argparse

import numpy as np

from .. import config as configs
from .batches import open_split
from .frame import crop


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--stride", type=int, default=10, help="each so many frames (default 10)")
    options = parser.parse_args()
    config = configs.load(options.config)
    data = open_split(options.data, "train", config)
    points = np.concatenate([crop(data[i], config.grid).points for i in range(0, len(data), options.stride)])
    mean, std = points.mean(axis=0, dtype=np.float64), points.std(axis=0, dtype=np.float64)
    std[std < 1e-6] = 1.0
    print(f"# {len(points)} points, {len(points) * options.stride / len(data):.0f} a frame")
    print("mean = [" + ", ".join(f"{v:.3f}" for v in mean) + "]")
    print("std = [" + ", ".join(f"{v:.3f}" for v in std) + "]")


if __name__ == "__main__":
    main()
