"""What a model says, by its own code."""

import torch
from pictures import ANSWER_TOKENS


def greedy(forward, embed, embeds, positions, following: int, ends: list[int]):
    """Logits of a prefill of embeddings at positions, and the likeliest tokens after it.

    `forward(embeds, positions, attention_mask, past)` is the model's own; text goes on at the position `following`."""
    said, past, logits = [], None, None
    total = 0
    while len(said) < ANSWER_TOKENS:
        total += embeds.shape[1]
        # With a mask given, gaps in positions are not taken for the beginnings of other sequences.
        mask = torch.ones(1, total, dtype=torch.int64)
        with torch.no_grad():
            answer = forward(embeds, positions, mask, past)
        past = answer.past_key_values
        logits = answer.logits[0] if logits is None else logits
        last = answer.logits[0, -1]
        best = last.topk(2).values
        assert best[0] - best[1] > 1e-3, "a tie that rounding may settle: take another seed"
        said.append(int(last.argmax()))
        if said[-1] in ends:
            break
        embeds = embed(torch.tensor([[said[-1]]])).detach()
        positions = torch.full((*positions.shape[:-1], 1), following)
        following += 1
    return logits, said


def some(logits):
    """Every fourth row, the last among them."""
    return logits.flip(0)[::4]


def without(kept, slots, length: int):
    """Indices of a sequence that stay where of `slots` only the `kept` ones do."""
    dropped = set(slots) - {slots[k] for k in kept}
    return [i for i in range(length) if i not in dropped]
