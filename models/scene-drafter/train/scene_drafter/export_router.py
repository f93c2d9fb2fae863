"""Writes a router's head into the folder of the drafters whose drafts it judges.

    onnx/router.onnx      hidden_states f32 [1, n, W] (the standalone drafter's, where each token of the draft was predicted, the
                          end included), confidence f32 [1, n, 3] (ln p of the token, that less ln p of the best other one,
                          entropy in nats), global f32 [1, W] -> score f32 [1], whose sigmoid is the probability that the
                          target agrees with every fact-bearing word
"""

import argparse
import json
from pathlib import Path

import torch
from scene_vlm.export import write

from .export import narrow
from .router import CONFIDENCE, Router
from .train_router import load_router


def export_router(router: Router, width: int, graphs: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    given = (torch.randn(1, 9, width, generator=generator), torch.randn(1, 9, CONFIDENCE, generator=generator), torch.randn(1, width, generator=generator))
    tokens = {1: "sequence_length"}
    names = ["hidden_states", "confidence", "global"]
    write(router, given, names, ["score"], {"hidden_states": tokens, "confidence": tokens}, graphs / "router.onnx")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--router", required=True, type=Path, help="checkpoint of its run")
    parser.add_argument("--model", required=True, type=Path, help="folder of the exported drafters")
    options = parser.parse_args()
    torch.set_num_threads(1)
    described = options.model / "config.json"
    config = json.loads(described.read_text())
    router = load_router(options.router)
    export_router(router, config["hidden_size"], options.model / "onnx")
    narrow(options.model / "onnx" / "router.onnx", 16)
    config["router"] = {"temperature": float(router.temperature), "offset": float(router.offset)}
    described.write_text(json.dumps(config, indent=2) + "\n")
    print(f"{options.model}: the router's head is in it")


if __name__ == "__main__":
    main()
