"""A Qwen2.5-VL with random weights: patches of 4 px, four of them a token, windows of 2x2 tokens."""

import numpy as np
import torch
from graphs import write, write_json, write_text
from pictures import QUESTION, picture
from reference import greedy, some, without
from safetensors.numpy import save_file
from torch import nn
from transformers import (
    Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor, Qwen2TokenizerFast, Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)
from words import tokenizer

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
PATCH, MERGE, WINDOW = 4, 2, 16
LEAST, MOST = 512, 3072
# Within the range of pixels, above it, below it.
SIZES = {"within": (50, 34), "above": (100, 70), "below": (10, 20)}
TEMPLATE = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n{}{}<|im_end|>\n<|im_start|>assistant\n"


class VisionEncoder(nn.Module):
    """The model's own layers over one grid of any size; a mask stands for sorting patches into windows."""

    def __init__(self, model):
        super().__init__()
        self.visual = model.model.visual

    def forward(self, pixel_values, image_grid_thw):
        visual = self.visual
        x = visual.patch_embed(pixel_values)
        index = torch.ones_like(pixel_values[:, 0]).cumsum(0).long() - 1
        columns = image_grid_thw[0, 2] // MERGE
        token, inner = index // (MERGE * MERGE), index % (MERGE * MERGE)
        row, column = token // columns, token - token // columns * columns
        angles = [(at * MERGE + part).float()[:, None] * visual.rotary_pos_emb.inv_freq for at, part in ((row, inner // MERGE), (column, inner % MERGE))]
        angles = torch.cat(angles, -1)
        angles = torch.cat((angles, angles), -1)[:, None]
        side = WINDOW // MERGE // PATCH
        window = row // side * 1000 + column // side
        apart = (window[None, :] != window[:, None]).float() * -1e9
        for i, block in enumerate(visual.blocks):
            bias = 0.0 if i in visual.fullatt_block_indexes else apart
            x = x + self.attention(block.attn, block.norm1(x), angles, bias)
            x = x + block.mlp(block.norm2(x))
        return visual.merger(x)

    @staticmethod
    def attention(attn, x, angles, bias):
        q, k, v = attn.qkv(x).reshape(-1, 3, attn.num_heads, attn.head_dim).unbind(1)
        turn = lambda t: t * angles.cos() + torch.cat((-t[..., attn.head_dim // 2 :], t[..., : attn.head_dim // 2]), -1) * angles.sin()
        q, k, v = (t.transpose(0, 1) for t in (turn(q), turn(k), v))
        weights = (q @ k.transpose(1, 2) * attn.scaling + bias).softmax(-1)
        return attn.proj((weights @ v).transpose(0, 1).reshape(-1, attn.num_heads * attn.head_dim))


def make(folder) -> None:
    words = tokenizer(SPECIAL, qwen=True)
    ids = {token: words.token_to_id(token) for token in SPECIAL}
    processor = Qwen2_5_VLProcessor(
        Qwen2VLImageProcessor(patch_size=PATCH, merge_size=MERGE, min_pixels=LEAST, max_pixels=MOST),
        Qwen2TokenizerFast(tokenizer_object=words), Qwen2VLVideoProcessor(),
    )
    torch.manual_seed(SEED)
    model = Qwen2_5_VLForConditionalGeneration(config(words.get_vocab_size(), ids)).eval()
    model.set_attn_implementation("eager")
    forward = lambda embeds, positions, mask, past: model(
        inputs_embeds=embeds, position_ids=positions, attention_mask=mask, past_key_values=past, use_cache=True
    )
    embed = model.get_input_embeddings()
    out, ends, first = {}, [], None
    for name, size in SIZES.items():
        given = processor(text=[TEMPLATE.format(shown(1), QUESTION)], images=[picture(*size)], return_tensors="pt")
        first = first or given
        row = given["input_ids"]
        with torch.no_grad():
            features = torch.cat(tuple(model.model.get_image_features(given["pixel_values"], given["image_grid_thw"])))
            whole = model(**given).logits[0]
        positions, delta = model.model.get_rope_index(row, given["image_grid_thw"], attention_mask=given["attention_mask"])
        following = int(row.shape[1] + delta)
        embeds = embed(row).detach().clone()
        slots = (row[0] == ids["<|image_pad|>"]).nonzero()[:, 0].tolist()
        embeds[0, slots] = features
        if not ends:
            said = greedy(forward, embed, embeds, positions, following, [])[1]
            ends = [ids["<|endoftext|>"], said[5]]
        logits, said = greedy(forward, embed, embeds, positions, following, ends)
        assert (logits - whole).abs().max() < 1e-5
        out |= {f"{name}.pixels": given["pixel_values"], f"{name}.grid": given["image_grid_thw"], f"{name}.ids": row[0], f"{name}.positions": positions[:, 0]}
        out |= {f"{name}.features": features, f"{name}.logits": some(logits), f"{name}.said": said}
        kept = list(range(1, len(slots), 3))
        rest = without(kept, slots, row.shape[1])
        logits, said = greedy(forward, embed, embeds[:, rest], positions[:, :, rest], following, ends)
        out |= {f"{name}.kept": kept, f"{name}.kept_logits": some(logits), f"{name}.kept_said": said}
    both = processor(text=[TEMPLATE.format(shown(2), QUESTION)], images=[picture(*SIZES[name]) for name in ("within", "below")], return_tensors="pt")
    out["both.ids"] = both["input_ids"][0]
    out["both.positions"] = model.model.get_rope_index(both["input_ids"], both["image_grid_thw"])[0][:, 0]
    # The published models' patches, some values.
    large = Qwen2VLImageProcessor()(picture(640, 480), return_tensors="pt")["pixel_values"]
    out |= {"large.shape": list(large.shape), "large.pixels": large.flatten()[::997]}
    folder.mkdir(parents=True, exist_ok=True)
    write_graphs(model, first, folder)
    save_file({name: np.ascontiguousarray(np.asarray(value)) for name, value in out.items()}, folder / "reference.safetensors")
    words.save(str(folder / "tokenizer.json"))
    write_json(folder, config=model.config.to_dict(), preprocessor_config=processor.image_processor.to_dict(), generation_config={"eos_token_id": ends})


def shown(pictures: int) -> str:
    return "<|vision_start|><|image_pad|><|vision_end|>" * pictures


def config(vocabulary: int, ids) -> Qwen2_5_VLConfig:
    return Qwen2_5_VLConfig(
        image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"], vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"], tie_word_embeddings=True,
        vision_config=dict(depth=2, hidden_size=24, intermediate_size=32, num_heads=2, patch_size=PATCH, spatial_merge_size=MERGE,
                           temporal_patch_size=2, window_size=WINDOW, fullatt_block_indexes=[1], out_hidden_size=32, initializer_range=0.2),
        text_config=dict(vocab_size=vocabulary, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
                         num_key_value_heads=1, initializer_range=0.3, max_position_embeddings=512, tie_word_embeddings=True,
                         use_sliding_window=False, rope_scaling={"type": "mrope", "mrope_section": [2, 3, 3]}),
    )


def write_graphs(model, given, folder) -> None:
    axes = {"pixel_values": {0: "patches"}, "image_grid_thw": {0: "num_images"}, "image_features": {0: "tokens"}}
    pixels = {"pixel_values": given["pixel_values"], "image_grid_thw": given["image_grid_thw"]}
    write(VisionEncoder(model), pixels, ["image_features"], axes, folder / "onnx" / "vision_encoder.onnx")
    write_text(model.model.language_model, model.lm_head, 3, folder / "onnx")


SEED = 5
