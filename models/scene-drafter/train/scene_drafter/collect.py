"""What the target says of scenes: image tokens, texts, and its hidden states along them, a file a thousand scenes.

Of each scene: greedy descriptions (none where only image tokens are wanted), each from all image tokens, from half or from a quarter of
them (evenly spread, as the runtime's `uniform`); for some scenes one drawn at temperature 1 from a random share of the tokens, and one of
the generator's captions as the target reads it. A call that was stopped goes on with the next file.

`NAME.safetensors`: features f16 [S, 128, width]; of T texts scene i32, kind u8 (GREEDY, SAMPLED, WRITTEN), kept u8 [T, 16]
(bit i of it, least first: image token i was seen), start i64 [T + 1] into tokens u8 and barred u8 [., BARRED] (what would
repeat a run there; 0 for none); hidden f16: of each text a row more than tokens (see `target.Text`), so that those of
text i begin at start[i] + i.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from drafthorse_training.loop import prepare
from safetensors.numpy import save_file
from scene_vlm.batches import pixels_of
from scene_vlm.config import PATCHES
from scene_vlm.language import EOS, Language
from scene_vlm.scenes import Scene, read

from .target import BARRED, Target, Text

GREEDY, SAMPLED, WRITTEN = range(3)
# Tokens of a picture that the target sees.
BUDGETS = (PATCHES, PATCHES // 2, PATCHES // 4)
BATCH = 48


def uniform(count: int) -> np.ndarray:
    """The places of `count` image tokens, evenly spread."""
    return np.floor((np.arange(count) + 0.5) * PATCHES / count).astype(np.int64)


def packed(kept: np.ndarray) -> np.ndarray:
    """Places i64 [K] as bits u8 [PATCHES / 8]."""
    bits = np.zeros(PATCHES, dtype=np.uint8)
    bits[kept] = 1
    return np.packbits(bits, bitorder="little")


def unpacked(bits: np.ndarray) -> np.ndarray:
    return np.nonzero(np.unpackbits(bits, bitorder="little"))[0]


class Collection:
    """Texts of one file, in the making."""

    def __init__(self, target: Target):
        self._target = target
        self._columns = {name: [] for name in ("scene", "kind", "kept", "tokens", "barred", "hidden")}
        self._start = [0]

    def add(self, kind: int, scenes, kept, texts: list[Text]) -> None:
        for scene, places, text in zip(scenes, kept.numpy(), texts, strict=True):
            barred = [row + [0] * (BARRED - len(row)) for row in self._target.barred(text.tokens)]
            row = (scene, kind, packed(places), np.array(text.tokens, np.uint8), np.array(barred, np.uint8), text.hidden.astype(np.float16))
            for column, value in zip(self._columns.values(), row):
                column.append(value)
            self._start.append(self._start[-1] + len(text.tokens))

    def arrays(self) -> dict[str, np.ndarray]:
        empty = {"tokens": np.zeros(0, np.uint8), "barred": np.zeros((0, BARRED), np.uint8), "hidden": np.zeros((0, self._target.width), np.float16)}
        joined = {name: np.concatenate([none, *self._columns[name]]) for name, none in empty.items()}
        return joined | {
            "scene": np.array(self._columns["scene"], np.int32),
            "kind": np.array(self._columns["kind"], np.uint8),
            "kept": np.array(self._columns["kept"], np.uint8).reshape(-1, PATCHES // 8),
            "start": np.array(self._start, np.int64),
        }


def collect(target: Target, scenes: list[Scene], seed: int, greedy: int, others: bool) -> dict[str, np.ndarray]:
    """Texts of scenes: `greedy` descriptions of each; `others`: sampled and written ones too."""
    rng = np.random.default_rng(seed)
    made, features = Collection(target), []
    for number, first in enumerate(range(0, len(scenes), BATCH)):
        batch = scenes[first : first + BATCH]
        rows = list(range(first, first + len(batch)))
        image = torch.cat([target.look(part) for part in pixels_of(batch).split(16)])
        features.append(image.numpy().astype(np.float16))
        # The file's own rounding, so that nothing differs from what is learnt from.
        image = image.half().float()
        for i in range(greedy):
            kept = torch.from_numpy(uniform(BUDGETS[(number + i) % 3])).expand(len(batch), -1)
            made.add(GREEDY, rows, kept, target.say(image[:, kept[0]], kept))
        if not others:
            continue
        kept = torch.from_numpy(uniform(BUDGETS[(number + greedy) % 3])).expand(len(batch), -1)
        captions = [[*scene.captions[0], EOS] for scene in batch]
        made.add(WRITTEN, rows, kept, target.read(image[:, kept[0]], kept, captions))
        if number % 2 == 0:
            count = int(rng.integers(PATCHES // 4, PATCHES + 1))
            drawn = [np.sort(rng.permutation(PATCHES)[:count]) for _ in batch]
            kept = torch.from_numpy(np.stack(drawn))
            seen = image.gather(1, kept[..., None].expand(-1, -1, image.shape[-1]))
            made.add(SAMPLED, rows, kept, target.say(seen, kept, rng))
    return made.arrays() | {"features": np.concatenate(features)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", required=True, help="folder of the target, models/scene-vlm-s")
    parser.add_argument("--data", required=True, type=Path, help="folder of scenes")
    parser.add_argument("--out", required=True, type=Path, help="folder that the files are written to")
    parser.add_argument("--greedy", type=int, default=2, help="greedy descriptions of each scene, 0 to 3")
    parser.add_argument("--only-greedy", action="store_true", help="neither sampled nor written texts")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    prepare(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    target, language = Target(options.target, options.threads), Language.read(options.data)
    for number, path in enumerate(sorted(options.data.glob("*.safetensors"))):
        out = options.out / path.name
        if out.exists():
            continue
        arrays = collect(target, list(read(path, language)), number, options.greedy, not options.only_greedy)
        save_file(arrays, out.with_suffix(".partial"))
        os.replace(out.with_suffix(".partial"), out)
        print(f"{out}: {len(arrays['scene'])} texts of {len(arrays['features'])} scenes", flush=True)


if __name__ == "__main__":
    main()
