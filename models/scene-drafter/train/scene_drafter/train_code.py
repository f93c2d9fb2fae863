"""Trains the code for image tokens: first to give tokens back, then to leave the target's words as they were."""

import argparse
import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from drafthorse_training import checkpoint, tables
from drafthorse_training.loop import descend, prepare, train, warm_cosine
from scene_vlm.config import PATCHES
from scene_vlm.decoder import bias_of
from scene_vlm.train import decayed

from .code import Code, Shape
from .target import Target
from .texts import Texts

FLOOR = 0.02


@dataclass(frozen=True)
class Config:
    """`alike_steps` on tokens alone, `tokens` of them each; then `words_steps` through the target's decoder, `batch` texts
    each, the first stage's loss at the weight `keep`."""

    name: str
    dims: int
    levels: int
    inner: int
    alike_steps: int
    tokens: int
    words_steps: int
    batch: int
    keep: float
    learning_rate: float
    warmup_steps: int
    weight_decay: float
    clip_norm: float
    bfloat16: bool


class Run:
    """A code in training: one call of `advance` is one step."""

    def __init__(self, config: Config, target: Target, texts: Texts, seed: int):
        torch.manual_seed(seed)
        self.config, self.seed, self.data = config, seed, texts.identity
        self.target, self.texts = target, texts
        self.code = Code(Shape(config.dims, config.levels), target.width, config.inner)
        self.optimiser = torch.optim.AdamW(decayed(self.code, config.weight_decay), lr=1e-3, betas=(0.9, 0.95), fused=True)
        self.step = 0

    @property
    def steps(self) -> int:
        return self.config.alike_steps + self.config.words_steps

    def rate(self) -> float:
        return self.config.learning_rate * warm_cosine(self.step, self.steps, self.config.warmup_steps, FLOOR)

    def resume(self, path: Path) -> None:
        self.step = checkpoint.restore(path, self.code, self.optimiser, **self._facts())

    def save(self, path: Path) -> None:
        checkpoint.keep(path, self.step, self.code, self.optimiser, **self._facts())

    def _facts(self) -> dict:
        return {"config": dataclasses.asdict(self.config), "seed": self.seed, "data": self.data}

    def advance(self) -> dict[str, float]:
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        rng = np.random.default_rng([self.seed, self.step])
        with torch.autocast("cpu", torch.bfloat16, enabled=self.config.bfloat16):
            parts = self._alike(rng) if self.step < self.config.alike_steps else self._words(rng)
        told = descend(self.code, self.optimiser, parts, self.config.clip_norm, self.step)
        self.step += 1
        return told

    def _alike(self, rng) -> dict[str, torch.Tensor]:
        features = self.texts.features
        scene, place = rng.integers(len(features), size=self.config.tokens), rng.integers(PATCHES, size=self.config.tokens)
        image = torch.from_numpy(features[scene, place]).float()
        return {"alike": unlike(self.code(image), image)}

    def _words(self, rng) -> dict[str, torch.Tensor]:
        chosen = rng.choice(len(self.texts), self.config.batch, replace=False)
        batch = self.texts.batch(chosen)
        coded = self.code(batch.image)
        length = PATCHES + batch.rows.shape[1]
        embeds = torch.cat((coded, self.target.decoder.embedding(batch.rows)), 1)
        index = torch.arange(length)
        causal = bias_of(index[None, :] <= index[:, None])[None, None]
        hidden_away = F.pad(batch.bias, (0, batch.rows.shape[1]))
        hidden, _ = self.target.decoder.hidden(embeds, index.expand(len(chosen), -1), causal + hidden_away)
        words = self.target.decoder.embedding.weight.t()
        p = (batch.states[:, 1:] @ words).float().log_softmax(-1)
        q = (hidden[:, PATCHES:] @ words).float().log_softmax(-1)
        each = (p.exp() * (p - q)).sum(-1)
        return {
            "divergence": (each * batch.real).sum() / batch.real.sum(),
            "alike": self.config.keep * unlike(coded, batch.image),
        }


def unlike(coded, image):
    """Mean square error, as a share of the tokens' own."""
    return F.mse_loss(coded.float(), image) / image.square().mean()


def load_code(path: str | Path, width: int) -> tuple[Code, dict]:
    """A code from the checkpoint of its run, and the state as saved."""
    state = checkpoint.load(path)
    config = tables.build(Config, state["config"])
    code = Code(Shape(config.dims, config.levels), width, config.inner)
    code.load_state_dict(state["model"])
    return code.eval(), state


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True)
    parser.add_argument("--dims", type=int, help="instead of the configuration's")
    parser.add_argument("--levels", type=int, help="instead of the configuration's")
    parser.add_argument("--target", required=True, help="folder of the target, models/scene-vlm-s")
    parser.add_argument("--data", required=True, action="append", help="folder of collected texts; may be given several times")
    parser.add_argument("--out", required=True, type=Path, help="folder of the run: checkpoint.pt, log.jsonl")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    prepare(options.threads)
    config = tables.read(Config, options.config)
    changed = {name: getattr(options, name) for name in ("dims", "levels") if getattr(options, name)}
    config = dataclasses.replace(config, **changed)
    target = Target(options.target)
    run = Run(config, target, Texts(options.data, len(target.words)), options.seed)
    done = train(run, options.out, options.minutes, save_every=200)
    print(json.dumps({"step": run.step, "of": run.steps, "done": done}))


if __name__ == "__main__":
    main()
