"""The peer of `drafthorse bench engine`: the same models on ONNX Runtime's own Python package.

Reads commands from standard input, a JSON object a line, and answers each with one:
{"load": PATH, "threads": N, "inputs": [{"name", "dtype", "shape", "file"}], "state": [[IN, OUT, SHAPE]]}
{"block": N}   -> {"seconds": [...]} of N runs
{"steps": N}   -> the same of N runs of one token, after the inputs were run from empty state
{"peak": true} -> {"mib": ...} of this process
"""

import json
import sys
import time

import numpy
import onnxruntime


class Model:
    def __init__(self, command):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = command["threads"]
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            command["load"], options, providers=["CPUExecutionProvider"]
        )
        self.inputs = {}
        for given in command["inputs"]:
            data = numpy.fromfile(given["file"], dtype=given["dtype"])
            value = data.reshape(given["shape"])
            self.inputs[given["name"]] = onnxruntime.OrtValue.ortvalue_from_numpy(value)
        self.state = command["state"]
        self.outputs = [output.name for output in self.session.get_outputs()]
        self.reset()

    def reset(self):
        self.past = {}
        for name, _, shape in self.state:
            empty = numpy.zeros(shape, dtype=numpy.float32)
            self.past[name] = onnxruntime.OrtValue.ortvalue_from_numpy(empty)

    def run(self, inputs):
        begun = time.perf_counter()
        values = self.session.run_with_ort_values(self.outputs, {**inputs, **self.past})
        if self.state:
            given = dict(zip(self.outputs, values))
            self.past = {name: given[output] for name, output, _ in self.state}
        return time.perf_counter() - begun

    def block(self, count):
        return [self.run(self.inputs) for _ in range(count)]

    def steps(self, count):
        self.reset()
        self.run(self.inputs)
        one = numpy.ones((1, 1), dtype=numpy.int64)
        token = {name: onnxruntime.OrtValue.ortvalue_from_numpy(one) for name in self.inputs}
        return [self.run(token) for _ in range(count)]


def peak_mib():
    # Not ru_maxrss, which begins with that of the process that started this one.
    with open("/proc/self/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def main():
    model = None
    print(json.dumps({"version": onnxruntime.__version__}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        if "load" in command:
            model = Model(command)
            answer = {}
        elif "block" in command:
            answer = {"seconds": model.block(command["block"])}
        elif "steps" in command:
            answer = {"seconds": model.steps(command["steps"])}
        else:
            answer = {"mib": peak_mib()}
        print(json.dumps(answer), flush=True)


main()
