"""Writes drafters as ONNX files. W is the target's width, S the number of slots, V its vocabulary.

    onnx/compress.onnx    image_features f32 [1, N, W], any tokens that are kept; position_ids i64 [1, N] -> slots f32 [1, S, W],
                          global f32 [1, W]
    onnx/standalone.onnx  inputs_embeds f32 [1, n, W] (slots, then the target's embeddings of <caption> and what follows), global
                          f32 [1, W] (it is added at positions of text only), position_ids i64 [1, n], attention_mask i64
                          [1, past + n], past_key_values.L.key and .value f32 [1, heads, past, head_dim] -> logits f32
                          [1, n, V], hidden_states f32 [1, n, W], present.L.key, .value. Row i predicts what follows input i.
    onnx/colocated.onnx   the same and hidden_states_in f32 [1, n, W]: the target's hidden states a place before each input, or the
                          drafter's own of the step before where the target has not been; zeros at slots

Every file is checked against PyTorch in ONNX Runtime.
"""

import argparse
import json
from pathlib import Path

import torch
from scene_vlm.config import PATCHES
from scene_vlm.export import causal_bias, past_names, write
from torch import nn

from .config import slot_positions
from .drafter import Drafter
from .target import Target
from .train import fact_mask, load_drafter

FORMS = ("standalone", "colocated")


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
        if not self.drafter.config.compress.uses_global:
            # The ladder's lower rungs: the vector is an input like the others', and counts for nothing.
            whole = 0.0 * whole
        logits, hidden, present = self.drafter.step(inputs_embeds, whole, position_ids, bias, pairs, hidden)
        return logits, hidden, *(kept for pair in present for kept in pair)


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


def describe(folder: Path, **facts) -> None:
    """Adds to config.json of the model."""
    path = folder / "config.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(known | facts, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", required=True, type=Path)
    parser.add_argument("--facts", required=True, type=Path)
    parser.add_argument("--checkpoint", required=True, type=Path)
    parser.add_argument("--name", help="of the graph: onnx/NAME.onnx; the run's own otherwise")
    parser.add_argument("--compress", action="store_true", help="write onnx/compress.onnx too")
    parser.add_argument("--out", required=True, type=Path, help="folder of the model")
    options = parser.parse_args()
    torch.set_num_threads(1)
    target = Target(options.target)
    drafter, state = load_drafter(options.checkpoint, target)
    graphs = options.out / "onnx"
    graphs.mkdir(parents=True, exist_ok=True)
    name = options.name or state["config"]["name"]
    export_form(drafter, graphs / f"{name}.onnx")
    if options.compress:
        export_compressor(drafter, graphs / "compress.onnx")
    facts = fact_mask(options.facts, target)
    describe(
        options.out,
        model_type="drafthorse-scene-drafter",
        name=options.out.name,
        target=options.target.name,
        hidden_size=target.width,
        vocab_size=len(target.words),
        num_attention_heads=drafter.layers[0].heads,
        head_dim=target.width // drafter.layers[0].heads,
        slots=drafter.slots,
        slot_positions=slot_positions(drafter.slots),
        forms=list(FORMS),
        fact_tokens=[i for i, bearing in enumerate(facts.tolist()) if bearing],
    )
    print(f"{graphs / name}.onnx: {sum(p.numel() for p in drafter.parameters())} parameters, step {state['step']}")


if __name__ == "__main__":
    main()
