"""The target of drafted descriptions on ONNX Runtime: many frames in one decoder run.

`Target.write` takes frames (the image tokens that were kept, a prompt, a draft that may be empty) and gives for each
what the target alone would have written: how many of the draft's tokens are its own, and the tokens behind these. All
frames are padded into one run over image, prompt and draft (a few runs where many frames differ much in length);
those that are not at their end then go on together, a token a run. Knows nothing of Triton.
"""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime

# Frames of one run at most: its memory is theirs times layers, heads and length.
MOST_ROWS = 128
# From so many tokens on a run is bound by arithmetic, not by reading weights: what would be padding is better a run of
# its own.
WHOLE_RUN = 512


class NoCodeError(ValueError):
    """The target lacks the code of a block's tokens, which is no fault of the block."""


@dataclass
class Frame:
    """One picture's question: positions of the kept image tokens, their features [n, W], token ids."""

    kept: np.ndarray
    features: np.ndarray
    prompt: np.ndarray
    draft: np.ndarray


@dataclass
class Verdict:
    """What the target makes of a frame: of the draft, the first `accepted` tokens are its own; `correction` follows."""

    accepted: int = 0
    correction: list = field(default_factory=list)
    log_probabilities: list = field(default_factory=list)
    ended: bool = False

    @property
    def score(self) -> float:
        """Mean ln p of the whole text; 0 where there is none."""
        return float(np.mean(self.log_probabilities)) if self.log_probabilities else 0.0


def barred(said: list, size: int) -> set:
    """The tokens that would end a run of `size` tokens that was said before."""
    if size == 0 or len(said) < size - 1:
        return set()
    last = said[len(said) - size + 1 :]
    return {said[i + size - 1] for i in range(len(said) - size + 1) if said[i : i + size - 1] == last}


def likeliest(logits: np.ndarray, bars: set) -> tuple:
    """The first of the greatest logits but for barred tokens, and ln of its probability among all."""
    allowed = logits
    if bars:
        allowed = logits.copy()
        allowed[list(bars)] = -np.inf
    best = int(np.argmax(allowed))
    total = np.exp((logits - logits[best]).astype(np.float64)).sum()
    return best, -float(np.log(total))


def unpacked(rows: np.ndarray, dims: int, levels: int) -> np.ndarray:
    """Level indices u8 [n, D] of tokens packed least significant bit first, each in whole bytes."""
    bits = (levels - 1).bit_length()
    stream = np.unpackbits(rows, axis=1, bitorder="little")
    if stream[:, dims * bits :].any():
        raise ValueError("tensor `tokens` has bits set behind a token's last level")
    stream = stream[:, : dims * bits].reshape(len(rows), dims, bits)
    codes = (stream << np.arange(bits, dtype=np.uint8)).sum(-1).astype(np.uint8)
    if (codes >= levels).any():
        raise ValueError(f"tensor `tokens` has a level that is not below {levels}")
    return codes


class _Row:
    """A frame on its way: what was said of it so far."""

    def __init__(self, frame: Frame, target: "Target"):
        self.frame = frame
        self.target = target
        self.verdict = Verdict()
        self.said = []
        self.prefix = len(frame.kept) + len(frame.prompt)
        self.length = self.prefix + len(frame.draft)

    def take(self, logits: np.ndarray) -> int | None:
        """The next token; none once the text is at its end."""
        verdict, target = self.verdict, self.target
        if verdict.ended or len(self.said) >= target.longest:
            return None
        token, log_probability = likeliest(logits, barred(self.said, target.no_repeat))
        verdict.log_probabilities.append(log_probability)
        if token in target.ends:
            verdict.ended = True
        else:
            self.said.append(token)
        return token

    def goes_on(self) -> bool:
        return not self.verdict.ended and len(self.said) < self.target.longest

    def judge(self, logits: np.ndarray) -> None:
        """Walks along the draft; row i of `logits` follows the prompt and i draft tokens."""
        draft = self.frame.draft
        for i in range(len(draft) + 1):
            token = self.take(logits[i])
            if token is None:
                return
            if i == len(draft) or token != draft[i]:
                self.verdict.correction.append(token)
                return
            self.verdict.accepted += 1

    def go_on(self, logits: np.ndarray) -> None:
        self.verdict.correction.append(self.take(logits))


def alike(rows: list) -> list:
    """Groups of rows of like length, so that little of a run is padding: one group where that is not worth a run."""
    groups, tokens = [], WHOLE_RUN
    for row in sorted(rows, key=lambda row: -row.length):
        if tokens >= WHOLE_RUN and (not groups or row.length < 0.8 * groups[-1][0].length):
            groups.append([])
            tokens = 0
        groups[-1].append(row)
        tokens += row.length
    return groups


def joined(masks: list, caches: list) -> tuple:
    """One mask and one cache of several, row behind row, with masked places where one is shorter than another."""
    places = max(mask.shape[1] for mask in masks)
    missing = [places - mask.shape[1] for mask in masks]
    mask = np.concatenate([np.pad(mask, [(0, 0), (0, n)]) for mask, n in zip(masks, missing, strict=True)])
    pads = [[(0, 0), (0, 0), (0, n), (0, 0)] for n in missing]
    parts = zip(*caches, strict=True)
    return mask, [np.concatenate([np.pad(p, pad) for p, pad in zip(part, pads, strict=True)]) for part in parts]


class Target:
    """Decoder and embeddings of a folder laid out as models/scene-vlm-s."""

    def __init__(self, folder: Path, drafter: Path | None = None, threads: int = 1, pace_s: float = 0.0):
        folder = Path(folder)
        config = json.loads((folder / "config.json").read_text())
        text = config["text_config"]
        generation = json.loads((folder / "generation_config.json").read_text())
        ends = generation.get("eos_token_id", text["eos_token_id"])
        self.ends = set(ends if isinstance(ends, list) else [ends])
        self.longest = generation.get("max_new_tokens", 256)
        self.no_repeat = generation.get("no_repeat_ngram_size", 0)
        self.width = text["hidden_size"]
        self.vocabulary = text["vocab_size"]
        rows, columns = config["vision_config"]["patches"]
        self.image_tokens = rows * columns
        # The decoder has no place behind these.
        self.positions = text.get("max_position_embeddings", 1 << 31)
        self.pace_s = pace_s
        self.runs = 0
        graphs = folder / "onnx"
        embed = self._session(graphs / "embed_tokens.onnx", threads)
        ids = np.arange(self.vocabulary, dtype=np.int64)[None]
        self.embeddings = embed.run(["inputs_embeds"], {"input_ids": ids})[0][0]
        self.decoder = self._session(graphs / "decoder_model_merged.onnx", threads)
        self.past = [i for i in self.decoder.get_inputs() if i.name.startswith("past_key_values.")]
        self.outputs = ["logits"] + [i.name.replace("past_key_values.", "present.") for i in self.past]
        self.fsq = None
        if drafter is not None and (Path(drafter) / "onnx/fsq_decode.onnx").exists():
            code = json.loads((Path(drafter) / "config.json").read_text())["code"]
            decode = self._session(Path(drafter) / "onnx/fsq_decode.onnx", threads)
            self.fsq = (code["dims"], code["levels"], decode)

    @staticmethod
    def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return onnxruntime.InferenceSession(str(path), options, providers=onnxruntime.get_available_providers())

    def features(self, code: str, data: np.ndarray, count: int) -> np.ndarray:
        """`count` image tokens [count, W] of the bytes that code them.

        Raises ValueError where the bytes are not those of so many tokens, or hold what is no number; NoCodeError where
        this target does not have the code.
        """
        if code == "f16":
            wanted = 2 * self.width
        elif code == "int8":
            wanted = 4 + self.width
        elif code == "fsq":
            if self.fsq is None:
                raise NoCodeError("the target has no finite scalar code: send f16 or int8")
            dims, levels, _ = self.fsq
            bits = (levels - 1).bit_length()
            wanted = (dims * bits + 7) // 8
        else:
            raise ValueError(f"token code `{code[:64]}` is none of f16, int8 and fsq")
        if data.size != wanted * count:
            raise ValueError(f"tensor `tokens` holds {data.size} bytes, where {wanted * count} belong")
        rows = np.ascontiguousarray(data).reshape(count, wanted)
        if code == "f16":
            features = rows.view("<f2").astype(np.float32)
        elif code == "int8":
            scales = rows[:, :4].copy().view("<f4")
            if (scales < 0).any() or (scales > np.finfo(np.float32).max / 128).any():
                raise ValueError("tensor `tokens` has a scale outside its range")
            features = scales * rows[:, 4:].view(np.int8).astype(np.float32)
        else:
            codes = unpacked(rows, dims, levels)
            features = self.fsq[2].run(["image_features"], {"codes": codes[None]})[0][0]
        if not np.isfinite(features).all():
            raise ValueError("tensor `tokens` has what is no finite number")
        return features

    def write(self, frames: list) -> list:
        """A verdict for each frame, in their order."""
        rows = [_Row(frame, self) for frame in frames]
        for begin in range(0, len(rows), MOST_ROWS):
            self._write(rows[begin : begin + MOST_ROWS])
        return [row.verdict for row in rows]

    def _write(self, rows: list) -> None:
        parts = [(group, *self._judge(group)) for group in alike(rows)]
        rows = [row for group, _, _ in parts for row in group]
        mask, cache = joined([mask for _, mask, _ in parts], [cache for _, _, cache in parts])
        cache = [onnxruntime.OrtValue.ortvalue_from_numpy(part) for part in cache]
        while True:
            stay = [i for i, row in enumerate(rows) if row.goes_on()]
            if not stay:
                return
            if len(stay) < len(rows):
                rows = [rows[i] for i in stay]
                mask = mask[stay]
                cache = [onnxruntime.OrtValue.ortvalue_from_numpy(part.numpy()[stay]) for part in cache]
            tokens = [row.said[-1] for row in rows]
            at = [self.image_tokens + len(row.frame.prompt) + len(row.said) - 1 for row in rows]
            mask = np.concatenate([mask, np.ones((len(rows), 1), np.int64)], axis=1)
            logits, cache = self._step(self.embeddings[tokens][:, None], mask, np.array(at)[:, None], cache)
            for i, row in enumerate(rows):
                row.go_on(logits[i, 0])

    def _judge(self, rows: list) -> tuple:
        """One run over image, prompt and draft of each row: its mask and cache, as far as the text stands."""
        count, longest = len(rows), max(row.length for row in rows)
        embeds = np.zeros((count, longest, self.width), np.float32)
        positions = np.zeros((count, longest), np.int64)
        mask = np.zeros((count, longest), np.int64)
        # Padding stands behind: who sees only what came before never sees it.
        for i, row in enumerate(rows):
            frame, kept, end = row.frame, len(row.frame.kept), row.length
            text = np.concatenate([frame.prompt, frame.draft]).astype(np.int64)
            embeds[i, :kept] = frame.features
            embeds[i, kept:end] = self.embeddings[text]
            positions[i, :kept] = frame.kept
            positions[i, kept:end] = self.image_tokens + np.arange(len(text))
            mask[i, :end] = 1
        empty = [np.zeros((count, i.shape[1], 0, i.shape[3]), np.float32) for i in self.past]
        logits, cache = self._paced(lambda: self._first(embeds, mask, positions, empty))
        for i, row in enumerate(rows):
            row.judge(logits[i, row.prefix - 1 :])
            # Tokens that were refused stay in the cache like padding, and are not looked at from here on.
            mask[i, row.prefix + row.verdict.accepted :] = 0
        going = [i for i, row in enumerate(rows) if row.goes_on()]
        rows[:] = [rows[i] for i in going]
        places = max((row.prefix + row.verdict.accepted for row in rows), default=0)
        return mask[going, :places], [part[going, :, :places] for part in cache]

    def _first(self, embeds, mask, positions, past) -> tuple:
        given = {"inputs_embeds": embeds, "attention_mask": mask, "position_ids": positions}
        given |= {i.name: value for i, value in zip(self.past, past, strict=True)}
        logits, *cache = self.decoder.run(self.outputs, given)
        return logits, cache

    def _step(self, embeds, mask, positions, cache) -> tuple:
        """A run whose cache stays with the engine."""

        def step():
            given = {"inputs_embeds": embeds, "attention_mask": mask, "position_ids": positions}
            given = {name: onnxruntime.OrtValue.ortvalue_from_numpy(value) for name, value in given.items()}
            given |= {i.name: value for i, value in zip(self.past, cache, strict=True)}
            logits, *present = self.decoder.run_with_ort_values(self.outputs, given)
            return logits.numpy(), present

        return self._paced(step)

    def _paced(self, run):
        """`run`, which takes the pace's time at least: a stand-in for a decoder of real size."""
        began = time.monotonic()
        result = run()
        self.runs += 1
        rest = self.pace_s - (time.monotonic() - began)
        if rest > 0:
            time.sleep(rest)
        return result
