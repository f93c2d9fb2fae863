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
    """Parameters by their names in `Decoder`. An export keeps the modules' names, in the nodes or the parameters."""
    graph = onnx.load(path).graph
    values = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    found = {name.removeprefix("decoder."): value for name, value in values.items() if name.startswith("decoder.")}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in values:
            # `/layers.0/query/MatMul`; the one without a module is the tied embedding.
            module = ".".join(node.name.split("/")[1:-1]) or "embedding"
            found[f"{module}.weight"] = values[node.input[1]].t().contiguous()
    if "embedding.weight" not in found:
        raise ConfigError(f"{path} is not as this project exports decoders: it has no product that gives logits")
    return found
