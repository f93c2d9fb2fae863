"""Trains and judges the router's head on drafts of scenes that the drafter did not learn from.

A draft is good where the target, reading it, agrees with each of its fact-bearing words: gives it at least AGREES of the probability of
the word that it likes best there. (Its own choice between `day` and `midday` is as good as a coin's.)
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

from .collect import BUDGETS, GREEDY, uniform
from .draft import Drafted, Writer, opinions
from .router import SURE, Router
from .target import Target
from .texts import Texts
from .train import fact_mask

AGREES = 0.5
BATCH = 48
INNER = 96
STEPS, LEARNING_RATE, WEIGHT_DECAY, ROWS = 1500, 1e-3, 0.05, 48
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Judged:
    """Drafts, and of each bool [n]: which tokens the target agrees with, which carry facts."""

    drafts: list[Drafted]
    agrees: list[np.ndarray]
    bearing: list[np.ndarray]

    @property
    def good(self) -> np.ndarray:
        return np.array([bool(agrees[bearing].all()) for agrees, bearing in zip(self.agrees, self.bearing)])


@torch.no_grad()
def judged(writer: Writer, target: Target, texts: Texts, looks: list[tuple[int, np.ndarray]], facts: np.ndarray) -> Judged:
    """Drafts of scenes, each from the image tokens at given places, in the given order."""
    drafts, agrees = [None] * len(looks), [None] * len(looks)
    counts = np.array([len(places) for _, places in looks])
    for count in np.unique(counts):
        same = np.nonzero(counts == count)[0]
        for part in np.split(same, range(BATCH, len(same), BATCH)):
            kept = np.stack([looks[i][1] for i in part])
            image = np.stack([texts.features[looks[i][0]][looks[i][1]] for i in part]).astype(np.float32)
            made = [writer.draft(*one) for one in zip(image, kept)]
            likely = opinions(target, torch.from_numpy(image), torch.from_numpy(kept), made)
            for i, drafted, ratio in zip(part, made, likely):
                drafts[i], agrees[i] = drafted, ratio >= AGREES
    return Judged(drafts, agrees, [facts[drafted.tokens] for drafted in drafts])


def every_look(texts: Texts) -> list[tuple[int, np.ndarray]]:
    """All scenes with each budget."""
    return [(scene, uniform(count)) for scene in range(len(texts.features)) for count in BUDGETS]


def stacked(rows: list[np.ndarray]) -> torch.Tensor:
    """[B, n, ...], padded with zeros."""
    longest = max(len(row) for row in rows)
    return torch.from_numpy(np.stack([np.pad(row, [(0, longest - len(row))] + [(0, 0)] * (row.ndim - 1)) for row in rows]))


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
        drafts = [found.drafts[i] for i in rows]
        real = stacked([np.ones(len(drafted.tokens), dtype=bool) for drafted in drafts])
        agrees, bearing = (stacked([of[i] for i in rows]).float() for of in (found.agrees, found.bearing))
        # Hidden states are many for the drafts there are; some noise keeps the head from learning them by heart.
        hidden = F.dropout(stacked([drafted.hidden for drafted in drafts]), 0.3)
        whole = F.dropout(torch.from_numpy(np.stack([drafted.whole for drafted in drafts])), 0.3)
        logits = router.tokens(hidden, stacked([drafted.confidence for drafted in drafts]), whole)
        each = F.binary_cross_entropy_with_logits(logits, torch.stack((agrees, bearing), -1), reduction="none")
        loss = (each[..., 0] * bearing).sum() / bearing.sum() + (each[..., 1] * real).sum() / real.sum()
        # Padding carries no fact.
        score = router.of_tokens(torch.where(real[..., None], logits, logits.new_tensor([SURE, -SURE])))
        loss = loss + F.binary_cross_entropy_with_logits(score, good[rows])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    return router.eval()


@torch.no_grad()
def token_logits(router: Router, drafts: list[Drafted]) -> list[torch.Tensor]:
    """[1, n, 2] of each draft."""
    each = ((d.hidden, d.confidence, d.whole) for d in drafts)
    return [router.tokens(*(torch.from_numpy(part)[None] for part in parts)) for parts in each]


@torch.no_grad()
def scores(router: Router, drafts: list[Drafted]) -> np.ndarray:
    return np.array([float(router.of_tokens(logits)) for logits in token_logits(router, drafts)])


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


def plain(found: Judged) -> dict[str, np.ndarray]:
    """Scores that need no head."""
    least = [drafted.confidence[:, 0] for drafted in found.drafts]
    facts = [row[bearing] for row, bearing in zip(least, found.bearing)]
    return {
        "least": np.array([row.min() for row in least]),
        "mean": np.array([row.mean() for row in least]),
        "least_fact": np.array([row.min(initial=0.0) for row in facts]),
        "mean_fact": np.array([row.mean() if len(row) else 0.0 for row in facts]),
        "random": np.random.default_rng(0).random(len(least)),
    }


def of_words(router: Router, found: Judged) -> dict[str, float]:
    """AUROC over fact-bearing words alone: of the head, of ln p."""
    head = np.concatenate([logits[0, :, 0].numpy()[bearing] for logits, bearing in zip(token_logits(router, found.drafts), found.bearing)])
    own = np.concatenate([drafted.confidence[bearing, 0] for drafted, bearing in zip(found.drafts, found.bearing)])
    agrees = np.concatenate([agrees[bearing] for agrees, bearing in zip(found.agrees, found.bearing)])
    return {"head": round(auroc(head, agrees), 4), "ln_p": round(auroc(own, agrees), 4), "agrees": round(float(agrees.mean()), 4)}


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


def judge(router: Router, found: Judged, texts: Texts, chosen, target: Target, parser: str, scenes: str) -> dict:
    every = {"head": scores(router, found.drafts)} | plain(found)
    data = Scenes(scenes)
    known = [data[int(texts.scene[i])].facts for i in chosen]
    drafted = right_and_wrong(parser, [target.words_of(d.tokens) for d in found.drafts], known)
    targeted = right_and_wrong(parser, [target.words_of(texts.tokens(i)) for i in chosen], known)
    precision = lambda counts: round(float(counts[:, 0].sum() / counts.sum()), 4)
    best = {name: np.argsort(-score, kind="stable") for name, score in every.items()}
    return {
        "drafts": len(found.drafts),
        "good": round(float(found.good.mean()), 4),
        "auroc": {name: round(auroc(score, found.good), 4) for name, score in every.items()},
        "auroc_of_fact_words": of_words(router, found),
        "auroc_of_no_wrong_fact": {name: round(auroc(score, drafted[:, 1] == 0), 4) for name, score in every.items()},
        "calibration_error": round(calibration_error(every["head"], found.good), 4),
        "right_of_told": {"draft": precision(drafted), "target": precision(targeted)},
        "told_a_text": {"draft": round(float(drafted.sum(1).mean()), 2), "target": round(float(targeted.sum(1).mean()), 2)},
        "kept_by_accepted_share": {name: curve(score, drafted, targeted) for name, score in every.items()},
        "accepted_alone": {
            name: [[share, precision(drafted[order[: round(share * len(order))]])] for share in SHARES] for name, order in best.items()
        },
    }


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
    parser.add_argument("--model", required=True, type=Path, help="folder of the exported drafters")
    parser.add_argument("--form", default="standalone_q4", help="the drafter that the vehicle runs, by the name of its graph")
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
    writer = Writer(options.model, options.form, target)
    facts = fact_mask(options.parser, target)
    folders = {"data": options.data, "val": [options.val], "test": [options.test]}
    texts = {name: Texts(of, len(target.words)) for name, of in folders.items()}
    chosen = texts["test"].of_kind(GREEDY)
    looks = {name: every_look(texts[name]) for name in ("data", "val")}
    looks["test"] = [(int(texts["test"].scene[i]), texts["test"].places(i)) for i in chosen]
    found = {name: judged(writer, target, texts[name], looks[name], facts) for name in texts}
    router = fit(found["data"], target.width, options.seed)
    calibrate(router, found["val"])
    save(router, options.out / "checkpoint.pt", target.width)
    on_val = round(auroc(scores(router, found["val"].drafts), found["val"].good), 4)
    report = {"form": options.form, "learnt_from": len(found["data"].drafts), "seed": options.seed, "auroc_on_val": on_val}
    report |= judge(router, found["test"], texts["test"], chosen, target, options.parser, options.scenes)
    (options.out / "test.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
