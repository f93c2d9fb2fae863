"""How well drafts hold: what a chain of drafted words is worth against the target's own greedy text.

A draft is right as long as it is the target's text, so what follows a right draft is read off the text itself: every place
of it is the beginning of a draft, and all of them are run at once. Both sides bar what would repeat a run.
"""

from collections import defaultdict

import numpy as np
import torch

from .drafter import Drafter
from .texts import PLACES, Texts

BATCH = 50


@torch.no_grad()
def matches(drafter: Drafter, texts: Texts, chosen, length: int) -> list[np.ndarray]:
    """Of each text bool [length, words]: whether the draft's step of that number is right at each word."""
    found = []
    for first in range(0, len(chosen), BATCH):
        part = chosen[first : first + BATCH]
        batch = texts.batch(part)
        slots, whole = drafter.picture(batch.image, PLACES.expand(len(part), -1), batch.bias)
        made = drafter.unroll(slots, whole, batch.rows, batch.states[:, :-1], length)
        right = [((hidden @ drafter.words.t() + batch.barred).argmax(-1) == batch.target) for hidden in made]
        # Standing alone, every step of a draft sees the same.
        stacked = torch.stack(right * (length if len(right) == 1 else 1), 1).numpy()
        found += [rows[:, : len(texts.tokens(i))] for rows, i in zip(stacked, part)]
    return found


def calls(right: np.ndarray, length: int, begin: int) -> tuple[int, int]:
    """Words gained and calls of the target for one text from word `begin` on: each call keeps the right words of
    a draft of `length` and adds one of its own."""
    words, at, count = right.shape[1], begin, 0
    while at < words:
        kept = 0
        while kept < min(length, words - at) and right[kept, at + kept]:
            kept += 1
        at = min(at + kept + 1, words)
        count += 1
    return words - begin, count


def report(drafter: Drafter, texts: Texts, chosen, facts: np.ndarray, length: int = 5) -> dict:
    """Words a call of the target and how often drafted words are right, given what is before them, fact-bearing ones
    apart. `facts` bool [vocabulary]."""
    # Beside the target, it has said the first word before there is anything to draft from.
    begin = 1 if drafter.config.draft.colocated else 0
    found = matches(drafter, texts, chosen, length)
    gained, needed, sums = 0, 0, defaultdict(lambda: [0, 0])
    whole = 0
    for right, i in zip(found, chosen):
        words, count = calls(right, length, begin)
        gained, needed = gained + words, needed + count
        bearing = facts[texts.tokens(i)]
        for step in range(length if begin else 1):
            for name, mask in (("fact", bearing), ("other", ~bearing)):
                mask = mask & (np.arange(len(mask)) >= step + begin)
                sums[name, step][0] += int(right[step][mask].sum())
                sums[name, step][1] += int(mask.sum())
        whole += bool(right[0][bearing].all())
    agreed = {name: [round(r / max(1, n), 4) for (of, _), (r, n) in sorted(sums.items()) if of == name] for name in ("fact", "other")}
    return {
        "texts": len(chosen),
        "draft_length": length,
        "tokens_per_call": round(gained / needed, 4),
        "fact_agreement": agreed["fact"][0],
        "other_agreement": agreed["other"][0],
        "all_facts_agree": round(whole / len(chosen), 4),
        "fact_agreement_by_step": agreed["fact"],
        "other_agreement_by_step": agreed["other"],
    }
