"""The target: the scene model as it is shipped. Its encoder runs in ONNX Runtime, its decoder is rebuilt in PyTorch."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from scene_vlm import exported
from scene_vlm.config import PATCHES
from scene_vlm.decoder import Decoder, bias_of
from scene_vlm.language import CAPTION, EOS, SPECIAL
from scene_vlm.layers import attend
from scene_vlm.speak import repeated

# What stands for minus infinity where a logit must not win.
NEVER = -1e4
# Tokens barred at one place, at most; more were never seen.
BARRED = 6


@dataclass(frozen=True)
class Text:
    """What follows <caption>, and what the target makes of it.

    tokens: ids, the end included where it ended. hidden f32 [len(tokens) + 1, width]: the target's hidden states at the
    last image token, at <caption> and at each token but the last, so that row i + 1 predicts tokens[i].
    """

    tokens: list[int]
    hidden: np.ndarray


class Target:
    """The model in `folder`."""

    def __init__(self, folder: str | Path, threads: int = 1):
        self.folder = Path(folder)
        self.decoder: Decoder = exported.decoder(folder)
        for parameter in self.decoder.parameters():
            parameter.requires_grad_(False)
        config = json.loads((self.folder / "generation_config.json").read_text())
        self.longest, self.repeat = config["max_new_tokens"], config["no_repeat_ngram_size"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        encoder = str(self.folder / "onnx" / "vision_encoder.onnx")
        self._encoder = onnxruntime.InferenceSession(encoder, options, providers=["CPUExecutionProvider"])
        vocabulary = json.loads((self.folder / "tokenizer.json").read_text())["model"]["vocab"]
        self.words = sorted(vocabulary, key=vocabulary.get)

    @property
    def width(self) -> int:
        return self.decoder.embedding.weight.shape[1]

    def look(self, pixels: torch.Tensor) -> torch.Tensor:
        """Image tokens f32 [B, PATCHES, width] of pixels f32 [B, 3, H, W]."""
        return torch.from_numpy(self._encoder.run(None, {"pixel_values": pixels[:, None].numpy()})[0])

    def words_of(self, tokens: list[int]) -> str:
        return " ".join(self.words[token] for token in tokens if token >= len(SPECIAL))

    @torch.no_grad()
    def say(self, image, kept, sampled: np.random.Generator | None = None) -> list[Text]:
        """Describes pictures from image tokens [B, K, width] at places `kept` i64 [B, K]: the likeliest tokens, or drawn
        at temperature 1, of those that repeat no run."""
        batch, count = kept.shape
        cache = Cache(self.decoder, batch, count + 1 + self.longest)
        prompt = self.decoder.embedding(torch.full((batch, 1), CAPTION))
        places = torch.cat((kept, torch.full((batch, 1), PATCHES)), 1)
        hidden = cache.feed(torch.cat((image, prompt), 1), places)
        states, said = [hidden[:, -2], hidden[:, -1]], [[] for _ in range(batch)]
        over = np.zeros(batch, dtype=bool)
        for step in range(self.longest):
            logits = self.decoder.logits(states[-1])
            for row, words in enumerate(said):
                if not over[row]:
                    logits[row, repeated(words, self.repeat)] = NEVER
            if sampled is None:
                tokens = logits.argmax(-1)
            else:
                noise = torch.from_numpy(sampled.gumbel(size=tuple(logits.shape)).astype(np.float32))
                tokens = (logits + noise).argmax(-1)
            for row, token in enumerate(tokens.tolist()):
                if not over[row]:
                    said[row].append(token)
            over |= tokens.numpy() == EOS
            if over.all() or step + 1 == self.longest:
                break
            place = torch.full((batch, 1), PATCHES + 1 + step)
            states.append(cache.feed(self.decoder.embedding(tokens[:, None]), place)[:, 0])
        stacked = torch.stack(states, 1).numpy()
        return [Text(tokens, stacked[row, : len(tokens) + 1]) for row, tokens in enumerate(said)]

    @torch.no_grad()
    def read(self, image, kept, texts: list[list[int]]) -> list[Text]:
        """What it makes of given texts, each for its own picture."""
        longest = max(len(text) for text in texts)
        rows = torch.tensor([[CAPTION, *text[:-1]] + [0] * (longest - len(text)) for text in texts])
        hidden = self.states(image, kept, rows)[:, kept.shape[1] - 1 :].numpy()
        return [Text(text, hidden[row, : len(text) + 1]) for row, text in enumerate(texts)]

    def states(self, image, kept, rows):
        """Hidden states [B, K + T, width] over image tokens at places `kept` i64 [B, K] and texts `rows` i64 [B, T]."""
        length = kept.shape[1] + rows.shape[1]
        embeds = torch.cat((image, self.decoder.embedding(rows)), 1)
        places = torch.cat((kept, PATCHES + torch.arange(rows.shape[1]).expand(len(rows), -1)), 1)
        index = torch.arange(length)
        bias = bias_of(index[None, :] <= index[:, None])[None, None]
        return self.decoder.hidden(embeds, places, bias)[0]

    def barred(self, tokens: list[int]) -> list[list[int]]:
        """At each place of a text the tokens that would repeat a run."""
        return [repeated(tokens[:i], self.repeat)[:BARRED] for i in range(len(tokens))]


class Cache:
    """Keys and values of a decoder in buffers of their final size: growing them costs more than the products."""

    def __init__(self, decoder: Decoder, batch: int, longest: int):
        heads = decoder.layers[0].heads
        shape = (batch, heads, longest, decoder.embedding.weight.shape[1] // heads)
        self._decoder, self._length = decoder, 0
        self._parts = [(torch.empty(shape), torch.empty(shape)) for _ in decoder.layers]

    def feed(self, embeds, places):
        """Hidden states of further tokens [B, L, width]."""
        length, decoder = self._length + embeds.shape[1], self._decoder
        index = torch.arange(length)
        bias = bias_of(index[None, :] <= index[self._length :, None])[None, None]
        cos, sin = decoder.angles(places)
        x = embeds
        for layer, (keys, values) in zip(decoder.layers, self._parts):
            q, k, v = layer.qkv(x, cos, sin)
            keys[:, :, self._length : length], values[:, :, self._length : length] = k, v
            x = layer.finish(x, attend(q, keys[:, :, :length], values[:, :, :length], bias))
        self._length = length
        return decoder.norm(x)
