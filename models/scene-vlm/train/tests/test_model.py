"""Packed texts see the picture and themselves; decoding step by step is the same as reading at once."""

import pytest
import torch

from scene_vlm import config as configs
from scene_vlm.batches import TrainingBatches, caption_row, pack, pixels_of, question_row
from scene_vlm.config import PATCHES, ConfigError
from scene_vlm.language import ANSWER, CAPTION, EOS, Language
from scene_vlm.model import SceneVlm
from scene_vlm.scenes import Scenes
from scene_vlm.speak import repeated, speak


@pytest.fixture
def data(scenes):
    return Scenes(scenes)


@pytest.fixture
def model(config, data):
    torch.manual_seed(0)
    model = SceneVlm(config, data.language).eval()
    # Untrained words hardly differ; make them.
    torch.nn.init.normal_(model.decoder.embedding.weight, std=0.7)
    return model


def read(model, image, texts, kept=None):
    tokens, _, segment, position, _ = pack(texts)
    with torch.no_grad():
        return model.read(image, tokens, segment, position, kept)


def test_a_text_reads_the_same_alone_and_packed(model, data):
    image = model.image_tokens(pixels_of([data[0]])).detach()
    caption, question = caption_row(data[0].captions[0]), question_row(*data[0].questions[0][3:])
    packed = read(model, image, [[caption, question]])
    assert torch.allclose(packed[:, : len(caption[0])], read(model, image, [[caption]]), atol=1e-5)
    assert torch.allclose(packed[:, len(caption[0]) :], read(model, image, [[question]]), atol=1e-5)


@pytest.mark.parametrize("kept", [None, torch.arange(0, PATCHES, 3)])
def test_speaking_step_by_step_is_reading_at_once(model, data, kept):
    scenes = [data[i] for i in range(3)]
    image = model.image_tokens(pixels_of(scenes)).detach()
    said = speak(model, image, torch.full((3, 1), CAPTION), 12, kept)
    for b, tokens in enumerate(said):
        row = ([CAPTION, *tokens], [0] * (len(tokens) + 1), [0] * (len(tokens) + 1))
        greedy = read(model, image[b : b + 1], [[row]], kept)[0].argmax(-1).tolist()
        assert greedy[: len(tokens)] == tokens
        assert len(tokens) == 12 or greedy[len(tokens)] == EOS


def test_dropped_tokens_are_not_seen_and_kept_ones_keep_their_places(model, data):
    image = model.image_tokens(pixels_of([data[0]])).detach()
    text = [[caption_row(data[0].captions[0])]]
    kept = torch.arange(0, PATCHES, 2)
    changed = image.clone()
    changed[:, 1::2] += 1.0
    assert torch.equal(read(model, image, text, kept), read(model, changed, text, kept))
    shuffled = image.roll(2, 1)
    assert not torch.allclose(read(model, image, text, kept), read(model, shuffled, text, kept))


def test_only_answers_and_captions_are_learnt():
    tokens, target, learn = question_row([10, 11, 12], [20])
    assert tokens == [10, 11, 12, ANSWER, 20] and target == [11, 12, ANSWER, 20, EOS]
    assert learn == [0, 0, 0, 2, 2]
    tokens, target, learn = caption_row([10, 11])
    assert tokens == [CAPTION, 10, 11] and target == [10, 11, EOS] and learn == [1, 1, 1]


def test_batches_follow_from_seed_and_step(config, data):
    a, b = TrainingBatches(data, config, 3).get(6, 3), TrainingBatches(data, config, 3).get(6, 3)
    other = TrainingBatches(data, config, 4).get(6, 3)
    assert torch.equal(a.pixels, b.pixels) and torch.equal(a.tokens, b.tokens)
    assert a.tokens.shape != other.tokens.shape or not torch.equal(a.tokens, other.tokens)
    steps = [TrainingBatches(data, config, 3).get(8 * i, 3).kept for i in range(40)]
    counts = [len(kept) for kept in steps if kept is not None]
    assert 5 < len(counts) < 35 and min(counts) >= PATCHES // 4 and max(counts) <= PATCHES


def test_the_tokenizer_is_the_language(data):
    language: Language = data.language
    tokenizer = language.tokenizer()
    text = "where is the car ? spaceship"
    assert tokenizer.encode(text).ids == language.encode(text)
    assert tokenizer.encode("<caption> a car").ids == [CAPTION, *language.encode("a car")]
    assert language.decode([*language.encode("a car"), EOS, 9]) == "a car"


def test_a_wrong_key_is_named(config):
    table = config.to_dict()
    table["vision"]["depth"] = 3
    with pytest.raises(ConfigError, match="vision: unknown keys .'depth'"):
        configs.from_dict(table)


def test_no_run_of_words_is_said_twice():
    assert repeated([1, 2, 3, 4, 1, 2, 3], 4) == [4]
    assert repeated([1, 2, 3], 4) == [] and repeated([], 4) == []
    assert repeated([1, 2, 1], 2) == [2]
