"""What the Python backend answers, against a plain target: one frame, one token, one whole run at a time.

    python -m unittest discover runtime/target/triton

needs numpy and onnxruntime; the model is the small untrained one of runtime/vision's tests.
"""

import sys
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import scene_target
from block import read_block, tensors_of
from scene_target import Frame, NoCodeError, Target, unpacked

MODEL = Path(__file__).resolve().parents[2] / "vision/tests/data/scene_vlm"


def alone(target: Target, frame: Frame) -> tuple:
    """The target's text and the ln p of its tokens, each by a run over everything before it."""
    text, logs = [], []
    while len([t for t in text if t not in target.ends]) < target.longest:
        words = np.concatenate([frame.prompt, text]).astype(np.int64)
        embeds = np.concatenate([frame.features, target.embeddings[words]])[None]
        places = np.concatenate([frame.kept, target.image_tokens + np.arange(len(words))])[None]
        given = {"inputs_embeds": embeds, "attention_mask": np.ones_like(places), "position_ids": places}
        given |= {i.name: np.zeros((1, i.shape[1], 0, i.shape[3]), np.float32) for i in target.past}
        logits = target.decoder.run(["logits"], given)[0][0, -1].astype(np.float64)
        order = np.argsort(-logits, kind="stable")
        n = target.no_repeat
        runs = {tuple(text[i : i + n]) for i in range(len(text) - n + 1)} if n else set()
        token = next(int(t) for t in order if tuple(text[-(n - 1) :] + [int(t)]) not in runs)
        logs.append(logits[token] - np.logaddexp.reduce(logits))
        text.append(token)
        if token in target.ends:
            break
    return text, logs


class TargetTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.target = Target(MODEL)
        cls.target.longest = 24
        random = np.random.default_rng(7)
        cls.frames, cls.texts, cls.logs = [], [], []
        for count, prompt in [(40, [3]), (128, [3]), (7, [9, 12, 7, 4]), (64, [3]), (1, []), (33, [8, 4])]:
            kept = np.sort(random.choice(cls.target.image_tokens, count, replace=False))
            features = random.standard_normal((count, cls.target.width)).astype(np.float32)
            frame = Frame(kept, features, np.array(prompt, np.int64), np.zeros(0, np.int64))
            text, logs = alone(cls.target, frame)
            cls.frames.append(frame)
            cls.texts.append(text)
            cls.logs.append(logs)

    def check(self, frames, which):
        verdicts = self.target.write(frames)
        for verdict, frame, i in zip(verdicts, frames, which, strict=True):
            draft = [int(token) for token in frame.draft]
            self.assertEqual(draft[: verdict.accepted] + verdict.correction, self.texts[i])
            # No token that is right was thrown away.
            if verdict.correction and verdict.accepted < len(draft):
                self.assertNotEqual(verdict.correction[0], draft[verdict.accepted])
            self.assertEqual(verdict.ended, self.texts[i][-1] in self.target.ends)
            self.assertAlmostEqual(verdict.score, float(np.mean(self.logs[i])), places=4)

    def drafted(self, i, draft):
        frame = self.frames[i]
        return Frame(frame.kept, frame.features, frame.prompt, np.array(draft, np.int64))

    def test_frames_without_drafts_are_written_as_alone(self):
        self.check(self.frames, range(len(self.frames)))

    def test_any_draft_gives_the_same_text(self):
        random = np.random.default_rng(11)
        frames, which = [], []
        for i, text in enumerate(self.texts):
            end = min(self.target.ends)
            wrong = [int(token) for token in random.integers(6, self.target.vocabulary, 9)]
            for draft in [text, text[:5], text + [end], wrong, text[:8] + wrong, [end], text[:3] + [end] + wrong]:
                frames.append(self.drafted(i, draft))
                which.append(i)
        order = random.permutation(len(frames))
        for whole_run in (scene_target.WHOLE_RUN, 40, 1 << 30):
            with self.subTest(whole_run=whole_run), mock.patch.object(scene_target, "WHOLE_RUN", whole_run):
                self.check([frames[i] for i in order], [which[i] for i in order])

    def test_a_right_draft_takes_one_run(self):
        frames = [self.drafted(i, text) for i, text in enumerate(self.texts)]
        self.target.runs = 0
        verdicts = self.target.write(frames)
        self.assertEqual(self.target.runs, 1)
        self.assertEqual([verdict.accepted for verdict in verdicts], [len(text) for text in self.texts])


class BlockTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.target = Target(MODEL)

    def tensors(self, **changes):
        target, random = self.target, np.random.default_rng(5)
        kept = np.zeros((2, target.image_tokens), np.uint8)
        kept[0, [3, 9]] = kept[1, 5] = 1
        features = random.standard_normal((3, target.width)).astype("<f2")
        tensors = {
            "block_id": np.array([[b"drive-1/block-9"]], object),
            "prompt": np.array([[3]], np.uint16),
            "code": np.array([[b"f16"]], object),
            "kept": np.packbits(kept, axis=1, bitorder="little").reshape(1, -1),
            "tokens": np.frombuffer(features.tobytes(), np.uint8)[None],
            "draft_lengths": np.array([[2, 0]], np.uint16),
            "draft": np.array([[7, 5]], np.uint16),
            "draft_confidence": np.array([[1, 2]], np.uint8),
        }
        return tensors | changes

    def read(self, **changes):
        return read_block(self.tensors(**changes).__getitem__, self.target, True)

    def test_frames_are_as_sent(self):
        first, second = self.read()
        self.assertEqual(([*first.kept], [*second.kept]), ([3, 9], [5]))
        self.assertEqual(([*first.draft], [*second.draft], [*first.prompt]), ([7, 5], [], [3]))
        sent = self.tensors()["tokens"][0].view("<f2").astype(np.float32).reshape(3, -1)
        np.testing.assert_array_equal(np.concatenate([first.features, second.features]), sent)

    def test_integers_are_scaled_a_token(self):
        width = self.target.width
        levels = np.arange(3 * width).reshape(3, width).astype(np.int8)
        scales = np.array([[0.5], [2.0], [0.0]], "<f4")
        rows = np.concatenate([scales.view(np.uint8), levels.view(np.uint8)], axis=1)
        first, second = self.read(code=np.array([[b"int8"]], object), tokens=rows.reshape(1, -1))
        wanted = scales * levels
        np.testing.assert_array_equal(np.concatenate([first.features, second.features]), wanted)

    def test_levels_are_unpacked_as_they_were_packed(self):
        random = np.random.default_rng(3)
        for dims, levels in [(1, 2), (24, 4), (13, 5), (6, 8), (7, 200), (5, 256)]:
            codes = random.integers(0, levels, (9, dims))
            bits = (levels - 1).bit_length()
            whole = [sum(int(code) << (bits * i) for i, code in enumerate(row)) for row in codes]
            size = (dims * bits + 7) // 8
            rows = np.array([list(number.to_bytes(size, "little")) for number in whole], np.uint8)
            np.testing.assert_array_equal(unpacked(rows, dims, levels), codes)
        with self.assertRaisesRegex(ValueError, "not below 5"):
            unpacked(np.array([[7]], np.uint8), 1, 5)
        with self.assertRaisesRegex(ValueError, "behind"):
            unpacked(np.array([[8]], np.uint8), 1, 5)

    def test_what_is_wrong_is_said(self):
        tokens = self.tensors()["tokens"]
        infinite = tokens.copy()
        infinite[0, :2] = np.array([np.inf], "<f2").view(np.uint8)
        wrong = [
            ("id", dict(block_id=np.array([[b"two words"]], object))),
            ("id", dict(block_id=np.array([[b"x" * 65]], object))),
            ("prompt", dict(prompt=np.array([[3, 9999]], np.uint16))),
            ("positions", dict(prompt=np.full((1, 200), 3, np.uint16))),
            ("code", dict(code=np.array([[b"f64"]], object))),
            ("finite scalar", dict(code=np.array([[b"fsq"]], object))),
            ("kept", dict(kept=np.ones((1, 17), np.uint8))),
            ("frame 0", dict(kept=np.zeros((1, 32), np.uint8))),
            ("frames", dict(kept=np.ones((1, 9 * 16), np.uint8))),
            ("tokens", dict(tokens=tokens[:, 1:])),
            ("finite", dict(tokens=infinite)),
            ("draft_lengths", dict(draft_lengths=np.array([[2]], np.uint16))),
            ("allowed", dict(draft_lengths=np.array([[2, 60000]], np.uint16))),
            ("draft", dict(draft=np.array([[7]], np.uint16))),
            ("draft", dict(draft=np.array([[7, 60000]], np.uint16))),
            ("draft_confidence", dict(draft_confidence=np.zeros((1, 3), np.uint8))),
            ("shape", dict(prompt=np.array([3], np.uint16))),
        ]
        for name, changes in wrong:
            with self.subTest(name), self.assertRaisesRegex(ValueError, name) as raised:
                self.read(**changes)
            self.assertEqual(isinstance(raised.exception, NoCodeError), name == "finite scalar", name)

    def test_answers_have_their_types(self):
        given = tensors_of(self.target.write(self.read()))
        types = {name: (tensor.dtype.name, tensor.shape[0]) for name, tensor in given.items()}
        wanted = ("uint16", 1), ("uint16", 1), ("uint16", 1), ("float32", 1), ("uint8", 1)
        self.assertEqual(tuple(types.values()), wanted)
        self.assertEqual(given["lengths"].sum(), given["correction"].size)


if __name__ == "__main__":
    unittest.main()
