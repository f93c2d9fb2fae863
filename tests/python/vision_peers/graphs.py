"""Decoders as ONNX graphs with a cache, and the export of any module."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn


class Past:
    """Keys and values of a past, as the layers of transformers ask for them."""

    def __init__(self, past):
        self.past = past
        self.present = [None] * len(past)

    def update(self, key, value, layer, _=None):
        key, value = (torch.cat(pair, 2) for pair in zip(self.past[2 * layer : 2 * layer + 2], (key, value)))
        self.present[2 * layer : 2 * layer + 2] = key, value
        return key, value


class MergedDecoder(nn.Module):
    """Prefill and single steps of a model's own layers in one graph."""

    def __init__(self, text, head):
        super().__init__()
        self.text, self.head = text, head

    def forward(self, inputs_embeds, attention_mask, position_ids, *past):
        order = attention_mask.cumsum(1)
        own = order[:, -inputs_embeds.shape[1] :]
        allowed = (order[:, None, :] <= own[:, :, None]).float() * attention_mask[:, None, :].float()
        bias = ((1.0 - allowed) * -1e9)[:, None]
        rotary = self.text.rotary_emb(inputs_embeds, position_ids)
        cache, x = Past(past), inputs_embeds
        for layer in self.text.layers:
            x = layer(x, attention_mask=bias, past_key_values=cache, position_embeddings=rotary)
            x = x[0] if isinstance(x, tuple) else x
        return self.head(self.text.norm(x)), *cache.present


def write(module, given: dict, outputs: list[str], axes: dict, path: Path) -> None:
    """Exports `module` and compares it with ONNX Runtime on `given`."""
    module.eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        expected = module(*given.values())
        torch.onnx.export(
            module, tuple(given.values()), str(path), input_names=list(given), output_names=outputs, dynamic_axes=axes,
            opset_version=17, dynamo=False,
        )
    onnx.checker.check_model(str(path))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    results = session.run(None, {name: value.numpy() for name, value in given.items()})
    for ours, theirs in zip(expected if isinstance(expected, tuple) else (expected,), results):
        assert np.abs(ours.numpy() - theirs).max() < 1e-4, path


def write_text(text, head, axes: int, folder: Path) -> None:
    """embed_tokens.onnx and decoder_model_merged.onnx of a model's text part."""
    config = text.config
    rows = {0: "batch_size", 1: "sequence_length"}
    ids = torch.tensor([[1, 2, 3]])
    write(text.embed_tokens, {"input_ids": ids}, ["inputs_embeds"], {"input_ids": rows, "inputs_embeds": rows}, folder / "embed_tokens.onnx")
    head_dim = config.hidden_size // config.num_attention_heads
    names = [f"{i}.{part}" for i in range(config.num_hidden_layers) for part in ("key", "value")]
    positions = torch.arange(4, 7)[None]
    positions = positions if axes == 1 else positions.expand(axes, 1, 3)
    given = {
        "inputs_embeds": text.embed_tokens(ids).detach(),
        "attention_mask": torch.ones(1, 7, dtype=torch.int64),
        "position_ids": positions,
    }
    torch.manual_seed(1)
    given |= {f"past_key_values.{name}": torch.randn(1, config.num_key_value_heads, 4, head_dim) for name in names}
    place = rows if axes == 1 else {1: "batch_size", 2: "sequence_length"}
    dynamic = {"inputs_embeds": rows, "position_ids": place, "logits": rows, "attention_mask": {0: "batch_size", 1: "total_sequence_length"}}
    dynamic |= {f"past_key_values.{name}": {0: "batch_size", 2: "past_sequence_length"} for name in names}
    dynamic |= {f"present.{name}": {0: "batch_size", 2: "total_sequence_length"} for name in names}
    outputs = ["logits"] + [f"present.{name}" for name in names]
    write(MergedDecoder(text, head), given, outputs, dynamic, folder / "decoder_model_merged.onnx")


def write_json(folder: Path, **files) -> None:
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
