"""Folders of made-up scenes in the generator's format: a bright square on the left or right says what there is."""

import io
import json

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

from scene_vlm.config import COLUMNS, HEIGHT_PX, PATCH_PX, PATCHES, WIDTH_PX

FACTS = {"count.car": ["0", "1", "2", "3", "4+"], "where.car": ["left", "ahead", "right"], "weather": ["clear", "fog"]}
WORDS = sorted({"a", "car", "cars", "lorry", "cyclist", "pedestrian", "on", "the", "left", "right", "ahead", "where", "is", "?", ".", "clear", "fog", "weather", "what", "0", "1", "2", "3", "4+"})
BITS = ["car", "truck", "cyclist", "pedestrian", "red", "green", "zebra", "between"]
PAINTS = ["white", "white", "black", "grey", "red"]
NAMES = [["car", "car"], ["truck", "lorry"], ["cyclist", "cyclist"], ["pedestrian", "pedestrian"]]


def write_scenes(folder, count: int, seed: int = 0) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    jpegs, starts, patches, lines = b"", [0], [], []
    for _ in range(count):
        right, fog = rng.integers(2), rng.integers(2)
        side, weather = ["left", "right"][right], ["clear", "fog"][fog]
        picture = np.full((HEIGHT_PX, WIDTH_PX, 3), 140 if fog else 40, dtype=np.uint8)
        x = (11 if right else 3) * PATCH_PX
        picture[64:80, x : x + PATCH_PX] = (220, 40, 40)
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=95)
        jpegs += file.getvalue()
        starts.append(len(jpegs))
        bits = np.zeros(PATCHES, dtype=np.uint8)
        bits[4 * COLUMNS + x // PATCH_PX] = 1
        patches.append(bits)
        lines.append(_record(side, weather, x))
    arrays = {
        "jpeg": np.frombuffer(jpegs, dtype=np.uint8),
        "jpeg_start": np.array(starts, dtype=np.int64),
        "patches": np.stack(patches),
    }
    save_file(arrays, folder / "train-000.safetensors")
    (folder / "train-000.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    language = {"words": WORDS, "facts": FACTS, "names": NAMES, "bits": BITS, "paints": PAINTS, "caption_words": 80}
    (folder / "language.json").write_text(json.dumps(language))
    (folder / "manifest.json").write_text(json.dumps({"split": "train", "seed": seed, "scenes": count, "verified": True}))


def _record(side: str, weather: str, x: int) -> dict:
    car = {"verdict": "shown", "class": 0, "paint": 4, "distance_m": 12.0, "box_px": [x, 64, x + PATCH_PX, 80]}
    hidden = car | {"verdict": "hidden", "class": 1}
    return {
        "objects": [car, hidden],
        "facts": {"where.car": side, "weather": weather},
        "questions": [
            {"kind": "where", "class": 0, "about": "objects", "text": "where is the car ?", "answer": side},
            {"kind": "weather", "class": None, "about": "scene", "text": "what is the weather ?", "answer": weather},
        ],
        "captions": [{"text": f"a car on the {side} .", "facts": {"where.car": side}}, {"text": f"{weather} .", "facts": {"weather": weather}}],
    }
