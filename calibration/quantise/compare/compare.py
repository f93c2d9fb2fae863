"""Compares our 8-bit artefact with that of onnxruntime.quantization, made from the same samples.

    compare.py MODEL.onnx SAMPLES COUNT OURS.onnx [OURS.onnx ...]

SAMPLES holds one folder a sample with input_0.pb and so on. The first COUNT samples are what both
sides observe; all later ones are held out, and every artefact answers them beside the float model.
Speed is the median of runs that take turns, on one thread.
"""

import argparse
import pathlib
import tempfile
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime import quantization as peer


def read_samples(folder, names):
    samples = []
    for one in sorted(path for path in folder.iterdir() if path.is_dir()):
        tensors = {}
        for index, name in enumerate(names):
            tensor = onnx.TensorProto()
            tensor.ParseFromString((one / f"input_{index}.pb").read_bytes())
            tensors[name] = onnx.numpy_helper.to_array(tensor)
        samples.append(tensors)
    return samples


class Reader(peer.CalibrationDataReader):
    def __init__(self, samples):
        self.left = iter(samples)

    def get_next(self):
        return next(self.left, None)


def quantise_by_peer(model, samples, method, only, out):
    peer.quantize_static(
        str(model),
        str(out),
        Reader(samples),
        quant_format=peer.QuantFormat.QDQ,
        activation_type=peer.QuantType.QUInt8,
        weight_type=peer.QuantType.QInt8,
        per_channel=True,
        calibrate_method=method,
        op_types_to_quantize=only,
    )
    return out


def session(path, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def cosine(a, b):
    a, b = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    return float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-300))


def loss(engine, samples, expected):
    """Worst cosine and greatest error of all outputs and samples, and the mean square error."""
    cosines, errors, squares = [], [], []
    for sample, wanted in zip(samples, expected):
        for answer, right in zip(engine.run(None, sample), wanted):
            if right.dtype != np.float32:
                continue
            cosines.append(cosine(answer, right))
            errors.append(float(np.abs(answer - right).max()))
            squares.append(float(np.mean((answer - right) ** 2) / max(np.mean(right**2), 1e-300)))
    return min(cosines), float(np.mean(cosines)), max(errors), float(np.mean(squares))


def speed(engines, sample, rounds):
    """Median seconds a run of each, taking turns."""
    times = [[] for _ in engines]
    for round_ in range(rounds + 2):
        for engine, taken in zip(engines, times):
            start = time.perf_counter()
            engine.run(None, sample)
            if round_ >= 2:
                taken.append(time.perf_counter() - start)
    return [float(np.median(taken)) for taken in times]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("samples", type=pathlib.Path)
    parser.add_argument("count", type=int)
    parser.add_argument("ours", type=pathlib.Path, nargs="+")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()

    reference = session(arguments.model, arguments.threads)
    names = [value.name for value in reference.get_inputs()]
    samples = read_samples(arguments.samples, names)
    observed, held_out = samples[: arguments.count], samples[arguments.count :]
    expected = [reference.run(None, sample) for sample in held_out]

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        rows = [("float", arguments.model)]
        rows += [(f"ours {path.stem}", path) for path in arguments.ours]
        layers = ["Conv", "Gemm", "MatMul"]
        for name, method, only in [
            ("peer, all operators", peer.CalibrationMethod.MinMax, None),
            ("peer, layers only", peer.CalibrationMethod.MinMax, layers),
            ("peer, entropy", peer.CalibrationMethod.Entropy, None),
            ("peer, percentile", peer.CalibrationMethod.Percentile, None),
        ]:
            out = folder / f"{len(rows)}.onnx"
            try:
                rows.append((name, quantise_by_peer(arguments.model, observed, method, only, out)))
            except Exception as error:  # the peer fails on some graphs; say so and go on
                print(f"{name}: {str(error).splitlines()[0]}")
        engines = [session(path, arguments.threads) for _, path in rows]
        seconds = speed(engines, held_out[0], arguments.rounds)
        print(f"{'':28} {'ms':>8} {'times':>6} {'worst cos':>10} {'mean cos':>10} {'max error':>10} {'rel mse':>10}")
        for (name, _), engine, taken in zip(rows, engines, seconds):
            worst, mean, error, square = loss(engine, held_out, expected)
            print(
                f"{name:28} {taken * 1e3:8.2f} {seconds[0] / taken:6.2f} "
                f"{worst:10.6f} {mean:10.6f} {error:10.4f} {square:10.2e}"
            )


if __name__ == "__main__":
    main()
