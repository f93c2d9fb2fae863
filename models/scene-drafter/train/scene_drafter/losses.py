"""What a drafter learns: the target's words, and its distribution over them."""

import torch
import torch.nn.functional as F

from .config import Config
from .drafter import Drafter
from .texts import PLACES, Batch


def losses(drafter: Drafter, batch: Batch, facts: torch.Tensor, config: Config) -> dict[str, torch.Tensor]:
    """The parts of the loss, weighted. `facts` bool [vocabulary]: fact-bearing words."""
    slots, whole = drafter.picture(batch.image, PLACES.expand(len(batch.rows), -1), batch.bias)
    made = drafter.unroll(slots, whole, batch.rows, batch.states[:, :-1], config.loss.steps)
    loss = config.loss
    weight = batch.real * torch.where(facts[batch.target], loss.fact, 1.0)
    with torch.no_grad():
        p = (batch.states[:, 1:] @ drafter.words.t() + batch.barred).log_softmax(-1)
    parts: dict[str, torch.Tensor] = {}
    for step, hidden in enumerate(made):
        # Drafts ahead of what a text has: the first words have no such place.
        counted = weight.clone()
        counted[:, :step] = 0.0
        share = loss.decay**step / sum(loss.decay**i for i in range(len(made)))
        q = ((hidden @ drafter.words.t()).float() + batch.barred).log_softmax(-1)
        mean = lambda each: (each * counted).sum() / counted.sum()
        found = {
            "words": loss.words * mean(F.nll_loss(q.transpose(1, 2), batch.target, reduction="none")),
            "divergence": loss.divergence * mean((p.exp() * (p - q)).sum(-1)),
            "distance": loss.distance * mean((p.exp() - q.exp()).abs().sum(-1)),
        }
        if loss.hidden:
            each = F.smooth_l1_loss(hidden.float(), batch.states[:, 1:], reduction="none").mean(-1)
            found["hidden"] = loss.hidden * mean(each)
        for name, part in found.items():
            parts[name] = parts.get(name, 0.0) + share * part
    return parts
