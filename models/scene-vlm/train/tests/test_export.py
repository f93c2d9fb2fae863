"""The exported files in ONNX Runtime say what the model says, also where image tokens were dropped."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from tokenizers import Tokenizer

from scene_vlm import exported as rebuilt
from scene_vlm import train as training
from scene_vlm.batches import pixels_of
from scene_vlm.config import HEIGHT_PX, PATCHES, WIDTH_PX
from scene_vlm.export import export, export_decoders
from scene_vlm.language import ANSWER, CAPTION, EOS, PAD
from scene_vlm.scenes import Scenes
from scene_vlm.speak import speak

# Operators that plain engines run; no control flow.
PLAIN = {
    "Add", "Cast", "Concat", "Constant", "ConstantOfShape", "Conv", "CumSum", "Div", "Equal", "Erf", "Expand", "Flatten", "Gather", "Gemm",
    "Identity", "LessOrEqual", "MatMul", "Mul", "Neg", "Not", "Pow", "ReduceMax", "ReduceMean", "ReduceSum", "Reshape", "Shape", "Sigmoid",
    "Slice", "Softmax", "Split", "Sqrt", "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze",
}


@pytest.fixture
def exported(config, scenes, tmp_path):
    data = Scenes(scenes)
    run = training.Run(config, data, 0)
    for _ in range(config.steps):
        run.advance()
    model = run.model.eval()
    torch.nn.init.normal_(model.decoder.embedding.weight, std=0.7)
    export(model, tmp_path / "model")
    return model, data, tmp_path / "model"


def session(folder, name):
    return onnxruntime.InferenceSession(str(folder / "onnx" / f"{name}.onnx"), providers=["CPUExecutionProvider"])


def greedy(folder, pixels, prompt, kept, most):
    """One picture, with nothing but the files."""
    config = json.loads((folder / "config.json").read_text())["text_config"]
    vision, embed, decoder = (session(folder, n) for n in ("vision_encoder", "embed_tokens", "decoder_model_merged"))
    image = vision.run(None, {"pixel_values": pixels[:, None].numpy()})[0][:, kept]
    embeds = np.concatenate((image, embed.run(None, {"input_ids": prompt})[0]), 1)
    positions = np.concatenate((kept, PATCHES + np.arange(prompt.shape[1])))[None]
    names = [i.name for i in decoder.get_inputs()][3:]
    empty = np.zeros((1, config["num_key_value_heads"], 0, config["head_dim"]), dtype=np.float32)
    past, said, all_logits = [empty] * len(names), [], []
    for _ in range(most):
        total = past[0].shape[2] + embeds.shape[1]
        feeds = {"inputs_embeds": embeds, "attention_mask": np.ones((1, total), dtype=np.int64), "position_ids": positions}
        logits, *past, _ = decoder.run(None, feeds | dict(zip(names, past)))
        all_logits.append(logits[0, -1])
        token = int(logits[0, -1].argmax())
        if token == EOS:
            break
        said.append(token)
        embeds = embed.run(None, {"input_ids": np.array([[token]])})[0]
        positions = positions[:, -1:] + 1
    return said, all_logits


@pytest.mark.parametrize("kept", [np.arange(PATCHES), np.arange(1, PATCHES, 3)])
def test_onnx_runtime_says_the_same(exported, kept):
    model, data, folder = exported
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for i, text in enumerate(("<caption>", "where is the car ? <answer>")):
        prompt = np.array([tokenizer.encode(text).ids])
        pixels = pixels_of([data[i]])
        said, logits = greedy(folder, pixels, prompt, kept, 10)
        image = model.image_tokens(pixels).detach()
        assert said == speak(model, image, torch.from_numpy(prompt), 10, torch.from_numpy(kept))[0]
        row = torch.tensor([prompt[0].tolist() + said])
        with torch.no_grad():
            ours = model.read(image, row, torch.ones_like(row), torch.arange(row.shape[1])[None], torch.from_numpy(kept))
        ours = ours[0, prompt.shape[1] - 1 :].numpy()[: len(logits)]
        assert np.abs(ours - np.stack(logits)).max() < 1e-3 * np.abs(ours).max()


def test_the_head_gives_attention_that_sums_to_one_and_sees_no_future(exported):
    model, data, folder = exported
    image = model.image_tokens(pixels_of([data[0]])).detach().numpy()
    prompt = np.array([[*data.language.encode("where is the car ?"), ANSWER]])
    embeds = np.concatenate((image, session(folder, "embed_tokens").run(None, {"input_ids": prompt})[0]), 1)
    length = embeds.shape[1]
    feeds = {"inputs_embeds": embeds, "attention_mask": np.ones((1, length), dtype=np.int64), "position_ids": np.arange(length)[None]}
    attention = session(folder, "decoder_head").run(None, feeds)[0][0]
    assert attention.shape == (length, length)
    assert np.allclose(attention.sum(-1), 1.0, atol=1e-4)
    assert np.triu(attention, 1).max() == 0.0


def prefill(model, data, folder):
    """Feeds of both decoders for a picture and a prompt: with a mask, and with the bias that says the same."""
    image = model.image_tokens(pixels_of([data[0]])).detach().numpy()
    prompt = np.array([[CAPTION, *data.language.encode("a car on the left")]])
    embeds = np.concatenate((image, session(folder, "embed_tokens").run(None, {"input_ids": prompt})[0]), 1)
    length = embeds.shape[1]
    names = [i.name for i in session(folder, "decoder_model_merged").get_inputs()][3:]
    text = model.config.text
    empty = np.zeros((1, text.heads, 0, text.width // text.heads), dtype=np.float32)
    both = {"inputs_embeds": embeds, "position_ids": np.arange(length)[None]} | {name: empty for name in names}
    bias = np.where(np.tri(length) > 0, 0.0, -1e4).astype(np.float32)[None, None]
    return both | {"attention_mask": np.ones((1, length), dtype=np.int64)}, both | {"attention_bias": bias}


def test_the_tree_decoder_with_a_causal_bias_is_the_merged_one(exported):
    model, data, folder = exported
    masked, biased = prefill(model, data, folder)
    merged, tree = session(folder, "decoder_model_merged").run(None, masked), session(folder, "decoder_tree").run(None, biased)
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(merged, tree, strict=True))
    # Hidden states are what the tied head makes logits of.
    assert np.allclose(merged[-1] @ model.decoder.embedding.weight.detach().numpy().T, merged[0], atol=1e-4)


def test_branches_of_a_tree_do_not_see_each_other(exported):
    model, data, folder = exported
    _, feeds = prefill(model, data, folder)
    decoder = session(folder, "decoder_tree")
    words = feeds["inputs_embeds"]
    # The last two words as branches of the one before them: at the same position, the first hidden from the second.
    bias, places = feeds["attention_bias"].copy(), feeds["position_ids"].copy()
    bias[0, 0, -1, -2] = -1e4
    places[0, -1] = places[0, -2]
    branched = decoder.run(None, feeds | {"attention_bias": bias, "position_ids": places})[0][0, -1]
    alone = {"inputs_embeds": np.delete(words, -2, 1), "position_ids": feeds["position_ids"][:, :-1]}
    alone["attention_bias"] = feeds["attention_bias"][:, :, :-1, :-1]
    assert np.allclose(branched, decoder.run(None, feeds | alone)[0][0, -1], atol=1e-4)


def test_decoders_are_written_anew_from_their_own_files(exported, tmp_path):
    model, data, folder = exported
    again = tmp_path / "again"
    (again / "onnx").mkdir(parents=True)
    built = rebuilt.decoder(folder)
    assert built.state_dict().keys() == model.decoder.state_dict().keys()
    assert all(torch.equal(value, model.decoder.state_dict()[name]) for name, value in built.state_dict().items())
    export_decoders(built, again / "onnx")
    masked, biased = prefill(model, data, folder)
    for name, feeds in (("decoder_model_merged", masked), ("decoder_tree", biased)):
        pairs = zip(session(folder, name).run(None, feeds), session(again, name).run(None, feeds), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)


def test_texts_match_as_in_the_model_whatever_the_padding(exported):
    model, data, folder = exported
    tokens = data.language.encode("a car on the left")
    rows = [np.array([tokens]), np.array([tokens + [PAD, PAD]])]
    given = [session(folder, "text_match").run(None, {"input_ids": row})[0] for row in rows]
    with torch.no_grad():
        ours = model.match.of_text(torch.tensor([tokens])).numpy()
    assert np.allclose(given[0], ours, atol=1e-4) and np.allclose(given[1], ours, atol=1e-4)


def test_files_hold_plain_operators_only(exported):
    _, _, folder = exported
    for path in sorted((folder / "onnx").glob("*.onnx")):
        graph = onnx.load(path)
        assert {o.version for o in graph.opset_import} == {17}
        kinds = {node.op_type for node in graph.graph.node}
        assert kinds <= PLAIN, f"{path.name}: {sorted(kinds - PLAIN)}"


def test_pictures_are_prepared_as_those_learnt_from(exported):
    _, _, folder = exported
    how = json.loads((folder / "preprocessor_config.json").read_text())
    assert how["do_resize"] and how["do_center_crop"]
    # The generator scales the camera's 640x360 by 0.4 and cuts eight rows off the top.
    assert how["size"] == {"height": 0.4 * 360, "width": 0.4 * 640}
    cut = [(how["size"][side] - how["crop_size"][side]) / 2 for side in ("height", "width")]
    assert cut == [8, 0] and how["crop_size"] == {"height": HEIGHT_PX, "width": WIDTH_PX}
