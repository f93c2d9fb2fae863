"""Samples for `drafthorse calibrate`: what a drafter's graph is fed along the target's own texts, a folder each."""

import argparse
from pathlib import Path

import numpy as np
import torch
from onnx import numpy_helper

from .collect import GREEDY
from .drafter import Drafter
from .target import Target
from .texts import PLACES, Texts
from .train import load_drafter


@torch.no_grad()
def feeds(drafter: Drafter, texts: Texts, i: int) -> list[np.ndarray]:
    """The inputs, in the graph's order, of one text read at once."""
    batch = texts.batch(np.array([i]))
    slots, whole = drafter.picture(batch.image, PLACES[None], batch.bias)
    embeds, positions = drafter.inputs(slots, batch.rows)
    given = [embeds.numpy(), whole.numpy(), positions.numpy(), np.ones(positions.shape, dtype=np.int64)]
    if drafter.config.draft.colocated:
        given.append(torch.cat((torch.zeros_like(slots), batch.states[:, :-1]), 1).numpy())
    heads = drafter.layers[0].heads
    empty = np.zeros((1, heads, 0, embeds.shape[-1] // heads), dtype=np.float32)
    return given + [empty] * (2 * len(drafter.layers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True, help="folder of the target, models/scene-vlm-s")
    parser.add_argument("--checkpoint", required=True, help="checkpoint of the drafter")
    parser.add_argument("--data", required=True, help="folder of collected texts")
    parser.add_argument("--count", type=int, default=144)
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args()
    target = Target(options.target)
    drafter, _ = load_drafter(options.checkpoint, target)
    texts = Texts([options.data], len(target.words))
    chosen = np.random.default_rng(0).permutation(texts.of_kind(GREEDY))[: options.count]
    for number, i in enumerate(chosen):
        folder = options.out / f"{number:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        for place, value in enumerate(feeds(drafter, texts, i)):
            (folder / f"input_{place}.pb").write_bytes(numpy_helper.from_array(value).SerializeToString())


if __name__ == "__main__":
    main()
