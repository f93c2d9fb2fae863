"""Words and facts of a folder of scenes: what `language.json` says, and the word-level tokenizer."""

import json
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers

from .config import ConfigError

SPECIAL = ["<pad>", "<unk>", "<image>", "<caption>", "<answer>", "<eos>"]
PAD, UNK, IMAGE, CAPTION, ANSWER, EOS = range(6)
CLASSES = ["car", "truck", "cyclist", "pedestrian"]


class Language:
    """`words`: the vocabulary behind the special tokens. `facts`: values by key. `names`: of each class."""

    def __init__(self, words: list[str], facts: dict[str, list[str]], names: list[list[str]]):
        self.words, self.facts, self.names = words, facts, names
        self._index = {word: i for i, word in enumerate(SPECIAL + words)}

    @classmethod
    def read(cls, folder: str | Path) -> "Language":
        path = Path(folder) / "language.json"
        if not path.is_file():
            raise ConfigError(f"{path} is missing; write scenes with drafthorse-scenes first")
        return cls(**json.loads(path.read_text()))

    def to_dict(self) -> dict:
        return {"words": self.words, "facts": self.facts, "names": self.names}

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
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        tokenizer.add_special_tokens(SPECIAL)
        return tokenizer
