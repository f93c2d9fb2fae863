"""What is learnt is what runs: drafts step by step, dropped tokens, rungs that see nothing."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from scene_drafter import train as training
from scene_drafter.collect import GREEDY
from scene_drafter.config import checked, slot_positions
from scene_drafter.draft import Writer, opinions
from scene_drafter.drafter import Drafter
from scene_drafter.export import export_compressor, export_form
from scene_drafter.losses import losses
from scene_drafter.speculate import calls, report
from scene_drafter.texts import PLACES
from scene_vlm.config import PATCHES
from scene_vlm.decoder import bias_of
from drafthorse_training.tables import ConfigError


def prepared(config, world, name):
    torch.manual_seed(1)
    drafter = Drafter(config(name), world[3].decoder).eval()
    with torch.no_grad():
        # The global vector says nothing in a fresh one; let it.
        drafter.fuse.weight.add_(0.1 * torch.randn_like(drafter.fuse.weight))
    return drafter


def looked(drafter, texts, chosen):
    batch = texts.batch(chosen)
    return batch, *drafter.picture(batch.image, PLACES.expand(len(chosen), -1), batch.bias)


def test_dropped_tokens_are_not_seen(config, world, texts):
    drafter = prepared(config, world, "standalone")
    i = texts.of_kind(GREEDY)[-1]
    batch, slots, whole = looked(drafter, texts, np.array([i]))
    kept = torch.from_numpy(texts.places(i))
    fewer = drafter.picture(batch.image[:, kept], kept[None])
    assert len(kept) < PATCHES
    assert torch.allclose(slots, fewer[0], atol=1e-5) and torch.allclose(whole, fewer[1], atol=1e-5)


@torch.no_grad()
def test_a_draft_ahead_is_learnt_as_it_runs(config, world, texts):
    drafter = prepared(config, world, "colocated")
    batch, slots, whole = looked(drafter, texts, np.array([0]))
    begin, steps = 3, 4
    embeds, positions = drafter.inputs(slots, batch.rows)
    count = drafter.slots
    length = count + begin + 1
    states = torch.cat((torch.zeros_like(slots), batch.states[:, :-1]), 1)
    index = torch.arange(length)
    _, hidden, past = drafter.step(
        embeds[:, :length], whole, positions[:, :length], bias_of(index[None] <= index[:, None]), None, states[:, :length]
    )
    ran = [hidden[0, -1]]
    for at in range(length, length + steps - 1):
        one = slice(at, at + 1)
        _, hidden, past = drafter.step(embeds[:, one], whole, positions[:, one], None, past, hidden[:, -1:])
        ran.append(hidden[0, -1])
    learnt = drafter.unroll(slots, whole, batch.rows, batch.states[:, :-1], steps)
    for step in range(steps):
        assert torch.allclose(learnt[step][0, begin + step], ran[step], atol=1e-5)


@torch.no_grad()
def test_standing_alone_it_drafts_what_was_learnt(config, world, texts, tmp_path):
    drafter, target = prepared(config, world, "standalone"), world[3]
    chosen = texts.of_kind(GREEDY)[:1]
    kept = torch.from_numpy(texts.places(chosen[0]))[None]
    image = torch.from_numpy(texts.features[texts.scene[chosen]]).float()[:, kept[0]]
    (tmp_path / "onnx").mkdir()
    export_compressor(drafter, tmp_path / "onnx" / "compress.onnx")
    export_form(drafter, tmp_path / "onnx" / "standalone.onnx")
    heads, width = drafter.layers[0].heads, drafter.words.shape[1]
    described = {"num_attention_heads": heads, "head_dim": width // heads, "slot_positions": slot_positions(drafter.slots)}
    (tmp_path / "config.json").write_text(json.dumps(described))
    made = Writer(tmp_path, "standalone", target).draft(image[0].numpy(), kept[0].numpy())
    slots, whole = drafter.picture(image, kept)
    rows = torch.tensor([[3, *made.tokens[:-1]]])
    (hidden,) = drafter.unroll(slots, whole, rows, None, 1)
    assert np.abs(hidden[0].numpy() - made.hidden).max() < 1e-4
    logits = hidden[0] @ drafter.words.t()
    p = logits.log_softmax(-1)
    own = p[torch.arange(len(made.tokens)), made.tokens]
    assert np.allclose(own, made.confidence[:, 0], atol=1e-4)
    best = p.topk(2).values
    others = torch.where(p.argmax(-1) == torch.tensor(made.tokens), best[:, 1], best[:, 0])
    assert np.allclose(own - others, made.confidence[:, 1], atol=1e-4)
    assert np.allclose(-(p.exp() * p).sum(-1), made.confidence[:, 2], atol=1e-4)
    (likely,) = opinions(target, image, kept, [made])
    assert likely.shape == (len(made.tokens),) and (likely >= 0).all() and (likely <= 1).all()


def test_the_target_agrees_with_its_own_text(world, texts):
    target = world[3]
    i = texts.of_kind(GREEDY)[0]
    kept = torch.from_numpy(texts.places(i))[None]
    image = torch.from_numpy(texts.features[texts.scene[[i]]]).float()[:, kept[0]]
    (text,) = target.say(image, kept)
    assert (opinions(target, image, kept, [text])[0] > 0.9999).all()


@pytest.mark.parametrize("name", ["plain", "no-vision"])
def test_rungs_without_a_picture_see_none(config, world, texts, name):
    drafter = prepared(config, world, name)
    _, slots, whole = looked(drafter, texts, np.array([0, 1]))
    assert not slots.any() and not whole.any()


@pytest.mark.parametrize("name", ["standalone", "colocated", "plain", "compressed", "global", "no-vision"])
def test_gradients_are_finite_and_reach_what_is_learnt(config, world, texts, facts, name):
    drafter = Drafter(config(name), world[3].decoder)
    batch = texts.batch(np.arange(4), 20)
    sum(losses(drafter, batch, torch.from_numpy(facts), config(name)).values()).backward()
    sees = drafter.config.compress.sees
    for part, parameter in drafter.named_parameters():
        if part.startswith("compressor.") and not sees:
            continue
        # Zero weights of the global vector have gradients; what leads to it not yet.
        early = "out_global" in part or (part.startswith("compressor.") and not drafter.config.compress.uses_global)
        assert early or (parameter.grad is not None and parameter.grad.isfinite().all()), part
    assert not any(p.requires_grad for p in world[3].decoder.parameters())


def test_a_stopped_run_ends_as_an_unbroken_one(config, world, texts, facts, tmp_path):
    _, _, _, target = world
    make = lambda seed=0: training.Run(config("standalone"), target, texts, facts, seed)
    training.prepare(1)
    assert training.train(make(), tmp_path / "whole")
    first = make()
    for _ in range(2):
        first.advance()
    (tmp_path / "parts").mkdir()
    first.save(tmp_path / "parts" / "checkpoint.pt")
    assert training.train(make(), tmp_path / "parts")
    whole, parts = (training.load_drafter(tmp_path / of / "checkpoint.pt", target)[0].state_dict() for of in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    with pytest.raises(ConfigError, match="another seed"):
        make(1).resume(tmp_path / "whole" / "checkpoint.pt")
    second = training.Run(config("colocated"), target, texts, facts, 0)
    second.look_as(tmp_path / "whole" / "checkpoint.pt")
    before = second.drafter.compressor.out.weight.clone()
    second.advance()
    assert torch.equal(before, second.drafter.compressor.out.weight)
    found = report(second.drafter.eval(), texts, texts.of_kind(GREEDY), facts)
    assert 1.0 <= found["tokens_per_call"] <= 6.0 and len(found["fact_agreement_by_step"]) == 5


def test_words_a_call_are_counted_as_they_are_kept():
    right = np.ones((5, 12), dtype=bool)
    assert calls(right, 5, 0) == (12, 2) and calls(right, 5, 1) == (11, 2)
    assert calls(~right, 5, 0) == (12, 12)
    right[1, 1] = False
    # One word and the target's; then all.
    assert calls(right, 5, 0) == (12, 3)


def test_settings_that_do_not_fit_are_refused(config):
    base = config("standalone")
    with pytest.raises(ConfigError, match="loss.steps"):
        checked(dataclasses.replace(base, loss=dataclasses.replace(base.loss, steps=2)))
    with pytest.raises(ConfigError, match="compress.slots"):
        checked(dataclasses.replace(base, compress=dataclasses.replace(base.compress, slots=8)))
    assert slot_positions(2) == [126, 127]
