"""Takes the arithmetic of shapes out of an exported decoder: a third of its nodes, each of which costs an engine a microsecond a word.

An export works out every shape from the inputs' sizes, also where these leave no choice. Run over two lengths, an integer that
comes out the same both times is a constant, and a shape that differs in one place has a -1 there. `x * x` becomes the power that
engines know RMSNorm by. What the graph gives stays the same, which is checked.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, numpy_helper

# New tokens and those before them, twice: no number is in both.
LENGTHS = ((3, 7), (4, 11))
WHOLE = (TensorProto.INT64, TensorProto.INT32)
SQUARE = "square.exponent"
# Products that are fused are rounded otherwise.
TOLERANCE = 1e-4


def settle(path: Path) -> None:
    """Rewrites the graph at `path`, of a batch of one: a drafter's or another decoder's with a cache, or the vision adaptor."""
    before = onnx.load(path)
    model = onnx.load(path)
    graph = model.graph
    inferred = onnx.shape_inference.infer_shapes(model).graph.value_info
    whole = [one.name for one in inferred if one.type.tensor_type.elem_type in WHOLE]
    here, there = (_run(_giving(before, whole), *lengths) for lengths in LENGTHS)
    same = {name: here[name] for name in whole if np.array_equal(here[name], there[name])}
    constants = {i.name for i in graph.initializer}
    kept = []
    for node in graph.node:
        if node.op_type != "Constant" and all(name in same for name in node.output):
            graph.initializer.extend(numpy_helper.from_array(same[name], name) for name in node.output)
            continue
        if node.op_type == "Reshape" and node.input[1] in here and node.input[1] not in same:
            shape = np.where(here[node.input[1]] == there[node.input[1]], here[node.input[1]], -1)
            if (shape == -1).sum() == 1:
                node.input[1] += ".settled"
                if node.input[1] not in constants:
                    constants.add(node.input[1])
                    graph.initializer.append(numpy_helper.from_array(shape, node.input[1]))
        if node.op_type == "Mul" and node.input[0] == node.input[1]:
            node.op_type, node.input[1] = "Pow", SQUARE
        kept.append(node)
    graph.initializer.append(numpy_helper.from_array(np.array(2.0, dtype=np.float32), SQUARE))
    _leave_needed(graph, kept)
    onnx.checker.check_model(model)
    for lengths in LENGTHS:
        ours, theirs = _run(model, *lengths), _run(before, *lengths)
        for name, value in theirs.items():
            error = float(np.abs(ours[name] - value).max() / max(1.0, float(np.abs(value).max())))
            if error > TOLERANCE:
                raise RuntimeError(f"{path}: {name} is off by {error:.1e} once its shapes are settled")
    onnx.save(model, path)


def _giving(model: onnx.ModelProto, names: list[str]) -> onnx.ModelProto:
    """The same with these values among its outputs."""
    more = onnx.ModelProto()
    more.CopyFrom(model)
    there = {output.name for output in model.graph.output}
    more.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in there)
    return more


def _run(model: onnx.ModelProto, new: int, past: int) -> dict[str, np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    rng, given = np.random.default_rng(new), {}
    lengths = {"sequence_length": new, "past_sequence_length": past, "total_sequence_length": past + new, "image_tokens": new}
    for port in session.get_inputs():
        shape = [lengths.get(size, size) for size in port.shape]
        if port.name == "position_ids":
            given[port.name] = np.arange(past, past + new, dtype=np.int64)[None]
        elif port.type == "tensor(int64)":
            given[port.name] = np.ones(shape, dtype=np.int64)
        else:
            given[port.name] = rng.normal(size=shape).astype(np.float32)
    return dict(zip((output.name for output in session.get_outputs()), session.run(None, given), strict=True))


def _leave_needed(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    """Of `nodes` those that an output follows from, and their constants."""
    needed = {output.name for output in graph.output}
    left = []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            left.append(node)
            needed.update(node.input)
    constants = [i for i in graph.initializer if i.name in needed]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(reversed(left))
    graph.initializer.extend(constants)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("graphs", nargs="+", type=Path, help="exported drafters and adaptors, rewritten in place")
    for path in parser.parse_args().graphs:
        before = len(onnx.load(path).graph.node)
        settle(path)
        print(f"{path}: {before} nodes, now {len(onnx.load(path).graph.node)}")


if __name__ == "__main__":
    main()
