"""The router's head: would the target agree with the whole draft? After SDVG's router (2026), which scores frames with a
reward model; here a small head reads what the drafter knew while it wrote."""

import torch
from torch import nn

# Numbers of a token's confidence: ln p, its lead over the next, entropy.
CONFIDENCE = 3


class Router(nn.Module):
    """hidden_states f32 [1, n, width], confidence f32 [1, n, 3], global f32 [1, width] -> score f32 [1].

    The worst token decides as well as the mean: a draft is as good as its weakest word, but one weak word is not always one
    that matters.
    """

    def __init__(self, width: int, inner: int):
        super().__init__()
        # Numbers of features and confidences differ; these bring them to one range.
        self.register_buffer("mean", torch.zeros(CONFIDENCE))
        self.register_buffer("deviation", torch.ones(CONFIDENCE))
        self.token = nn.Sequential(nn.Linear(width + CONFIDENCE, inner), nn.GELU(), nn.Linear(inner, inner), nn.GELU())
        self.whole = nn.Linear(width, inner)
        self.judge = nn.Sequential(nn.Linear(3 * inner + 2, inner), nn.GELU(), nn.Linear(inner, 1))
        # Divides the logit, set on held-out drafts: the score's sigmoid is a probability that holds.
        self.register_buffer("temperature", torch.ones(1))
        self.register_buffer("offset", torch.zeros(1))

    def forward(self, hidden_states, confidence, whole, real=None):
        """`real` bool [B, n]: False for padding."""
        known = (confidence - self.mean) / self.deviation
        tokens = self.token(torch.cat((hidden_states, known), -1))
        least = confidence[..., 0]
        if real is None:
            worst, mean = tokens.amax(1), tokens.mean(1)
            plain = torch.stack((least.amin(1), least.mean(1)), -1)
        else:
            count = real.sum(1, keepdim=True)
            worst = tokens.masked_fill(~real[..., None], -torch.inf).amax(1)
            mean = (tokens * real[..., None]).sum(1) / count
            plain = torch.stack((least.masked_fill(~real, torch.inf).amin(1), (least * real).sum(1) / count[:, 0]), -1)
        score = self.judge(torch.cat((worst, mean, self.whole(whole), plain), -1))[:, 0]
        return score / self.temperature + self.offset
