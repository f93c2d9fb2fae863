"""A decoder from its exported files: for what is trained on a model whose checkpoint is not at hand."""

import json
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper

from .config import ConfigError, Text
from .decoder import Decoder


def decoder(folder: str | Path) -> Decoder:
    """The decoder of an exported model, ready to run: the weights of its decoder_model_merged.onnx."""
    of = json.loads((Path(folder) / "config.json").read_text())["text_config"]
    text = Text(
        layers=of["num_hidden_layers"],
        width=of["hidden_size"],
        heads=of["num_attention_heads"],
        feed_forward=of["intermediate_size"],
        max_positions=of["max_position_embeddings"],
        max_words=0,
    )
    built = Decoder(text, of["vocab_size"])
    built.load_state_dict(weights(Path(folder) / "onnx" / "decoder_model_merged.onnx"))
    return built.eval()


def weights(path: Path) -> dict[str, torch.Tensor]:
    """Parameters by their names in `Decoder`: an export keeps the modules' names in those of its nodes."""
    graph = onnx.load(path).graph
    values = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    found = {}
    for node in graph.node:
        # Equal parameters are stored once.
        if node.op_type == "Identity" and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]]
        if node.op_type not in ("MatMul", "Mul") or node.input[1] not in values:
            continue
        # `/layers.0/query/MatMul`, `/layers.0/norm_feed/Mul_1`; the one without a module is the tied embedding.
        module = ".".join(node.name.split("/")[1:-1]) or "embedding"
        value = values[node.input[1]]
        if value.ndim:
            found[f"{module}.weight"] = value.t().contiguous() if node.op_type == "MatMul" else value
    if "embedding.weight" not in found:
        raise ConfigError(f"{path} is not as this project exports decoders: it has no product that gives logits")
    return found
