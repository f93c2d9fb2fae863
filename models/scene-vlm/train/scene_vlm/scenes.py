"""Scenes of the world generator: `NAME.safetensors` and `NAME.jsonl`, as `drafthorse-scenes` writes them."""

import hashlib
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors import safe_open

from .config import COLUMNS, HEIGHT_PX, PATCH_PX, PATCHES, ROWS, WIDTH_PX, ConfigError
from .language import CLASSES, Language


@dataclass(frozen=True)
class Centre:
    """A road user that the picture shows: its patch, class, distance, and colour (-1 where it has none)."""

    patch: int
    kind: int
    distance_m: float
    colour: int


@dataclass(frozen=True)
class Scene:
    """`labels`: index of each fact's value, -1 where it is unknown. Texts are tokens without special ones.

    `mirrored`: left and right are exchanged, in the picture and in all that is said of it.
    """

    name: str
    jpeg: bytes
    patches: np.ndarray
    centres: list[Centre]
    labels: np.ndarray
    facts: dict[str, str]
    questions: list[tuple[str, str, str, list[int], list[int]]]
    captions: list[list[int]]
    mirrored: bool = False

    def picture(self) -> np.ndarray:
        """u8 [HEIGHT_PX, WIDTH_PX, 3]."""
        picture = np.asarray(Image.open(io.BytesIO(self.jpeg)))
        return picture[:, ::-1] if self.mirrored else picture

    def mirror(self, language: Language) -> "Scene":
        """The scene as in a mirror."""
        side = {"left": "right", "right": "left"}
        token = {language.encode(a)[0]: language.encode(b)[0] for a, b in side.items()}
        text = lambda of: [token.get(word, word) for word in of]
        centres = [replace(c, patch=c.patch + COLUMNS - 1 - 2 * (c.patch % COLUMNS)) for c in self.centres]
        facts = {key: side.get(value, value) for key, value in self.facts.items()}
        return replace(
            self,
            patches=self.patches.reshape(ROWS, COLUMNS)[:, ::-1].reshape(-1),
            centres=centres,
            facts=facts,
            labels=_labels(facts, language),
            questions=[(key, about, side.get(a, a), text(q), text(tokens)) for key, about, a, q, tokens in self.questions],
            captions=[text(caption) for caption in self.captions],
            mirrored=not self.mirrored,
        )


class Scenes:
    """All scenes of a folder, in the order of the file names."""

    def __init__(self, folder: str | Path, language: Language | None = None):
        self.manifest = _manifest(Path(folder))
        paths = sorted(Path(folder).glob("*.safetensors"))
        if not paths:
            raise ConfigError(f"{folder} holds no *.safetensors; write scenes with drafthorse-scenes first")
        own = Language.read(folder)
        self.language = language or own
        if own.to_dict() != self.language.to_dict():
            raise ConfigError(f"{folder} speaks another language than the model; write its scenes anew")
        self._scenes = [scene for path in paths for scene in read(path, self.language)]
        if len(self._scenes) != self.manifest["scenes"]:
            raise ConfigError(f"{folder} holds {len(self._scenes)} scenes, its manifest says {self.manifest['scenes']}; write it anew")

    def thin(self, count: int) -> None:
        """Keeps `count` scenes, evenly spread, or all where there are fewer."""
        total = len(self._scenes)
        count = min(count, total)
        self._scenes = [self._scenes[i * total // count] for i in range(count)]

    def first(self, count: int) -> None:
        """Keeps the first `count` scenes."""
        self._scenes = self._scenes[:count]

    def check_lengths(self, max_words: int) -> None:
        """Raises ConfigError where a caption or question has more words than the model has room for."""
        for scene in self._scenes:
            longest = max(len(text) for text in [*scene.captions, *(question[3] for question in scene.questions)])
            if longest > max_words:
                raise ConfigError(f"{scene.name} has a text of {longest} words; raise text.max_words")

    @property
    def identity(self) -> str:
        """SHA-256 of what the manifest says: folders of other scenes have another."""
        return hashlib.sha256(json.dumps(self.manifest, sort_keys=True).encode()).hexdigest()

    def __len__(self) -> int:
        return len(self._scenes)

    def __getitem__(self, i: int) -> Scene:
        return self._scenes[i]


def _manifest(folder: Path) -> dict:
    path = folder / "manifest.json"
    if not path.is_file():
        raise ConfigError(f"{path} is missing; write scenes with drafthorse-scenes first")
    return json.loads(path.read_text())


def read(path: Path, language: Language):
    """The scenes of one file."""
    with safe_open(path, "np") as file:
        arrays = {name: file.get_tensor(name) for name in ("jpeg", "jpeg_start", "patches")}
    start = arrays["jpeg_start"]
    with open(path.with_suffix(".jsonl")) as lines:
        for i, line in enumerate(lines):
            record = json.loads(line)
            yield Scene(
                name=f"{path.stem}/{i:04d}",
                jpeg=arrays["jpeg"][start[i] : start[i + 1]].tobytes(),
                patches=arrays["patches"][i].copy(),
                centres=[_centre(o, language) for o in record["objects"] if o["verdict"] == "shown"],
                labels=_labels(record["facts"], language),
                facts=record["facts"],
                questions=[_question(q, language) for q in record["questions"]],
                captions=[language.encode(c["text"]) for c in record["captions"]],
            )


def _centre(o: dict, language: Language) -> Centre:
    left, top, right, bottom = o["box_px"]
    column = min(int(0.5 * (left + right)) // PATCH_PX, COLUMNS - 1)
    row = min(int(0.5 * (top + bottom)) // PATCH_PX, ROWS - 1)
    colour = -1 if o["paint"] is None else language.colours.index(language.paints[o["paint"]])
    return Centre(row * COLUMNS + column, o["class"], o["distance_m"], colour)


def _labels(facts: dict[str, str], language: Language) -> np.ndarray:
    known = [values.index(facts[key]) if key in facts else -1 for key, values in language.facts.items()]
    return np.array(known, dtype=np.int64)


def _question(q: dict, language: Language):
    key = q["kind"] if q["class"] is None else f"{q['kind']}.{CLASSES[q['class']]}"
    return key, q["about"], q["answer"], language.encode(q["text"]), language.encode(q["answer"])


assert WIDTH_PX * HEIGHT_PX == PATCHES * PATCH_PX**2
