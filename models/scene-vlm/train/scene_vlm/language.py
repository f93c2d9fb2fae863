"""Words and facts of a folder of scenes: what `language.json` says, and the word-level tokenizer."""

import json
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from .config import ConfigError

SPECIAL = ["<pad>", "<unk>", "<image>", "<caption>", "<answer>", "<eos>"]
PAD, UNK, IMAGE, CAPTION, ANSWER, EOS = range(6)
KEYS = {"words", "facts", "names", "bits", "paints", "caption_words"}
CLASSES = ["car", "truck", "cyclist", "pedestrian"]


class Language:
    """`words`: the vocabulary behind the special tokens. `facts`: values by key. `names`: of each class. `bits`: what
    a patch's bits stand for, classes first, "between" last. `paints`: colour by index. `caption_words`: of the longest."""

    def __init__(
        self, words: list[str], facts: dict[str, list[str]], names: list[list[str]], bits: list[str], paints: list[str],
        caption_words: int,
    ):
        self.words, self.facts, self.names = words, facts, names
        self.bits, self.paints, self.caption_words = bits, paints, caption_words
        if bits[: len(CLASSES)] != CLASSES or bits[-1] != "between":
            raise ConfigError(f"language.json: bits should be {CLASSES}, others, 'between', not {bits}")
        self._index = {word: i for i, word in enumerate(SPECIAL + words)}

    @classmethod
    def read(cls, folder: str | Path) -> "Language":
        path = Path(folder) / "language.json"
        if not path.is_file():
            raise ConfigError(f"{path} is missing; write scenes with drafthorse-scenes first")
        table = json.loads(path.read_text())
        if table.keys() != KEYS:
            raise ConfigError(f"{path} should have the keys {sorted(KEYS)}; write the scenes anew")
        return cls(**table)

    def to_dict(self) -> dict:
        return {key: getattr(self, key) for key in sorted(KEYS)}

    @property
    def shows(self) -> int:
        """Bits of a patch that say what it shows; the one behind them says not to trust them."""
        return len(self.bits) - 1

    @property
    def colours(self) -> list[str]:
        """Names of the paints, each once."""
        return sorted(set(self.paints))

    @property
    def size(self) -> int:
        return len(self._index)

    def encode(self, text: str) -> list[int]:
        return [self._index.get(word, UNK) for word in text.split()]

    def decode(self, tokens) -> str:
        """The words up to the end, special tokens left out."""
        words = []
        for token in tokens:
            if token == EOS:
                break
            if token >= len(SPECIAL):
                words.append(self.words[token - len(SPECIAL)])
        return " ".join(words)

    def tokenizer(self) -> Tokenizer:
        """The same as a Hugging Face tokenizer."""
        tokenizer = Tokenizer(models.WordLevel(self._index, unk_token="<unk>"))
        # Texts of the generator have blanks around everything; people write "How far is the nearest car?".
        tokenizer.normalizer = normalizers.Lowercase()
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex("[?.,:;]"), "isolated")])
        tokenizer.add_special_tokens(SPECIAL)
        return tokenizer
