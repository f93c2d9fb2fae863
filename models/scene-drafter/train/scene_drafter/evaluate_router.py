"""The router over drafts of an exported drafter, 4-bit ones too, as they run in the car."""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from drafthorse_training.loop import prepare
from scene_vlm.language import CAPTION, EOS
from scene_vlm.speak import repeated

from .collect import GREEDY
from .draft import Drafted, confidence, opinions
from .evaluate import Chain, best, session
from .target import Target
from .texts import Texts
from .train import fact_mask
from .train_router import AGREES, Judged, judge, load_router


def draft(chain: Chain, slots, whole, longest: int, repeat: int) -> Drafted:
    """A description of one picture, the likeliest token each time."""
    chain.begin(slots, whole)
    tokens, states, sure = [], [], []
    last = CAPTION
    while len(tokens) < longest and last != EOS:
        logits, hidden = chain.text([last], len(tokens), None)
        last = best(logits[0], repeated(tokens, repeat))
        tokens.append(last)
        states.append(hidden[0])
        sure.append(confidence(torch.from_numpy(logits[0]), torch.tensor(last)).numpy())
    return Drafted(tokens, np.stack(states), np.stack(sure), whole[0])


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
    facts = fact_mask(options.parser, target)
    texts = Texts([options.data], len(target.words))
    chosen = texts.of_kind(GREEDY)[: options.limit]
    config = json.loads((options.model / "config.json").read_text())
    compress = session(options.model / "onnx" / "compress.onnx")
    words = target.decoder.embedding.weight.detach().numpy()
    chain = Chain(session(options.model / "onnx" / f"{options.form}.onnx"), config, words)
    drafts, agrees = [], []
    for i in chosen:
        places = texts.places(i)
        image = texts.features[texts.scene[i]][places].astype(np.float32)[None]
        slots, whole = compress.run(None, {"image_features": image, "position_ids": places[None]})
        drafts.append(draft(chain, slots, whole, target.longest, target.repeat))
        (likely,) = opinions(target, torch.from_numpy(image), torch.from_numpy(places)[None], drafts[-1:])
        agrees.append(likely >= AGREES)
    found = Judged(drafts, agrees, [facts[drafted.tokens] for drafted in drafts])
    report = {"form": options.form} | judge(load_router(options.router), found, texts, chosen, target, options.parser, options.scenes)
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
