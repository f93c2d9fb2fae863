"""Packing loses nothing; a code learns to give tokens back."""

import dataclasses

import numpy as np
import pytest
import torch
from conftest import ROOT

from drafthorse_training import tables
from scene_drafter import train_code as training
from scene_drafter.code import Code, Shape, as_int8, pack, unpack


@pytest.mark.parametrize("dims, levels", [(16, 4), (16, 16), (5, 8), (3, 2), (7, 5)])
def test_packing_loses_nothing(dims, levels):
    shape = Shape(dims, levels)
    codes = torch.from_numpy(np.random.default_rng(0).integers(levels, size=(9, dims)).astype(np.uint8))
    data = pack(codes, shape)
    assert len(data) == 9 * shape.bytes_a_token and torch.equal(unpack(data, shape), codes)


def test_levels_lie_least_significant_bit_first():
    codes = torch.tensor([[1, 2, 3]], dtype=torch.uint8)
    assert pack(codes, Shape(3, 4)) == bytes([0b111001])
    assert pack(codes, Shape(3, 16)) == bytes([0x21, 0x03])


def test_every_level_is_within_its_range_and_survives_a_round_trip():
    torch.manual_seed(0)
    code = Code(Shape(6, 4), 48, 16)
    image = torch.randn(2, 50, 48)
    codes = code.encode(image)
    assert codes.dtype == torch.uint8 and codes.max() <= 3 and len(codes.unique()) == 4
    assert torch.allclose(code(image), code.decode(codes), atol=1e-6)


def test_int8_is_close():
    image = 0.05 * torch.randn(4, 7, 48)
    assert (as_int8(image) - image).abs().max() <= image.abs().max() / 254 + 1e-6


def test_a_code_learns_and_its_gradients_are_finite(world, texts):
    config = tables.read(training.Config, ROOT / "configs" / "code.toml")
    config = dataclasses.replace(config, inner=32, alike_steps=30, tokens=128, words_steps=4, batch=2, warmup_steps=2)
    run = training.Run(config, world[3], texts, 0)
    told = [run.advance() for _ in range(run.steps)]
    assert told[29]["alike"] < 0.8 * told[0]["alike"]
    assert all(np.isfinite(value) for step in told for value in step.values())
    assert "divergence" in told[-1] and "divergence" not in told[0]
