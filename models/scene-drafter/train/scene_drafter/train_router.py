"""Trains and judges the router's head on drafts of scenes that the drafter did not learn from.

A draft is good where the target, reading it, would have written each of its fact-bearing words itself.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from drafthorse_training import checkpoint
from drafthorse_training.loop import prepare
from scene_vlm.evaluate import parsed
from scene_vlm.scenes import Scenes

from .collect import GREEDY
from .draft import Drafted, agreed, draft
from .drafter import Drafter
from .router import Router
from .target import Target
from .texts import Texts
from .train import fact_mask, load_drafter

BATCH = 48
INNER = 64
STEPS, LEARNING_RATE, WEIGHT_DECAY, ROWS = 1500, 1e-3, 0.05, 64
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Judged:
    """Drafts of the greedy texts of some folders, `texts` by their index, and whether each is good."""

    drafts: list[Drafted]
    good: np.ndarray
    texts: np.ndarray


def judged(drafter: Drafter, target: Target, texts: Texts, facts: np.ndarray) -> Judged:
    chosen = texts.of_kind(GREEDY)
    # Together those of one budget: they have as many tokens.
    counts = np.array([len(texts.places(i)) for i in chosen])
    chosen = chosen[np.argsort(counts, kind="stable")]
    drafts, good = [], []
    for count in np.unique(counts):
        same = [i for i in chosen if len(texts.places(i)) == count]
        for first in range(0, len(same), BATCH):
            part = same[first : first + BATCH]
            kept = torch.from_numpy(np.stack([texts.places(i) for i in part]))
            image = torch.from_numpy(texts.features[texts.scene[part]]).float()
            image = image.gather(1, kept[..., None].expand(-1, -1, image.shape[-1]))
            made = draft(drafter, image, kept, target.longest, target.repeat)
            for drafted, right in zip(made, agreed(target, image, kept, made)):
                good.append(bool(right[facts[drafted.tokens]].all()))
            drafts += made
    return Judged(drafts, np.array(good), chosen)


def stacked(drafts: list[Drafted]):
    """hidden, confidence, global, real of some drafts, padded."""
    longest = max(len(drafted.tokens) for drafted in drafts)
    pad = lambda rows: torch.from_numpy(np.stack([np.pad(row, ((0, longest - len(row)), (0, 0))) for row in rows]))
    real = torch.tensor([[i < len(drafted.tokens) for i in range(longest)] for drafted in drafts])
    whole = torch.from_numpy(np.stack([drafted.whole for drafted in drafts]))
    return pad([d.hidden for d in drafts]), pad([d.confidence for d in drafts]), whole, real


def fit(found: Judged, width: int, seed: int) -> Router:
    torch.manual_seed(seed)
    router = Router(width, INNER)
    known = np.concatenate([drafted.confidence for drafted in found.drafts])
    router.mean.copy_(torch.from_numpy(known.mean(0)))
    router.deviation.copy_(torch.from_numpy(known.std(0)))
    optimiser = torch.optim.AdamW(router.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    good = torch.from_numpy(found.good).float()
    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * (1 - step / STEPS)
        rows = np.random.default_rng([seed, step]).integers(len(good), size=ROWS)
        hidden, confidence, whole, real = stacked([found.drafts[i] for i in rows])
        # Hidden states are many for the drafts there are; some noise keeps the head from learning them by heart.
        hidden = F.dropout(hidden, 0.2)
        loss = F.binary_cross_entropy_with_logits(router(hidden, confidence, whole, real), good[rows])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    return router.eval()


@torch.no_grad()
def scores(router: Router, drafts: list[Drafted]) -> np.ndarray:
    parts = [drafts[i : i + BATCH] for i in range(0, len(drafts), BATCH)]
    return np.concatenate([router(*stacked(part)).numpy() for part in parts])


def calibrate(router: Router, found: Judged) -> None:
    """Sets temperature and offset on held-out drafts, by likelihood."""
    logits = torch.from_numpy(scores(router, found.drafts))
    good = torch.from_numpy(found.good).float()
    slope, offset = torch.ones(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.LBFGS([slope, offset], max_iter=100)

    def closure():
        optimiser.zero_grad()
        loss = F.binary_cross_entropy_with_logits(slope * logits + offset, good)
        loss.backward()
        return loss

    optimiser.step(closure)
    router.temperature.copy_(1.0 / slope.detach())
    router.offset.copy_(offset.detach())


def auroc(score: np.ndarray, good: np.ndarray) -> float:
    """How often a good draft scores above a bad one; ties count half."""
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    rank = (np.searchsorted(ordered, score, "left") + np.searchsorted(ordered, score, "right") + 1) / 2
    positive, negative = good.sum(), (~good).sum()
    return float((rank[good].sum() - positive * (positive + 1) / 2) / max(1, positive * negative))


def calibration_error(score: np.ndarray, good: np.ndarray, bins: int = 10) -> float:
    """Mean distance between the probability told and the share that is good, over tenths of the drafts."""
    p = 1 / (1 + np.exp(-score))
    parts = np.array_split(np.argsort(p), bins)
    return float(sum(len(part) * abs(p[part].mean() - good[part].mean()) for part in parts) / len(p))


def plain(drafts: list[Drafted], facts: np.ndarray) -> dict[str, np.ndarray]:
    """Scores that need no head."""
    least = [drafted.confidence[:, 0] for drafted in drafts]
    bearing = [row[facts[drafted.tokens]] for row, drafted in zip(least, drafts)]
    return {
        "least": np.array([row.min() for row in least]),
        "mean": np.array([row.mean() for row in least]),
        "least_fact": np.array([row.min() if len(row) else 0.0 for row in bearing]),
        "random": np.random.default_rng(0).random(len(drafts)),
    }


def right_and_wrong(parser: str, captions: list[str], known: list[dict]) -> np.ndarray:
    """i64 [N, 2]: facts of each caption that are right and wrong, of those that the picture settles."""
    counts = []
    for told, facts in zip(parsed(parser, captions), known, strict=True):
        settled = [(facts[key], value) for key, value in told.facts.items() if key in facts]
        right = sum(a == b for a, b in settled)
        counts.append((right, len(settled) - right + len(told.contradicted)))
    return np.array(counts)


def curve(score: np.ndarray, drafted: np.ndarray, targeted: np.ndarray) -> list[list[float]]:
    """By share of drafts accepted, the best scores first: share of told facts that are right, as a share of the target's."""
    order = np.argsort(-score, kind="stable")
    precision = lambda counts: counts[:, 0].sum() / counts.sum()
    rows = []
    for share in SHARES:
        taken = np.zeros(len(score), dtype=bool)
        taken[order[: round(share * len(score))]] = True
        rows.append([share, round(float(precision(np.where(taken[:, None], drafted, targeted)) / precision(targeted)), 4)])
    return rows


def judge(router: Router, found: Judged, texts: Texts, target: Target, facts: np.ndarray, parser: str, scenes: str) -> dict:
    every = {"head": scores(router, found.drafts)} | plain(found.drafts, facts)
    report = {
        "drafts": len(found.drafts),
        "good": round(float(found.good.mean()), 4),
        "auroc": {name: round(auroc(score, found.good), 4) for name, score in every.items()},
        "calibration_error": round(calibration_error(every["head"], found.good), 4),
    }
    data = Scenes(scenes)
    known = [data[int(texts.scene[i])].facts for i in found.texts]
    drafted = right_and_wrong(parser, [target.words_of(d.tokens) for d in found.drafts], known)
    targeted = right_and_wrong(parser, [target.words_of(texts.tokens(i)) for i in found.texts], known)
    precision = lambda counts: round(float(counts[:, 0].sum() / counts.sum()), 4)
    report |= {
        "right_of_told": {"draft": precision(drafted), "target": precision(targeted)},
        "told_a_text": {"draft": round(float(drafted.sum(1).mean()), 2), "target": round(float(targeted.sum(1).mean()), 2)},
        "kept_by_accepted_share": {name: curve(score, drafted, targeted) for name, score in every.items()},
        "accepted_alone": {
            name: [[share, precision(drafted[np.argsort(-score, kind="stable")[: round(share * len(score))]])] for share in SHARES]
            for name, score in every.items()
        },
    }
    return report


def save(router: Router, path: Path, width: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.save(path, {"width": width, "inner": INNER, "model": router.state_dict()})


def load_router(path: str | Path) -> Router:
    state = checkpoint.load(path)
    router = Router(state["width"], state["inner"])
    router.load_state_dict(state["model"])
    return router.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True, help="folder of the target, models/scene-vlm-s")
    parser.add_argument("--drafter", required=True, help="checkpoint of the drafter that stands alone")
    parser.add_argument("--parser", required=True, help="the program drafthorse-scenes, which knows the fact-bearing words and reads captions")
    parser.add_argument("--data", required=True, action="append", help="folder of collected texts to learn from")
    parser.add_argument("--val", required=True, help="folder of collected texts to calibrate on")
    parser.add_argument("--test", required=True, help="folder of collected texts to judge by")
    parser.add_argument("--scenes", required=True, help="folder of the scenes of --test, by which the facts of accepted drafts are judged")
    parser.add_argument("--out", required=True, type=Path, help="folder of the run: checkpoint.pt, test.json")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    prepare(1)
    target = Target(options.target)
    drafter, _ = load_drafter(options.drafter, target)
    facts = fact_mask(options.parser, target)
    texts = {name: Texts(of, len(target.words)) for name, of in (("data", options.data), ("val", [options.val]), ("test", [options.test]))}
    found = {name: judged(drafter, target, of, facts) for name, of in texts.items()}
    router = fit(found["data"], target.width, options.seed)
    calibrate(router, found["val"])
    save(router, options.out / "checkpoint.pt", target.width)
    report = {"learnt_from": len(found["data"].drafts), "seed": options.seed}
    report |= judge(router, found["test"], texts["test"], target, facts, options.parser, options.scenes)
    (options.out / "test.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
