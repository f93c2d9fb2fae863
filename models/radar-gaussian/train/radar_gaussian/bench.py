"""Times the point encoder and the splat in PyTorch, and leaves what another implementation needs to do the same.

For each number of points: seeded weights and points over the configuration's grid, a batch of one, no
gradient. OUT gets `encoder.safetensors` and, for each N, `points-N.safetensors` (points and the bird's-eye
view they give). Prints one line of JSON with the middle and the 99th percentile of the milliseconds.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from . import config as configs
from .config import Config
from .export import encoder_file
from .model import Detector


def seeded_points(count: int, config: Config, seed: int = 0) -> torch.Tensor:
    """Points f32 [1, count, F] over the grid, half of them in groups of eight as objects give them."""
    rng = np.random.default_rng([seed, count])
    grid = config.grid
    low, high = np.array([grid.x_min_m, grid.y_min_m, -1.0]), np.array([grid.x_max_m, grid.y_max_m, 1.5])
    centres = rng.uniform(low, high, (count, 3))
    members = np.arange(count // 2)
    centres[members] = centres[members // 8] + rng.normal(0, [0.8, 0.5, 0.3], (len(members), 3))
    margin = 1e-3
    centres = np.clip(centres, low + margin, high - margin)
    others = rng.normal(config.points.mean[3:], config.points.std[3:], (count, len(config.points.mean) - 3))
    return torch.from_numpy(np.concatenate([centres, others], 1).astype(np.float32))[None]


@torch.no_grad()
def milliseconds(encoder, points, repeats: int) -> np.ndarray:
    valid = torch.ones(points.shape[:2], dtype=torch.bool)
    times = []
    for _ in range(repeats + 5):
        begun = time.perf_counter()
        encoder(points, valid)
        times.append(1000 * (time.perf_counter() - begun))
    return np.array(times[5:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--points", nargs="+", type=int, default=[100, 300, 320, 800, 3000])
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    config = configs.load(options.config)
    model = Detector(config).eval()
    options.out.mkdir(parents=True, exist_ok=True)
    encoder_file(model, config, options.out / "encoder.safetensors")
    result = {"threads": options.threads, "grid": [config.encoder.channels, config.grid.height, config.grid.width]}
    for count in options.points:
        points = seeded_points(count, config)
        with torch.no_grad():
            bev = model.encoder(points, torch.ones(1, count, dtype=torch.bool)).contiguous()
        save_file({"points": points[0].contiguous(), "bev": bev[0]}, options.out / f"points-{count}.safetensors")
        times = milliseconds(model.encoder, points, options.repeats)
        result[f"ms.{count}"] = {"p50": round(float(np.median(times)), 3), "p99": round(float(np.percentile(times, 99)), 3)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
