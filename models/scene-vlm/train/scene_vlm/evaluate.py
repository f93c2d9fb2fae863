"""What a model says of held-out scenes: answers by kind, facts of its captions, facts of its encoder.

Answers count where every word is right. Facts of captions are read by `drafthorse-scenes --parse`; those that the
picture does not settle are left out and counted apart. `--keep` shows the decoder a random share of the image tokens.
"""

import argparse
import json
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from . import checkpoint
from .batches import ANSWER_LOSS, pack, padded, pixels_of, question_row
from .config import PATCHES
from .model import SceneVlm
from .scenes import Scenes
from .speak import captions
from .train import prepare

BATCH = 16


def kept_tokens(share: float, seed: int) -> torch.Tensor | None:
    if share >= 1.0:
        return None
    count = max(1, round(share * PATCHES))
    return torch.from_numpy(np.sort(np.random.default_rng(seed).permutation(PATCHES)[:count]))


def chunks(count: int):
    return [range(i, min(i + BATCH, count)) for i in range(0, count, BATCH)]


@torch.no_grad()
def answers(model: SceneVlm, data: Scenes, keep: float = 1.0) -> list[dict]:
    """Each question with its answer and whether the model's is the same.

    Greedy decoding gives an answer exactly where each of its words, and the end, is the most likely after those before.
    """
    found = []
    for part in chunks(len(data)):
        scenes = [data[i] for i in part]
        image = None if model.config.blind else model.image_tokens(pixels_of(scenes))
        texts = [[question_row(*q[3:]) for q in scene.questions] for scene in scenes]
        tokens, target, segment, position, learn = pack(texts)
        logits = model.read(image, tokens, segment, position, kept_tokens(keep, part[0]))
        right = logits.argmax(-1) == target
        for b, scene in enumerate(scenes):
            for number, (key, about, answer, _, _) in enumerate(scene.questions, start=1):
                asked = (segment[b] == number) & (learn[b] == ANSWER_LOSS)
                found.append(
                    {"scene": scene.name, "key": key, "about": about, "answer": answer, "right": bool(right[b][asked].all())}
                )
    return found


def shares(rows: list[dict], of: str) -> dict:
    """Share of right answers, how many there are, and the share of the commonest answer, by `of`."""
    groups = defaultdict(list)
    for row in rows:
        groups[row[of].split(".")[0]].append(row)
    return {name: _summary(group) for name, group in sorted(groups.items())}


def _summary(rows: list[dict]) -> dict:
    # The best that can be known without the picture: each question's commonest answer.
    counts = defaultdict(lambda: defaultdict(int))
    for row in rows:
        counts[row["key"]][row["answer"]] += 1
    common = sum(max(of.values()) for of in counts.values())
    return {
        "right": round(sum(r["right"] for r in rows) / len(rows), 4),
        "commonest": round(common / len(rows), 4),
        "questions": len(rows),
    }


@torch.no_grad()
def told(model: SceneVlm, data: Scenes, keep: float = 1.0) -> list[str]:
    """A caption of each scene."""
    texts = []
    for part in chunks(len(data)):
        scenes = [data[i] for i in part]
        image = None if model.config.blind else model.image_tokens(pixels_of(scenes))
        texts += captions(model, image, len(scenes), kept=kept_tokens(keep, part[0]))
    return texts


@dataclass(frozen=True)
class Stated:
    """What a caption states: facts, and the keys of those of which it states different values."""

    facts: dict[str, str]
    contradicted: list[str]


def parsed(parser: str, texts: list[str]) -> list[Stated]:
    """What captions state, read by the generator's own grammar."""
    done = subprocess.run([parser, "--parse"], input="\n".join(texts) + "\n", capture_output=True, text=True, check=True)
    return [Stated(**json.loads(line)) for line in done.stdout.splitlines()]


def caption_facts(stated: list[Stated], data: Scenes) -> dict:
    """Precision and recall of facts, by kind too.

    Precision: share of right ones among those stated that the picture settles; what a caption contradicts itself in is
    wrong, settled or not. Recall: share of the settled ones that are stated right. `unsettled`: stated although the
    picture does not settle them, in neither.
    """
    right, wrong, found, settled = (defaultdict(int) for _ in range(4))
    unsettled, contradicted = 0, 0
    for told, i in zip(stated, range(len(data)), strict=True):
        known = data[i].facts
        # A count says whether there is one: no caption has to tell both.
        worth = {key for key in known if not (key.startswith("present.") and key.replace("present", "count") in known)}
        for key in worth:
            settled[key.split(".")[0]] += 1
        for key in told.contradicted:
            wrong[key.split(".")[0]] += 1
            contradicted += 1
        for key, value in told.facts.items():
            kind = key.split(".")[0]
            if key not in known:
                unsettled += 1
            elif known[key] != value:
                wrong[kind] += 1
            else:
                right[kind] += 1
                found[kind] += key in worth
    sums = [sum(of.values()) for of in (right, wrong, found, settled)]
    return {
        **_precision_recall(*sums),
        "facts_a_caption": round((sums[0] + sums[1] + unsettled) / max(1, len(data)), 2),
        "unsettled": unsettled,
        "contradicted": contradicted,
        "by_kind": {
            kind: _precision_recall(right[kind], wrong[kind], found[kind], settled[kind])
            for kind in sorted({*right, *wrong, *settled})
        },
    }


def _precision_recall(right: int, wrong: int, found: int, settled: int) -> dict:
    return {
        "precision": round(right / max(1, right + wrong), 4),
        "stated": right + wrong,
        "recall": round(found / max(1, settled), 4),
        "settled": settled,
    }


@torch.no_grad()
def encoder_facts(model: SceneVlm, data: Scenes) -> dict:
    """Share of facts that the encoder's own head gets right, by kind."""
    right, count = defaultdict(int), defaultdict(int)
    for part in chunks(len(data)):
        scenes = [data[i] for i in part]
        features = model.encoder(pixels_of(scenes))
        seen = torch.cat((model.dense.bits(features), model.dense.centres(features)), -1).sigmoid()
        labels = torch.from_numpy(np.stack([scene.labels for scene in scenes]))
        for i, (key, logits) in enumerate(zip(model.language.facts, model.facts(features, seen))):
            known = labels[:, i] >= 0
            kind = key.split(".")[0]
            right[kind] += int((logits.argmax(-1) == labels[:, i])[known].sum())
            count[kind] += int(known.sum())
    return {kind: round(right[kind] / count[kind], 4) for kind in sorted(count) if count[kind]}


@torch.no_grad()
def retrieval(model: SceneVlm, data: Scenes) -> dict:
    """How often a caption finds its own picture among all: recall at 1 and 10."""
    images, texts = [], []
    for part in chunks(len(data)):
        scenes = [data[i] for i in part]
        images.append(model.match.of_image(model.encoder(pixels_of(scenes))))
        texts.append(model.match.of_text(padded([scene.captions[0] for scene in scenes])))
    scores = torch.cat(texts) @ torch.cat(images).t()
    rank = (scores > scores.diagonal()[:, None]).sum(1)
    return {"recall_1": round(float((rank < 1).float().mean()), 4), "recall_10": round(float((rank < 10).float().mean()), 4)}


def evaluate(model: SceneVlm, data: Scenes, parser: str | None, keep: float = 1.0) -> dict:
    rows = answers(model, data, keep)
    report = {"scenes": len(data), "keep": keep, "answers": _summary(rows), "by_kind": shares(rows, "key"), "by_about": shares(rows, "about")}
    if parser:
        report["captions"] = caption_facts(parsed(parser, told(model, data, keep)), data)
    if not model.config.blind:
        report |= {"encoder_facts": encoder_facts(model, data), "retrieval": retrieval(model, data)}
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--data", required=True, help="folder of scenes to judge by")
    parser.add_argument("--parser", help="the program drafthorse-scenes; without it captions are not judged")
    parser.add_argument("--keep", type=float, default=1.0, help="share of image tokens that the decoder sees")
    parser.add_argument("--limit", type=int, help="judge by so many scenes, evenly spread; all otherwise")
    parser.add_argument("--out", type=Path, help="JSON file; printed otherwise")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    prepare(options.threads)
    model, state = checkpoint.load_model(options.checkpoint)
    data = Scenes(options.data, model.language)
    data.check_lengths(model.config.text.max_words)
    if options.limit:
        data.thin(options.limit)
    report = {"step": state["step"], "seed": state["seed"]} | evaluate(model, data, options.parser, options.keep)
    text = json.dumps(report, indent=1)
    if options.out:
        options.out.write_text(text + "\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
