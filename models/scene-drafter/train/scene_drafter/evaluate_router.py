"""The router over drafts of an exported drafter, as they run in the car: of another one than it learnt from too."""

import argparse
import json
from pathlib import Path

from drafthorse_training.loop import prepare

from .collect import GREEDY
from .draft import Writer
from .target import Target
from .texts import Texts
from .train import fact_mask
from .train_router import judge, judged, load_router


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True, help="folder of the target, models/scene-vlm-s")
    parser.add_argument("--model", required=True, type=Path, help="folder of the exported drafters")
    parser.add_argument("--form", default="standalone_q4")
    parser.add_argument("--router", required=True, help="checkpoint of the router")
    parser.add_argument("--parser", required=True, help="the program drafthorse-scenes")
    parser.add_argument("--data", required=True, help="folder of collected texts to judge by")
    parser.add_argument("--scenes", required=True, help="folder of their scenes")
    parser.add_argument("--limit", type=int, help="judge by so many texts")
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args()
    prepare(1)
    target = Target(options.target)
    texts = Texts([options.data], len(target.words))
    chosen = texts.of_kind(GREEDY)[: options.limit]
    looks = [(int(texts.scene[i]), texts.places(i)) for i in chosen]
    found = judged(Writer(options.model, options.form, target), target, texts, looks, fact_mask(options.parser, target))
    report = {"form": options.form} | judge(load_router(options.router), found, texts, chosen, target, options.parser, options.scenes)
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
