"""Asks a server of the Open Inference Protocol with Triton's own client what a file of requests asks, over mutual TLS.

Requests and answers are Protobuf messages, each behind its length as a varint.
"""

import argparse
from pathlib import Path

import numpy as np
import tritonclient.grpc as triton
from google.protobuf.internal.decoder import _DecodeVarint32
from google.protobuf.internal.encoder import _VarintBytes
from tritonclient.grpc import service_pb2
from tritonclient.utils import deserialize_bytes_tensor, np_to_triton_dtype, serialize_byte_tensor, triton_to_np_dtype


def messages(path: Path):
    data, at = path.read_bytes(), 0
    while at < len(data):
        size, at = _DecodeVarint32(data, at)
        yield service_pb2.ModelInferRequest.FromString(data[at : at + size])
        at += size


def tensor(raw: bytes, datatype: str, shape: list) -> np.ndarray:
    if datatype == "BYTES":
        return deserialize_bytes_tensor(raw).reshape(shape)
    return np.frombuffer(raw, triton_to_np_dtype(datatype)).reshape(shape)


def ask(client, message) -> service_pb2.ModelInferResponse:
    """Through the client's own types, not as the message that was read."""
    inputs = []
    for given, raw in zip(message.inputs, message.raw_input_contents, strict=True):
        one = triton.InferInput(given.name, list(given.shape), given.datatype)
        one.set_data_from_numpy(tensor(raw, given.datatype, list(given.shape)))
        inputs.append(one)
    result = client.infer(message.model_name, inputs, request_id=message.id, client_timeout=30)
    answer = service_pb2.ModelInferResponse(model_name=message.model_name, id=message.id)
    for output in result.get_response().outputs:
        given = result.as_numpy(output.name)
        answer.outputs.add(name=output.name, datatype=np_to_triton_dtype(given.dtype), shape=given.shape)
        bytes_ = serialize_byte_tensor(given)[0].item() if given.dtype == object else given.tobytes()
        answer.raw_output_contents.append(bytes_)
    return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("address", "vehicle"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("certificates", "asked", "answered"):
        parser.add_argument(f"--{name}", required=True, type=Path)
    given = parser.parse_args()
    folder = given.certificates
    client = triton.InferenceServerClient(
        # The certificate is for this name.
        given.address.replace("127.0.0.1", "localhost"),
        ssl=True,
        root_certificates=str(folder / "ca.pem"),
        private_key=str(folder / f"{given.vehicle}.key"),
        certificate_chain=str(folder / f"{given.vehicle}.pem"),
    )
    assert client.is_server_live() and client.is_server_ready()
    for model in ("scene_verify", "scene_generate"):
        assert client.is_model_ready(model)
        assert client.get_model_metadata(model).name == model
    assert client.get_server_metadata().name == "drafthorse-target"
    count = 0
    with given.answered.open("wb") as out:
        for message in messages(given.asked):
            answer = ask(client, message).SerializeToString()
            out.write(_VarintBytes(len(answer)) + answer)
            count += 1
    print(f"tritonclient: {count} blocks asked")


if __name__ == "__main__":
    main()
