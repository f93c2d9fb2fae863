"""What a code for image tokens costs: facts of the target's captions, its answers, and bytes a token, from coded tokens."""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from drafthorse_training.loop import prepare
from scene_vlm.batches import ANSWER_LOSS, pack, question_row
from scene_vlm.evaluate import caption_facts, parsed
from scene_vlm.model import read
from scene_vlm.scenes import Scenes

from .code import as_int8
from .collect import uniform
from .target import Target
from .texts import Texts
from .train_code import load_code

BATCH = 32


def codes_of(target: Target, checkpoints: list[str]) -> dict:
    """Name: bytes a token, and what of tokens is left."""
    width = target.width
    codes = {
        "f32": (4 * width, lambda image: image),
        "f16": (2 * width, lambda image: image.half().float()),
        "int8": (width + 4, as_int8),
    }
    for path in checkpoints:
        code, _ = load_code(path, width)
        shape = code.shape
        codes[f"fsq-{shape.dims}x{shape.levels}"] = (shape.bytes_a_token, lambda image, code=code: code.decode(code.encode(image)))
    return codes


@torch.no_grad()
def said(target: Target, features: np.ndarray, data: Scenes, through, kept: np.ndarray) -> tuple[list[str], int, int]:
    """Captions, and how many questions are answered right, of how many."""
    captions, right, asked = [], 0, 0
    places = torch.from_numpy(kept)
    for first in range(0, len(data), BATCH):
        rows = range(first, min(first + BATCH, len(data)))
        image = torch.from_numpy(features[rows.start : rows.stop]).float()
        seen = through(image[:, places])
        captions += [target.words_of(text.tokens) for text in target.say(seen, places.expand(len(rows), -1))]
        texts = [[question_row(*question[3:]) for question in data[i].questions] for i in rows]
        tokens, wanted, segment, position, learn = pack(texts)
        # `read` takes the kept tokens out of all.
        image[:, places] = seen
        found = read(target.decoder, image, tokens, segment, position, places).argmax(-1) == wanted
        for b, i in enumerate(rows):
            for number in range(1, len(data[i].questions) + 1):
                of = (segment[b] == number) & (learn[b] == ANSWER_LOSS)
                right, asked = right + int(found[b][of].all()), asked + 1
    return captions, right, asked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True, help="folder of the target, models/scene-vlm-s")
    parser.add_argument("--texts", required=True, help="folder of collected texts, for its image tokens")
    parser.add_argument("--scenes", required=True, help="folder of the same scenes")
    parser.add_argument("--parser", required=True, help="the program drafthorse-scenes")
    parser.add_argument("--code", action="append", default=[], help="checkpoint of a code; may be given several times")
    parser.add_argument("--keep", type=int, action="append", help="image tokens that stay, evenly spread; 32 and 64 if not given")
    parser.add_argument("--limit", type=int, help="judge by so many scenes, the first ones")
    parser.add_argument("--out", type=Path, help="JSON file; printed too")
    options = parser.parse_args()
    prepare(1)
    target = Target(options.target)
    features = Texts([options.texts], len(target.words)).features
    data = Scenes(options.scenes)
    if options.limit:
        data.first(options.limit)
    report = []
    for keep in options.keep or [32, 64]:
        for name, (size, through) in codes_of(target, options.code).items():
            captions, right, asked = said(target, features, data, through, uniform(keep))
            facts = caption_facts(parsed(options.parser, captions), data)
            row = {"code": name, "kept": keep, "bytes_a_token": size, "bytes": size * keep, "answers": round(right / asked, 4)}
            row |= {name: facts[name] for name in ("precision", "stated", "recall", "facts_a_caption")}
            report.append(row)
            print(json.dumps(row), flush=True)
    if options.out:
        options.out.write_text(json.dumps({"scenes": len(data), "questions": asked, "codes": report}, indent=1) + "\n")


if __name__ == "__main__":
    main()
