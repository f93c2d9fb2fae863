"""A SmolVLM with random weights: tiles of 24 px with four tokens each."""

import numpy as np
import torch
from graphs import write, write_json, write_text
from pictures import QUESTION, picture
from reference import greedy, some, without
from safetensors.numpy import save_file
from torch import nn
from transformers import PreTrainedTokenizerFast, SmolVLMConfig, SmolVLMForConditionalGeneration
from transformers.models.smolvlm.image_processing_smolvlm import SmolVLMImageProcessor
from transformers.models.smolvlm.processing_smolvlm import DEFAULT_CHAT_TEMPLATE, SmolVLMProcessor
from transformers.models.smolvlm.video_processing_smolvlm import SmolVLMVideoProcessor
from words import tokenizer

SPECIAL = ["<|im_start|>", "<end_of_utterance>", "<fake_token_around_image>", "<image>", "<global-img>"]
SPECIAL += [f"<row_{r}_col_{c}>" for r in range(1, 5) for c in range(1, 5)]
TILE, PATCH, SCALE = 24, 6, 2
SIZES = {"wide": (50, 34), "tall": (20, 60)}


class VisionEncoder(nn.Module):
    """The model's own layers on whole tiles; tokens without a pixel of the mask are not looked at."""

    def __init__(self, model):
        super().__init__()
        self.vision, self.connector = model.model.vision_model, model.model.connector
        # What the model's own code adds to the patches of a whole tile.
        embeddings, nothing = self.vision.embeddings, torch.zeros(1, 3, TILE, TILE)
        with torch.no_grad():
            placed = embeddings(nothing, torch.ones(1, TILE // PATCH, TILE // PATCH, dtype=torch.bool))
            self.places = placed - embeddings.patch_embedding(nothing).flatten(2).transpose(1, 2)

    def forward(self, pixel_values, pixel_attention_mask):
        x = self.vision.embeddings.patch_embedding(pixel_values.flatten(0, 1)).flatten(2).transpose(1, 2)
        x = x + self.places
        mask = nn.functional.max_pool2d(pixel_attention_mask.flatten(0, 1).float()[:, None], PATCH)
        bias = (1.0 - mask.flatten(2)[:, :, None]) * -1e9
        for layer in self.vision.encoder.layers:
            x = layer(x, bias)
        return self.connector(self.vision.post_layernorm(x))


def make(folder) -> None:
    words = tokenizer(SPECIAL, qwen=False)
    ids = {token: words.token_to_id(token) for token in SPECIAL}
    processor = SmolVLMProcessor(
        SmolVLMImageProcessor(size={"longest_edge": 3 * TILE}, max_image_size={"longest_edge": TILE}, resample=1,
                              image_mean=[0.5] * 3, image_std=[0.5] * 3),
        PreTrainedTokenizerFast(tokenizer_object=words), SmolVLMVideoProcessor(), image_seq_len=(TILE // PATCH // SCALE) ** 2,
        chat_template=DEFAULT_CHAT_TEMPLATE,
    )
    torch.manual_seed(SEED)
    model = SmolVLMForConditionalGeneration(config(words.get_vocab_size(), ids)).eval()
    model.set_attn_implementation("eager")
    prompt = ask(processor, 1)
    forward = lambda embeds, positions, mask, past: model(
        inputs_embeds=embeds, position_ids=positions, attention_mask=mask, past_key_values=past, use_cache=True
    )
    embed = model.get_input_embeddings()
    out, ends = {}, []
    for name, size in SIZES.items():
        given = processor(text=prompt, images=[picture(*size)], return_tensors="pt")
        row = given["input_ids"][0]
        with torch.no_grad():
            features = model.model.get_image_features(given["pixel_values"], given["pixel_attention_mask"]).flatten(0, 1)
            whole = model(**given).logits[0]
        embeds = embed(row[None]).detach().clone()
        slots = (row == ids["<image>"]).nonzero()[:, 0].tolist()
        embeds[0, slots] = features
        positions = torch.arange(len(row))[None]
        if not ends:
            # The sixth word ends an answer, unless it was said before.
            said = greedy(forward, embed, embeds, positions, len(row), [])[1]
            ends = [said[5]]
        logits, said = greedy(forward, embed, embeds, positions, len(row), ends)
        assert (logits - whole).abs().max() < 1e-5
        levels = ((given["pixel_values"] * 0.5 + 0.5) * 255).round().to(torch.uint8)
        out |= {f"{name}.levels": levels, f"{name}.ids": row, f"{name}.features": features, f"{name}.logits": some(logits), f"{name}.said": said}
        out[f"{name}.positions"] = positions
        kept = list(range(1, len(slots), 3))
        rest = without(kept, slots, len(row))
        logits, said = greedy(forward, embed, embeds[:, rest], positions[:, rest], len(row), ends)
        out |= {f"{name}.kept": kept, f"{name}.kept_logits": some(logits), f"{name}.kept_said": said}
    both = processor(text=ask(processor, 2), images=[[picture(*size) for size in SIZES.values()]])
    out["both.ids"] = both["input_ids"][0]
    out |= values(processor.image_processor)
    folder.mkdir(parents=True, exist_ok=True)
    write_graphs(model, given, folder)
    save_file({name: np.ascontiguousarray(np.asarray(value)) for name, value in out.items()}, folder / "reference.safetensors")
    words.save(str(folder / "tokenizer.json"))
    image = processor.image_processor.to_dict()
    write_json(folder, config=model.config.to_dict(), preprocessor_config=image, generation_config={"eos_token_id": ends, "max_new_tokens": 12})


def values(small) -> dict:
    """Pixel values of the smallest case as they are, without tiles, and some of the published models' size."""
    given = small(picture(20, 60), return_tensors="pt")["pixel_values"]
    alone = small(picture(50, 34), do_image_splitting=False, return_tensors="pt")["pixel_values"]
    large = SmolVLMImageProcessor(size={"longest_edge": 2048}, max_image_size={"longest_edge": 512}, resample=1,
                                  image_mean=[0.5] * 3, image_std=[0.5] * 3)
    levels = lambda pixels: ((pixels * 0.5 + 0.5) * 255).round().to(torch.uint8)
    big = large(picture(640, 480), return_tensors="pt")["pixel_values"]
    return {"tall.pixels": given, "alone.levels": levels(alone), "large.shape": list(big.shape), "large.levels": levels(big).flatten()[::997]}


def ask(processor, pictures: int) -> str:
    content = [{"type": "image"}] * pictures + [{"type": "text", "text": QUESTION}]
    return processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)


def config(vocabulary: int, ids) -> SmolVLMConfig:
    return SmolVLMConfig(
        image_token_id=ids["<image>"], pad_token_id=0, scale_factor=SCALE, tie_word_embeddings=True,
        vision_config=dict(hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=TILE,
                           patch_size=PATCH, initializer_range=0.2),
        text_config=dict(model_type="llama", vocab_size=vocabulary, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                         num_attention_heads=4, num_key_value_heads=2, pad_token_id=0, bos_token_id=1, eos_token_id=2,
                         initializer_range=0.3, max_position_embeddings=512, tie_word_embeddings=True),
    )


def write_graphs(model, given, folder) -> None:
    axes = {"pixel_values": {0: "batch_size", 1: "num_images"}, "pixel_attention_mask": {0: "batch_size", 1: "num_images"}, "image_features": {0: "tiles"}}
    pixels = {"pixel_values": given["pixel_values"], "pixel_attention_mask": given["pixel_attention_mask"].bool()}
    write(VisionEncoder(model), pixels, ["image_features"], axes, folder / "onnx" / "vision_encoder.onnx")
    write_text(model.model.text_model, model.lm_head, 1, folder / "onnx")


SEED = 3
