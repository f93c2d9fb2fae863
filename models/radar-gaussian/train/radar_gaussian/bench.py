"""The point encoder and the splat in PyTorch on the processor, as a peer of another implementation.

Takes a command a line on standard input, and answers each with a line of JSON; the first line it writes
says its version. One thread unless told otherwise.

    {"load": "encoder.safetensors", "threads": 1}              the encoder, as `radar_gaussian.export` writes it
    {"points": "points.f32", "view": "view.f32"}               a scan (f32, a row a point); writes what is made of it
    {"run": 20}                                                seconds of so many runs
"""

import json
import sys
import time

import numpy as np
import torch
from safetensors import safe_open

from .config import Encoder, Grid
from .encoder.gaussian import GaussianEncoder


class Settings:
    """What the encoder needs of a configuration, from the metadata of its file."""

    def __init__(self, meta: dict):
        number = lambda name: json.loads(meta[name])
        grid = number("grid")
        names = ("channels", "neighbour_radius_m", "max_scale_m", "max_offset_m", "learned_opacity", "screen_variance_px2")
        self.grid = Grid(**{name: grid[name] for name in Grid.__dataclass_fields__})
        self.encoder = Encoder(**{name: number(name) for name in names})
        features = meta["features"].split(",")
        self.points = type("Points", (), {"features": features, "mean": [0.0] * len(features), "std": [1.0] * len(features)})


class Peer:
    def load(self, path: str, threads: int) -> None:
        torch.set_num_threads(threads)
        with safe_open(path, "pt") as file:
            self.encoder = GaussianEncoder(Settings(file.metadata())).eval()
            self.encoder.load_state_dict({name: file.get_tensor(name) for name in file.keys() if not name.startswith("stem.")})

    @torch.no_grad()
    def points(self, path: str, view: str) -> None:
        width = self.encoder.input.mean.numel()
        self.scan = torch.from_numpy(np.fromfile(path, np.float32).reshape(1, -1, width))
        self.valid = torch.ones(self.scan.shape[:2], dtype=torch.bool)
        self.encoder(self.scan, self.valid)[0].contiguous().numpy().tofile(view)

    @torch.no_grad()
    def run(self, count: int) -> list[float]:
        seconds = []
        for _ in range(count):
            begun = time.perf_counter()
            self.encoder(self.scan, self.valid)
            seconds.append(time.perf_counter() - begun)
        return seconds


def main() -> None:
    peer, answer = Peer(), lambda value: print(json.dumps(value), flush=True)
    answer({"version": torch.__version__})
    for line in sys.stdin:
        command = json.loads(line)
        if "load" in command:
            peer.load(command["load"], command["threads"])
            answer({})
        elif "points" in command:
            peer.points(command["points"], command["view"])
            answer({})
        else:
            answer({"seconds": peer.run(command["run"])})


if __name__ == "__main__":
    main()
