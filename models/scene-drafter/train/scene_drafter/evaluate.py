"""Exported drafters against the target's own greedy texts, as they run: step by step, with caches that roll back.

Each call of the target keeps the right words of a draft and adds one of its own. Fact-bearing words are judged by the first word
of a draft at every place, given the target's words before it.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime
from scene_vlm.config import PATCHES
from scene_vlm.export import past_names
from scene_vlm.language import CAPTION

from .collect import GREEDY
from .target import Target
from .texts import Texts


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class Chain:
    """A drafter's graph over one text."""

    def __init__(self, graph: onnxruntime.InferenceSession, config: dict, words: np.ndarray):
        self._graph, self._words = graph, words
        inputs = [i.name for i in graph.get_inputs()]
        self.colocated = "hidden_states_in" in inputs
        layers = sum(name.startswith("past_key_values.") for name in inputs) // 2
        self._names = past_names(layers, "past_key_values")
        shape = (1, config["num_attention_heads"], 0, config["head_dim"])
        self._empty = [np.zeros(shape, dtype=np.float32)] * len(self._names)
        self._slot_positions = config["slot_positions"]

    def begin(self, slots, whole) -> None:
        self._whole, self._past = whole, self._empty
        self.run(slots[0], self._slot_positions, np.zeros_like(slots[0]))

    def run(self, embeds, positions, hidden):
        """Logits and hidden states of further places; they join the cache."""
        past = self._past[0].shape[2]
        feeds = {"inputs_embeds": embeds[None], "global": self._whole, "position_ids": np.array([positions])}
        feeds |= {"attention_mask": np.ones((1, past + len(positions)), dtype=np.int64)} | dict(zip(self._names, self._past))
        if self.colocated:
            feeds["hidden_states_in"] = hidden[None]
        logits, states, *self._past = self._graph.run(None, feeds)
        return logits[0], states[0]

    def text(self, tokens, first: int, hidden):
        """The same of words, the first of which is number `first` of the text (0: <caption>)."""
        return self.run(self._words[tokens], list(range(PATCHES + first, PATCHES + first + len(tokens))), hidden)

    def roll_back(self, words: int) -> None:
        """Forgets all but the slots and so many words."""
        length = len(self._slot_positions) + words
        self._past = [part[:, :, :length] for part in self._past]


def best(logits, barred) -> int:
    free = logits.copy()
    free[barred] = -np.inf
    return int(free.argmax())


def draft_along(chain: Chain, slots, whole, tokens: list[int], states, barred, length: int) -> tuple[int, int, np.ndarray]:
    """Words gained, calls of the target, and whether each word is what the drafter says first.

    `states` [n + 1, width]: the target's hidden states a place before each word (`target.Text`)."""
    chain.begin(slots, whole)
    rows = [CAPTION, *tokens[:-1]]
    logits, _ = chain.text(rows, 0, states[:-1])
    first = np.array([best(logits[i], barred[i]) == token for i, token in enumerate(tokens)])
    chain.roll_back(0)
    # Beside the target, it has said a word before there is anything to draft from.
    begin = at = 1 if chain.colocated else 0
    done, count = 0, 0
    while at < len(tokens):
        # What the target has confirmed since, with its own hidden states.
        logits, hidden = chain.text(rows[done : at + 1], done, states[done : at + 1])
        done, kept = at + 1, 0
        while kept < length and at + kept < len(tokens):
            token = best(logits[-1], barred[at + kept])
            if token != tokens[at + kept]:
                break
            kept += 1
            if kept < length and at + kept < len(tokens):
                logits, hidden = chain.text([token], at + kept, hidden[-1:])
        chain.roll_back(done)
        at = min(at + kept + 1, len(tokens))
        count += 1
    return len(tokens) - begin, count, first[begin:]


def evaluate(folder: Path, form: str, texts: Texts, target: Target, length: int, limit: int | None) -> dict:
    config = json.loads((folder / "config.json").read_text())
    compress = session(folder / "onnx" / "compress.onnx")
    chain = Chain(session(folder / "onnx" / f"{form}.onnx"), config, target.decoder.embedding.weight.detach().numpy())
    bearing = np.zeros(len(target.words), dtype=bool)
    bearing[config["fact_tokens"]] = True
    chosen = texts.of_kind(GREEDY)[:limit]
    gained, calls, right, all_right = 0, 0, {True: [], False: []}, 0
    for i in chosen:
        places = texts.places(i)
        image = texts.features[texts.scene[i]][places].astype(np.float32)
        slots, whole = compress.run(None, {"image_features": image[None], "position_ids": places[None]})
        tokens = texts.tokens(i).tolist()
        states = texts.batch(np.array([i])).states[0].numpy()
        more, count, first = draft_along(chain, slots, whole, tokens, states, target.barred(tokens), length)
        gained, calls = gained + more, calls + count
        facts = bearing[tokens[len(tokens) - len(first) :]]
        all_right += bool(first[facts].all())
        for kind in right:
            right[kind] += first[facts == kind].tolist()
    share = lambda of: round(float(np.mean(of)), 4)
    return {
        "texts": len(chosen), "draft_length": length, "tokens_per_call": round(gained / calls, 3), "fact_agreement": share(right[True]),
        "other_agreement": share(right[False]), "fact_words": len(right[True]), "texts_all_facts_agree": round(all_right / len(chosen), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", required=True, help="folder of the target, models/scene-vlm-s")
    parser.add_argument("--model", required=True, type=Path, help="folder of the exported drafters")
    parser.add_argument("--data", required=True, help="folder of collected texts to judge by")
    parser.add_argument("--form", action="append", help="standalone, colocated_q4 and so on; all that are there if not given")
    parser.add_argument("--length", type=int, default=5, help="words of a draft")
    parser.add_argument("--limit", type=int, help="judge by so many texts")
    parser.add_argument("--out", type=Path, help="JSON file; printed too")
    options = parser.parse_args()
    target = Target(options.target)
    texts = Texts([options.data], len(target.words))
    present = sorted(path.stem for path in (options.model / "onnx").glob("*.onnx"))
    forms = options.form or [name for name in present if name.startswith(("standalone", "colocated"))]
    report = {}
    for form in forms:
        report[form] = evaluate(options.model, form, texts, target, options.length, options.limit)
        print(form, json.dumps(report[form]), flush=True)
    if options.out:
        options.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
