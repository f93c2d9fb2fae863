"""Triton's Python backend for `scene_verify` and `scene_generate`: which of them, the model's name says.

Requests that Triton's dynamic batching gives together are answered together. A request that is wrong gets its own
error and does not touch the others.
"""

import json
import sys
from pathlib import Path

import numpy as np
import triton_python_backend_utils as pb_utils

sys.path.insert(0, str(Path(__file__).resolve().parent))

from block import OUTPUTS, read_block, tensors_of
from scene_target import NoCodeError, Target


class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        given = {name: value["string_value"] for name, value in config.get("parameters", {}).items()}
        here = Path(args["model_repository"]) / args["model_version"]
        drafter = here / "drafter"
        self.drafts = any(tensor["name"] == "draft" for tensor in config["input"])
        self.outputs = [name for name in OUTPUTS if self.drafts or name != "accepted"]
        self.target = Target(
            here / "target",
            drafter if drafter.exists() else None,
            int(given.get("threads", "1")),
            float(given.get("pace_ms", "0")) / 1e3,
        )

    def execute(self, requests):
        responses = [None] * len(requests)
        frames, parts = [], []
        for i, request in enumerate(requests):
            try:
                block = read_block(lambda name: self._input(request, name), self.target, self.drafts)
            except ValueError as error:
                lacks = isinstance(error, NoCodeError)
                code = pb_utils.TritonError.UNSUPPORTED if lacks else pb_utils.TritonError.INVALID_ARG
                wrong = pb_utils.TritonError(str(error), code)
                responses[i] = pb_utils.InferenceResponse(error=wrong)
                continue
            parts.append((i, len(frames), len(frames) + len(block)))
            frames.extend(block)
        verdicts = self.target.write(frames) if frames else []
        for i, begin, end in parts:
            given = tensors_of(verdicts[begin:end])
            tensors = [pb_utils.Tensor(name, given[name]) for name in self.outputs]
            responses[i] = pb_utils.InferenceResponse(output_tensors=tensors)
        return responses

    @staticmethod
    def _input(request, name: str) -> np.ndarray:
        tensor = pb_utils.get_input_tensor_by_name(request, name)
        if tensor is None:
            raise ValueError(f"tensor `{name}` is missing")
        return tensor.as_numpy()
