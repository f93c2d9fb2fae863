"""Requests to frames, verdicts to answers: the tensors of `scene_verify` and `scene_generate`.

What a request holds is checked here against the target and the contract's limits; a ValueError says which tensor is
wrong. Every tensor has a leading batch dimension of 1.
"""

import numpy as np

from scene_target import Frame

MOST_FRAMES = 8
MOST_ID = 64
MOST_PROMPT = 512
MOST_DRAFT = 512

OUTPUTS = ("accepted", "lengths", "correction", "score", "ended")


def read_block(tensor, target, drafts: bool) -> list:
    """The frames of one request; `tensor(name)` gives an input's elements."""
    block_id = _text(tensor("block_id"), "block_id")
    if not 1 <= len(block_id) <= MOST_ID or not all("!" <= mark <= "~" for mark in block_id):
        raise ValueError(f"a block's id must be 1 to {MOST_ID} printable ASCII characters without spaces")
    prompt = _ids(_row(tensor("prompt"), "prompt"), "prompt", target)
    if len(prompt) > MOST_PROMPT:
        raise ValueError(f"prompt tokens: {len(prompt)} are more than the {MOST_PROMPT} that are allowed")
    kept = _frames_kept(_row(tensor("kept"), "kept"), target)
    counts = [len(places) for places in kept]
    features = target.features(_text(tensor("code"), "code"), _row(tensor("tokens"), "tokens"), sum(counts))
    draft = _drafts(tensor, target, len(kept)) if drafts else [np.zeros(0, np.int64)] * len(kept)
    needs = target.image_tokens + len(prompt) + target.longest
    if needs > target.positions:
        raise ValueError(f"the target has {target.positions} positions, prompt and text would take {needs}")
    # Behind the longest text nothing is looked at.
    draft = [tokens[: target.longest] for tokens in draft]
    parts = np.split(features, np.cumsum(counts)[:-1])
    return [Frame(*frame, prompt, tokens) for *frame, tokens in zip(kept, parts, draft, strict=True)]


def tensors_of(verdicts: list) -> dict:
    """Every output of one block."""
    corrections = [verdict.correction for verdict in verdicts]
    return {
        "accepted": np.array([[verdict.accepted for verdict in verdicts]], np.uint16),
        "lengths": np.array([[len(correction) for correction in corrections]], np.uint16),
        "correction": np.array([[token for correction in corrections for token in correction]], np.uint16).reshape(1, -1),
        "score": np.array([[verdict.score for verdict in verdicts]], np.float32),
        "ended": np.array([[verdict.ended for verdict in verdicts]], np.uint8),
    }


def _row(tensor: np.ndarray, name: str) -> np.ndarray:
    if tensor.ndim != 2 or tensor.shape[0] != 1:
        raise ValueError(f"tensor `{name}` must have the shape [1, n], not {list(tensor.shape)}")
    return tensor[0]


def _text(tensor: np.ndarray, name: str) -> str:
    row = _row(tensor, name)
    if len(row) != 1:
        raise ValueError(f"tensor `{name}` holds {len(row)} elements, where 1 belongs")
    return bytes(row[0]).decode("ascii", errors="replace")


def _ids(row: np.ndarray, name: str, target) -> np.ndarray:
    beyond = np.flatnonzero(row >= target.vocabulary)
    if len(beyond):
        raise ValueError(f"tensor `{name}`, element {beyond[0]}: {row[beyond[0]]} is outside its range")
    return row.astype(np.int64)


def _frames_kept(row: np.ndarray, target) -> list:
    size = (target.image_tokens + 7) // 8
    if len(row) == 0 or len(row) % size:
        raise ValueError(f"tensor `kept` holds {len(row)} bytes, no whole number of frames of {size}")
    if len(row) // size > MOST_FRAMES:
        raise ValueError(f"frames: {len(row) // size} are more than the {MOST_FRAMES} that are allowed")
    bits = np.unpackbits(row.reshape(-1, size), axis=1, bitorder="little")
    if bits[:, target.image_tokens :].any():
        raise ValueError("tensor `kept` has bits set behind the last image token")
    places = [np.flatnonzero(frame).astype(np.int64) for frame in bits]
    for frame, kept in enumerate(places):
        if len(kept) == 0:
            raise ValueError(f"frame {frame} keeps no image token")
    return places


def _drafts(tensor, target, frames: int) -> list:
    lengths = _row(tensor("draft_lengths"), "draft_lengths").astype(np.int64)
    if len(lengths) != frames:
        raise ValueError(f"tensor `draft_lengths` holds {len(lengths)} elements, where {frames} belong")
    if (lengths > MOST_DRAFT).any():
        raise ValueError(f"draft tokens: {lengths.max()} are more than the {MOST_DRAFT} that are allowed")
    for name in ("draft", "draft_confidence"):
        found = len(_row(tensor(name), name))
        if found != lengths.sum():
            raise ValueError(f"tensor `{name}` holds {found} elements, where {lengths.sum()} belong")
    return np.split(_ids(_row(tensor("draft"), "draft"), "draft", target), np.cumsum(lengths)[:-1])
