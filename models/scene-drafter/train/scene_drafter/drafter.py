"""The drafter: a decoder layer or two between the target's own embeddings and LM head, which stay as they are.

After ViSpec: compressed image tokens stand before the text, and a global vector of the picture is added to every word through
a layer that begins as if there were none. The co-located form is fed the target's hidden states one place late, or its own
of the step before where the target has not been (EAGLE's shift).
"""

import torch
from scene_vlm.config import PATCHES, Text
from scene_vlm.decoder import Decoder, Layer, bias_of
from torch import nn

from .compress import Compressor
from .config import Config, slot_positions


class Drafter(nn.Module):
    def __init__(self, config: Config, target: Decoder):
        super().__init__()
        self.config = config
        width, heads = target.embedding.weight.shape[1], target.layers[0].heads
        self.compressor = Compressor(config.compress, width, heads)
        # [I | 0]: the global vector says nothing at first.
        self.fuse = nn.Linear(2 * width, width)
        nn.init.zeros_(self.fuse.bias)
        with torch.no_grad():
            self.fuse.weight.copy_(torch.cat((torch.eye(width), torch.zeros(width, width)), 1))
        if config.draft.colocated:
            self.join = nn.Linear(2 * width, width)
        self.layers = nn.ModuleList(Layer(_text(target)) for _ in range(config.draft.layers))
        self.norm = type(target.norm)(width)
        # Layers begin as the target's last ones.
        for own, of in zip(self.layers, target.layers[-config.draft.layers :]):
            own.load_state_dict(of.state_dict())
        self.norm.load_state_dict(target.norm.state_dict())
        # Not parameters of this model, but part of its graph.
        self.register_buffer("words", target.embedding.weight.detach().clone(), persistent=False)
        self.register_buffer("cos", target.cos.clone(), persistent=False)
        self.register_buffer("sin", target.sin.clone(), persistent=False)

    @property
    def slots(self) -> int:
        return self.config.compress.slots

    def picture(self, image, positions, bias=None):
        """Slots [B, S, width] and global vector [B, width]; zeros for what this form does not use."""
        compress = self.config.compress
        if not compress.sees:
            width = image.shape[-1]
            return image.new_zeros(len(image), self.slots, width), image.new_zeros(len(image), width)
        slots, whole = self.compressor(image, positions, bias)
        return slots, whole if compress.uses_global else torch.zeros_like(whole)

    def enter(self, embeds, whole, positions, hidden=None):
        """What the first layer gets: embeddings [B, L, width] of slots and words, with the global vector [B, width] at words."""
        whole = whole[:, None] * (positions >= PATCHES)[..., None].float()
        if not self.config.draft.colocated:
            return self.fuse(torch.cat((embeds, whole), -1))
        return self.join(torch.cat((embeds, self.fuse(torch.cat((hidden, whole), -1))), -1))

    def angles(self, positions):
        return nn.functional.embedding(positions, self.cos)[:, None], nn.functional.embedding(positions, self.sin)[:, None]

    def step(self, embeds, whole, positions, bias, past, hidden=None):
        """Logits [B, L, vocabulary], hidden states [B, L, width] and each layer's keys and values with those of `past`."""
        x = self.enter(embeds, whole, positions, hidden)
        cos, sin = self.angles(positions)
        present = []
        for i, layer in enumerate(self.layers):
            x, kept = layer(x, cos, sin, bias, past[i] if past is not None else None)
            present.append(kept)
        hidden = self.norm(x)
        return hidden @ self.words.t(), hidden, present

    def inputs(self, slots, rows):
        """Embeddings [B, S + T, width] and positions of slots and words i64 [B, T]."""
        words = nn.functional.embedding(rows, self.words)
        text = PATCHES + torch.arange(rows.shape[1])
        positions = torch.cat((torch.tensor(slot_positions(self.slots)), text)).expand(len(rows), -1)
        return torch.cat((slots, words), 1), positions

    def unroll(self, slots, whole, rows, states, steps: int) -> list[torch.Tensor]:
        """Hidden states [B, T, width] at words `rows` i64 [B, T] when the draft began there, a word before, and so on.

        `states` [B, T, width]: the target's hidden states a place before each word. Without it, or standing alone, how
        far a draft has come changes nothing: one step is all.
        """
        embeds, positions = self.inputs(slots, rows)
        length, count = embeds.shape[1], self.slots
        index = torch.arange(length)
        causal = index[None, :] <= index[:, None]
        if not self.config.draft.colocated:
            _, hidden, _ = self.step(embeds, whole, positions, bias_of(causal), None)
            return [hidden[:, count:]]
        given = torch.cat((torch.zeros_like(slots), states), 1)
        keys, values, made = [], [], []
        cos, sin = self.angles(positions)
        (layer,) = self.layers
        for step in range(steps):
            x = self.enter(embeds, whole, positions, given)
            q, k, v = layer.qkv(x, cos, sin)
            keys.append(k)
            values.append(v)
            hidden = self.norm(layer.finish(x, _attend_steps(q, keys, values, index)))
            made.append(hidden[:, count:])
            # A place late; slots have none, and the first word keeps the target's.
            given = torch.cat((given[:, : count + 1], hidden[:, count:-1]), 1)
        return made


def _attend_steps(q, keys, values, index):
    """Attention of words drafted `len(keys) - 1` places after the draft began: what came before is as the target's
    hidden states made it, each later place as that step of the draft did."""
    ahead = len(keys) - 1
    back = index[:, None] - index[None, :]
    q = q * q.shape[-1] ** -0.5
    # Step i's own key stands `ahead - i` places back; those of step 0 fill what is behind it.
    masks = [back >= ahead] + [back == ahead - i for i in range(1, ahead + 1)]
    scores = sum((q @ k.transpose(-1, -2)) * mask for k, mask in zip(keys, masks))
    weights = (scores + bias_of(back >= 0)).softmax(-1)
    mixed = sum((weights * mask) @ v for v, mask in zip(values, masks))
    return mixed.transpose(1, 2).reshape(q.shape[0], -1, q.shape[1] * q.shape[3])


def _text(target: Decoder):
    """The shape of the target's layers."""
    layer = target.layers[0]
    inner, width = layer.gate.weight.shape
    return Text(layers=1, width=width, heads=layer.heads, feed_forward=inner, max_positions=len(target.cos), max_words=0)
