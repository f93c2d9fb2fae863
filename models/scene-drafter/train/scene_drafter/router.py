"""The router's head: would the target agree with the whole draft? After SDVG's router (2026), which scores frames with a
reward model; here a small head reads what the drafter knew while it wrote."""

import torch
from torch import nn

# Numbers of a token's confidence: ln p, its lead over the next, entropy.
CONFIDENCE = 3
# A logit beyond this is as good as certain.
SURE = 15.0


class Router(nn.Module):
    """hidden_states f32 [1, n, width], confidence f32 [1, n, 3], global f32 [1, width] -> score f32 [1].

    Each token gets the probability that the target agrees with it, and how much that matters (whether it carries a fact).
    The draft's is the product of the former to the power of the latter, put right by a line that is set on held-out drafts.
    """

    def __init__(self, width: int, inner: int):
        super().__init__()
        # Numbers of features and confidences differ; these bring them to one range.
        self.register_buffer("mean", torch.zeros(CONFIDENCE))
        self.register_buffer("deviation", torch.ones(CONFIDENCE))
        self.token = nn.Sequential(nn.Linear(2 * width + CONFIDENCE, inner), nn.GELU(), nn.Linear(inner, inner), nn.GELU())
        self.judge = nn.Linear(inner, 2)
        self.register_buffer("temperature", torch.ones(1))
        self.register_buffer("offset", torch.zeros(1))

    def tokens(self, hidden_states, confidence, whole):
        """Logits [B, n, 2] of each token: that the target agrees, that it carries a fact."""
        known = (confidence - self.mean) / self.deviation
        around = whole[:, None].expand(-1, hidden_states.shape[1], -1)
        return self.judge(self.token(torch.cat((hidden_states, around, known), -1))).clamp(-SURE, SURE)

    def of_tokens(self, logits):
        """The draft's score [B] of its tokens' logits."""
        agrees = -(1.0 + (-logits[..., 0]).exp()).log()
        # The probability's logarithm, kept off 0.
        together = (agrees * logits[..., 1].sigmoid()).sum(1) - 1e-5
        return (together - (1.0 - together.exp()).log()) / self.temperature + self.offset

    def forward(self, hidden_states, confidence, whole):
        return self.of_tokens(self.tokens(hidden_states, confidence, whole))
