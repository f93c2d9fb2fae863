"""Writes drafters as ONNX files. W is the target's width, S the number of slots, V its vocabulary.

    onnx/compress.onnx    image_features f32 [1, N, W], any tokens that are kept; position_ids i64 [1, N] -> slots f32 [1, S, W],
                          global f32 [1, W]
    onnx/standalone.onnx  inputs_embeds f32 [1, n, W] (slots, then the target's embeddings of <caption> and what follows), global
                          f32 [1, W] (it is added at positions of text only), position_ids i64 [1, n], attention_mask i64
                          [1, past + n], past_key_values.L.key and .value f32 [1, heads, past, head_dim] -> logits f32
                          [1, n, V], hidden_states f32 [1, n, W], present.L.key, .value. Row i predicts what follows input i.
    onnx/colocated.onnx   the same and hidden_states_in f32 [1, n, W]: the target's hidden states a place before each input, or the
                          drafter's own of the step before where the target has not been; zeros at slots
    onnx/fsq_encode.onnx  image_features f32 [1, N, W] -> codes u8 [1, N, D], the level of each number
    onnx/fsq_decode.onnx  codes u8 [1, N, D] -> image_features f32 [1, N, W]
    onnx/FORM_RUNG.onnx   drafters to compare with, same inputs; what a rung does not use counts for nothing

Every file is checked against PyTorch in ONNX Runtime. With `--narrow` drafters' weights are stored in 8 bits and others' in 16;
products are in 32 bits all the same, and engines widen weights once, as they load them. The router comes later
(`export_router`), since it learns from drafts of these files.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from scene_vlm.config import PATCHES
from scene_vlm.export import causal_bias, past_names, write
from torch import nn

from .code import Code
from .config import slot_positions
from .drafter import Drafter
from .shapes import settle
from .target import Target
from .train import fact_mask, load_drafter
from .train_code import load_code

# Weights of at least so many numbers are stored in 16 bits.
LARGE = 1024


class Compress(nn.Module):
    def __init__(self, drafter: Drafter):
        super().__init__()
        self.compressor = drafter.compressor

    def forward(self, image_features, position_ids):
        return self.compressor(image_features, position_ids)


class Form(nn.Module):
    """Prefill and single steps of a drafter in one graph."""

    def __init__(self, drafter: Drafter):
        super().__init__()
        self.drafter = drafter

    def forward(self, inputs_embeds, whole, position_ids, attention_mask, *rest):
        hidden, past = (rest[0], rest[1:]) if self.drafter.config.draft.colocated else (None, rest)
        bias = causal_bias(attention_mask, inputs_embeds.shape[1])
        pairs = [(past[2 * i], past[2 * i + 1]) for i in range(len(past) // 2)]
        compress = self.drafter.config.compress
        if not compress.sees:
            inputs_embeds = inputs_embeds * (position_ids >= PATCHES)[..., None].float()
        if not compress.uses_global:
            whole = 0.0 * whole
        logits, hidden, present = self.drafter.step(inputs_embeds, whole, position_ids, bias, pairs, hidden)
        return logits, hidden, *(kept for pair in present for kept in pair)


class Encode(nn.Module):
    def __init__(self, code: Code):
        super().__init__()
        self.code = code

    def forward(self, image_features):
        return self.code.encode(image_features)


class Decode(nn.Module):
    def __init__(self, code: Code):
        super().__init__()
        self.code = code

    def forward(self, codes):
        return self.code.decode(codes)


def export_compressor(drafter: Drafter, path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    width = drafter.words.shape[1]
    image = 0.05 * torch.randn(1, 40, width, generator=generator)
    places = torch.arange(0, 120, 3)[None]
    tokens = {1: "image_tokens"}
    write(
        Compress(drafter), (image, places), ["image_features", "position_ids"], ["slots", "global"],
        {"image_features": tokens, "position_ids": tokens}, path,
    )
    settle(path)


def export_form(drafter: Drafter, path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    width, heads = drafter.words.shape[1], drafter.layers[0].heads
    layers, length, before = len(drafter.layers), 6, 5
    states = 0.05 * torch.randn(3, 1, length, width, generator=generator)
    places = torch.cat((torch.tensor(slot_positions(drafter.slots)), PATCHES + torch.arange(length - drafter.slots)))[None]
    given = [states[0], states[1, :, 0], places, torch.ones(1, before + length, dtype=torch.int64)]
    names = ["inputs_embeds", "global", "position_ids", "attention_mask"]
    if drafter.config.draft.colocated:
        given.append(states[2])
        names.append("hidden_states_in")
    past = torch.randn(2 * layers, 1, heads, before, width // heads, generator=generator)
    past_in, past_out = past_names(layers, "past_key_values"), past_names(layers, "present")
    rows = {1: "sequence_length"}
    axes = {name: rows for name in ("inputs_embeds", "position_ids", "hidden_states_in", "logits", "hidden_states") if name in [*names, "logits", "hidden_states"]}
    axes |= {"attention_mask": {1: "total_sequence_length"}}
    axes |= {name: {2: "past_sequence_length"} for name in past_in} | {name: {2: "total_sequence_length"} for name in past_out}
    write(Form(drafter), (*given, *past.unbind(0)), [*names, *past_in], ["logits", "hidden_states", *past_out], axes, path)
    settle(path)


def export_code(code: Code, width: int, graphs: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    image = 0.05 * torch.randn(1, 7, width, generator=generator)
    tokens = {1: "image_tokens"}
    write(Encode(code), (image,), ["image_features"], ["codes"], {"image_features": tokens, "codes": tokens}, graphs / "fsq_encode.onnx")
    with torch.no_grad():
        codes = code.encode(image)
    write(Decode(code), (codes,), ["codes"], ["image_features"], {"image_features": tokens, "codes": tokens}, graphs / "fsq_decode.onnx")


def narrow(path: Path, bits: int) -> None:
    """Stores the large weights of a graph in 16 bits, or in 8 with a scale a column, widened as it is loaded."""
    model = onnx.load(path)
    graph = model.graph
    for weight in [i for i in graph.initializer if i.data_type == onnx.TensorProto.FLOAT]:
        values = numpy_helper.to_array(weight)
        if values.size < LARGE or values.ndim < 2:
            continue
        graph.initializer.remove(weight)
        stored, name = f"{weight.name}.{bits}", weight.name
        node = lambda kind, given, made, **more: onnx.helper.make_node(kind, given, [made], f"{name}.{kind}", **more)
        if bits == 16:
            graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), stored))
            made = [node("Cast", [stored], name, to=onnx.TensorProto.FLOAT)]
        else:
            scale = np.maximum(np.abs(values).max(-2, keepdims=True), 1e-12) / 127
            graph.initializer.append(numpy_helper.from_array(np.round(values / scale).astype(np.int8), stored))
            graph.initializer.append(numpy_helper.from_array(scale.astype(np.float32), f"{name}.scale"))
            made = [node("Cast", [stored], f"{name}.wide", to=onnx.TensorProto.FLOAT), node("Mul", [f"{name}.wide", f"{name}.scale"], name)]
        for place, one in enumerate(made):
            graph.node.insert(place, one)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", required=True, type=Path)
    parser.add_argument("--parser", required=True, help="the program drafthorse-scenes, which knows the fact-bearing words")
    parser.add_argument("--standalone", required=True, type=Path, help="checkpoint of its run; its vision adaptor is everyone's")
    parser.add_argument("--colocated", type=Path, help="checkpoint of its run")
    parser.add_argument("--code", type=Path, help="checkpoint of its run")
    parser.add_argument("--rung", type=Path, action="append", default=[], help="checkpoint of a drafter to compare with")
    parser.add_argument("--narrow", action="store_true", help="store drafters' weights in 8 bits, others' in 16")
    parser.add_argument("--out", required=True, type=Path, help="folder of the model")
    options = parser.parse_args()
    torch.set_num_threads(1)
    target = Target(options.target)
    graphs = options.out / "onnx"
    graphs.mkdir(parents=True, exist_ok=True)
    drafter, _ = load_drafter(options.standalone, target)
    export_compressor(drafter, graphs / "compress.onnx")
    export_form(drafter, graphs / "standalone.onnx")
    forms = ["standalone"]
    if options.colocated:
        export_form(load_drafter(options.colocated, target)[0], graphs / "colocated.onnx")
        forms.append("colocated")
    for path in options.rung:
        rung, state = load_drafter(path, target)
        form = "colocated" if rung.config.draft.colocated else "standalone"
        export_form(rung, graphs / f"{form}_{state['config']['name']}.onnx")
    facts = fact_mask(options.parser, target)
    described = {
        "model_type": "drafthorse-scene-drafter",
        "name": options.out.name,
        "target": options.target.name,
        "hidden_size": target.width,
        "vocab_size": len(target.words),
        "num_attention_heads": drafter.layers[0].heads,
        "head_dim": target.width // drafter.layers[0].heads,
        "slots": drafter.slots,
        "slot_positions": slot_positions(drafter.slots),
        "forms": forms,
        "fact_tokens": [i for i, bearing in enumerate(facts.tolist()) if bearing],
    }
    if options.code:
        code, _ = load_code(options.code, target.width)
        export_code(code, target.width, graphs)
        shape = code.shape
        described["code"] = {"dims": shape.dims, "levels": shape.levels, "bytes_per_token": shape.bytes_a_token}
    if options.narrow:
        for path in graphs.glob("*.onnx"):
            narrow(path, 8 if path.name.startswith(("standalone", "colocated")) else 16)
    (options.out / "config.json").write_text(json.dumps(described, indent=2) + "\n")
    print(f"{options.out}: {sum(path.stat().st_size for path in graphs.glob('*.onnx'))} bytes")


if __name__ == "__main__":
    main()
