"""A scene model with random weights, smaller than the real one, by its own export."""

import dataclasses

import numpy as np
import torch
from pictures import ANSWER_TOKENS, picture
from safetensors.numpy import save_file
from scene_vlm import config as configs
from scene_vlm.config import HEIGHT_PX, PATCHES, WIDTH_PX
from scene_vlm.export import DecoderHead, export
from scene_vlm.language import ANSWER, CAPTION, Language
from scene_vlm.model import SceneVlm
from scene_vlm.speak import speak

WORDS = sorted({"a", "car", "on", "the", "left", "right", "ahead", "where", "is", "?", "clear", "fog"})
FACTS = {"where.car": ["left", "ahead", "right"], "weather": ["clear", "fog"]}
NAMES = [["car"], ["truck"], ["cyclist"], ["pedestrian"]]
BITS = ["car", "truck", "cyclist", "pedestrian", "red", "green", "zebra", "between"]
QUESTION = "where is the car ?"


def make(folder) -> None:
    base = configs.load(configs.__file__.replace("scene_vlm/config.py", "configs/s.toml"))
    vision = dataclasses.replace(base.vision, stem=[8, 8, 8], width=24, layers=1, heads=3)
    text = dataclasses.replace(base.text, layers=2, width=24, heads=3, feed_forward=32, max_words=ANSWER_TOKENS)
    match = dataclasses.replace(base.match, width=16)
    config = configs.checked(dataclasses.replace(base, vision=vision, text=text, match=match))
    language = Language(WORDS, FACTS, NAMES, BITS, ["white", "red"], 80)
    torch.manual_seed(SEED)
    model = SceneVlm(config, language).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4) if parameter.dim() > 1 else None
    export(model, folder)
    pixels = torch.from_numpy(np.array(picture(WIDTH_PX, HEIGHT_PX))).permute(2, 0, 1)[None].float() / 127.5 - 1.0
    with torch.no_grad():
        image = model.image_tokens(pixels)
    out = {"features": image[0]}
    for name, prompt in {"question": [*language.encode(QUESTION), ANSWER], "caption": [CAPTION]}.items():
        for kept_name, kept in {"all": np.arange(PATCHES), "kept": np.arange(1, PATCHES, 3)}.items():
            row = torch.tensor([prompt])
            with torch.no_grad():
                logits = model.read(image, row, torch.ones_like(row), torch.arange(len(prompt))[None], torch.from_numpy(kept))
                said = speak(model, image, row, ANSWER_TOKENS, torch.from_numpy(kept))[0]
            out |= {f"{name}.{kept_name}_logits": logits[0], f"{name}.{kept_name}_said": np.array(said, dtype=np.int64)}
        out[f"{name}.ids"] = prompt
    row = torch.tensor([out["question.ids"]])
    with torch.no_grad():
        embeds = torch.cat((image, model.decoder.embedding(row)), 1)
        length = torch.arange(embeds.shape[1])[None]
        attention = DecoderHead(model.decoder)(embeds, torch.ones_like(length), length)[0]
        out["attention"] = attention[PATCHES:, :PATCHES]
        encoded = model.encoder(pixels)
        out["picture"] = model.match.of_image(encoded)[0]
        out["patches"] = model.match.of_patches(encoded)[0]
        out["text"] = model.match.of_text(torch.tensor([language.encode(QUESTION)]))[0]
    save_file({name: np.ascontiguousarray(np.asarray(value)) for name, value in out.items()}, folder / "reference.safetensors")


SEED = 6
