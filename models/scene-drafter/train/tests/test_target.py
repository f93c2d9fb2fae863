"""The rebuilt target says what the model says, and what is collected is what it said."""

import numpy as np
import torch

from scene_drafter.collect import GREEDY, SAMPLED, WRITTEN, packed, uniform, unpacked
from scene_vlm.batches import pixels_of
from scene_vlm.config import PATCHES
from scene_vlm.language import CAPTION, EOS
from scene_vlm.speak import REPEAT, speak


def test_it_says_what_the_model_says(world):
    _, model, data, target = world
    pixels = pixels_of([data[i] for i in range(4)])
    for count in (PATCHES, 40):
        kept = torch.from_numpy(uniform(count))
        ours = target.say(target.look(pixels)[:, kept], kept.expand(4, -1))
        theirs = speak(model, model.image_tokens(pixels).detach(), torch.full((4, 1), CAPTION), target.longest, kept, REPEAT)
        for text, said in zip(ours, theirs):
            assert [token for token in text.tokens if token != EOS] == said


def test_reading_a_text_is_as_saying_it(world):
    _, _, data, target = world
    kept = torch.from_numpy(uniform(32)).expand(3, -1)
    image = target.look(pixels_of([data[i] for i in range(3)]))[:, kept[0]]
    said = target.say(image, kept, np.random.default_rng(0))
    read = target.read(image, kept, [text.tokens for text in said])
    for a, b in zip(said, read):
        assert a.tokens == b.tokens and a.hidden.shape == (len(a.tokens) + 1, target.width)
        assert np.abs(a.hidden - b.hidden).max() < 1e-4


def test_what_is_collected_is_what_was_said(world, texts):
    _, model, data, target = world
    assert [len(texts.of_kind(kind)) for kind in (GREEDY, SAMPLED, WRITTEN)] == [16, 8, 8]
    assert (unpacked(packed(uniform(32))) == uniform(32)).all()
    words = target.decoder.embedding.weight
    for i in texts.of_kind(GREEDY):
        batch = texts.batch(np.array([i]))
        # The likeliest that repeats no run, at each place.
        logits = batch.states[:, 1:] @ words.t() + batch.barred
        close = logits.topk(2).values.diff(dim=-1).abs()[..., 0] < 0.05
        assert ((logits.argmax(-1) == batch.target) | close)[batch.real > 0].all()
        assert batch.rows[0, 0] == CAPTION and (batch.rows[0, 1:] == batch.target[0, :-1]).all()
        assert (batch.bias[0, 0, 0] == 0).nonzero()[:, 0].tolist() == texts.places(i).tolist()


def test_long_texts_are_cut(texts):
    cut, whole = texts.batch(np.arange(4), 5), texts.batch(np.arange(4))
    assert cut.rows.shape == (4, 5)
    assert torch.equal(cut.target, whole.target[:, :5]) and torch.equal(cut.states, whole.states[:, :6])
