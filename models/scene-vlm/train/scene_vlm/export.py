"""Writes a trained model as ONNX files, named and shaped as vision-language models are on Hugging Face.

    onnx/vision_encoder.onnx        pixel_values f32 [batch_size, num_images, 3, H, W] -> image_features f32
                                    [batch_size * num_images, PATCHES, width], ready to stand for <image> tokens
    onnx/embed_tokens.onnx          input_ids i64 [batch_size, sequence_length] -> inputs_embeds
    onnx/decoder_model_merged.onnx  inputs_embeds, attention_mask i64 [batch_size, total_sequence_length], position_ids
                                    i64 [batch_size, sequence_length], past_key_values.N.key and .value f32 [batch_size,
                                    heads, past_sequence_length, head_dim] -> logits, present.N.key, present.N.value,
                                    hidden_states f32 [batch_size, sequence_length, width]: what the LM head sees
    onnx/decoder_tree.onnx          the same, but for attention_bias f32 [batch_size, 1, sequence_length,
                                    total_sequence_length] in the place of attention_mask: what is added to the scores, 0
                                    or -1e4, so that tokens can be branches of a tree
    onnx/decoder_head.onnx          inputs_embeds, attention_mask, position_ids -> attention f32 [batch_size,
                                    sequence_length, sequence_length] of the second layer, mean over heads
    onnx/text_match.onnx            input_ids i64 [batch_size, sequence_length], 0 for padding -> text_embeds
    onnx/image_match.onnx           pixel_values -> image_embeds, patch_embeds; all of length 1
    tokenizer.json, config.json, generation_config.json, preprocessor_config.json

Position ids are the caller's: dropped image tokens leave gaps, text begins at PATCHES. A past may be empty.
Every file is checked against the model in ONNX Runtime. `--decoders FOLDER` writes the two decoders of an exported model
anew, from the weights in its own decoder_model_merged.onnx: for models whose checkpoint is gone.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from . import checkpoint, exported
from .config import COLUMNS, HEIGHT_PX, PATCH_PX, PATCHES, ROWS, WIDTH_PX, ConfigError
from .decoder import ROTARY_BASE, Decoder
from .language import ANSWER, CAPTION, EOS, IMAGE, PAD
from .model import SceneVlm
from .speak import REPEAT

OPSET = 17
# Layers whose attention tells which image tokens a question looks at.
HEAD_LAYERS = 2
TOLERANCE = 2e-4
# Rows of the camera's picture of 640x360 when it is scaled to WIDTH_PX; the middle ones are the model's.
SCALED_HEIGHT_PX = 144


class VisionEncoder(nn.Module):
    def __init__(self, model: SceneVlm):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        return self.model.image_tokens(pixel_values.flatten(0, 1))


class ImageMatch(nn.Module):
    def __init__(self, model: SceneVlm):
        super().__init__()
        self.encoder, self.match = model.encoder, model.match

    def forward(self, pixel_values):
        features = self.encoder(pixel_values.flatten(0, 1))
        return self.match.of_image(features), self.match.of_patches(features)


class TextMatch(nn.Module):
    def __init__(self, model: SceneVlm):
        super().__init__()
        self.match = model.match

    def forward(self, input_ids):
        return self.match.of_text(input_ids)


def causal_bias(attention_mask, length: int):
    """[B, 1, length, S]: each of the last `length` positions sees itself and what came before, padding apart."""
    order = attention_mask.cumsum(1)
    own = order[:, -length:]
    allowed = (order[:, None, :] <= own[:, :, None]).float() * attention_mask[:, None, :].float()
    return ((1.0 - allowed) * -1e4)[:, None]


class MergedDecoder(nn.Module):
    """Prefill and single steps in one graph."""

    def __init__(self, decoder: Decoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, inputs_embeds, attention_mask, position_ids, *past):
        return biased(self.decoder, inputs_embeds, causal_bias(attention_mask, inputs_embeds.shape[1]), position_ids, past)


class TreeDecoder(nn.Module):
    """The same where the caller says what sees what."""

    def __init__(self, decoder: Decoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, inputs_embeds, attention_bias, position_ids, *past):
        return biased(self.decoder, inputs_embeds, attention_bias, position_ids, past)


def biased(decoder: Decoder, embeds, bias, positions, past):
    pairs = [(past[2 * i], past[2 * i + 1]) for i in range(len(past) // 2)]
    hidden, present = decoder.hidden(embeds, positions, bias, pairs)
    return decoder.logits(hidden), *(kept for pair in present for kept in pair), hidden


class DecoderHead(nn.Module):
    """The first layers, and the attention weights of the last of them."""

    def __init__(self, decoder: Decoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, inputs_embeds, attention_mask, position_ids):
        bias = causal_bias(attention_mask, inputs_embeds.shape[1])
        cos, sin = self.decoder.angles(position_ids)
        x = inputs_embeds
        for layer in self.decoder.layers[: HEAD_LAYERS - 1]:
            x, _ = layer(x, cos, sin, bias)
        q, k, _ = self.decoder.layers[HEAD_LAYERS - 1].qkv(x, cos, sin)
        scores = q @ k.transpose(-1, -2) * (q.shape[-1] ** -0.5) + bias
        return scores.softmax(-1).mean(1)


ROWS_OF_WORDS = {0: "batch_size", 1: "sequence_length"}


def past_names(layers: int, of: str) -> list[str]:
    return [f"{of}.{i}.{part}" for i in range(layers) for part in ("key", "value")]


def write(module: nn.Module, given: tuple, inputs: list[str], outputs: list[str], axes: dict, path: Path) -> None:
    """Exports `module` (eval mode) and compares it with ONNX Runtime on `given`."""
    module.eval()
    with torch.no_grad():
        expected = module(*given)
        torch.onnx.export(
            module, given, str(path), input_names=inputs, output_names=outputs, dynamic_axes=axes, opset_version=OPSET, dynamo=False
        )
    onnx.checker.check_model(str(path))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    results = session.run(None, {name: value.numpy() for name, value in zip(inputs, given)})
    expected = expected if isinstance(expected, tuple) else (expected,)
    for name, ours, theirs in zip(outputs, expected, results):
        error = float(np.abs(ours.numpy() - theirs).max() / max(1e-6, np.abs(theirs).max()))
        if error > TOLERANCE:
            raise RuntimeError(f"{path}: {name} is off by {error:.1e} in ONNX Runtime")


def export(model: SceneVlm, folder: Path) -> None:
    """Writes all files of `model`, which must not be blind."""
    if model.config.blind:
        raise ConfigError("the blind baseline has no picture to export")
    graphs = folder / "onnx"
    graphs.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(2, 1, 3, HEIGHT_PX, WIDTH_PX, generator=generator) * 2 - 1
    tokens = torch.randint(6, model.language.size, (2, 9), generator=generator)
    images = {"pixel_values": {0: "batch_size", 1: "num_images"}}
    rows = ROWS_OF_WORDS
    write(
        VisionEncoder(model), (pixels,), ["pixel_values"], ["image_features"],
        images | {"image_features": {0: "batch_size_x_num_images"}}, graphs / "vision_encoder.onnx",
    )
    write(
        ImageMatch(model), (pixels,), ["pixel_values"], ["image_embeds", "patch_embeds"],
        images | {name: {0: "batch_size_x_num_images"} for name in ("image_embeds", "patch_embeds")},
        graphs / "image_match.onnx",
    )
    write(
        TextMatch(model), (tokens,), ["input_ids"], ["text_embeds"],
        {"input_ids": rows, "text_embeds": {0: "batch_size"}}, graphs / "text_match.onnx",
    )
    write(
        model.decoder.embedding, (tokens,), ["input_ids"], ["inputs_embeds"],
        {"input_ids": rows, "inputs_embeds": rows}, graphs / "embed_tokens.onnx",
    )
    export_decoders(model.decoder, graphs)
    embeds = model.decoder.embedding(tokens).detach()
    mask, places = torch.ones(2, 9, dtype=torch.int64), torch.arange(5, 14).expand(2, -1)
    axes = {name: rows for name in ("inputs_embeds", "attention_mask", "position_ids")}
    write(
        DecoderHead(model.decoder), (embeds, mask, places), ["inputs_embeds", "attention_mask", "position_ids"], ["attention"],
        axes | {"attention": {0: "batch_size", 1: "sequence_length", 2: "sequence_length"}}, graphs / "decoder_head.onnx",
    )
    model.language.tokenizer().save(str(folder / "tokenizer.json"))
    for name, content in descriptions(model).items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")


def export_decoders(decoder: Decoder, graphs: Path) -> None:
    """Writes decoder_model_merged.onnx and decoder_tree.onnx."""
    generator = torch.Generator().manual_seed(0)
    layers, heads = len(decoder.layers), decoder.layers[0].heads
    vocabulary, width = decoder.embedding.weight.shape
    embeds = decoder.embedding(torch.randint(vocabulary, (2, 9), generator=generator)).detach()
    past = torch.randn(2 * layers, 2, heads, 5, width // heads, generator=generator)
    mask, places = torch.ones(2, 14, dtype=torch.int64), torch.arange(5, 14).expand(2, -1)
    given, made = past_names(layers, "past_key_values"), past_names(layers, "present")
    axes = {name: ROWS_OF_WORDS for name in ("inputs_embeds", "position_ids", "logits", "hidden_states")}
    axes |= {name: {0: "batch_size", 2: "past_sequence_length"} for name in given}
    axes |= {name: {0: "batch_size", 2: "total_sequence_length"} for name in made}
    of_mask = {"attention_mask": {0: "batch_size", 1: "total_sequence_length"}}
    write(
        MergedDecoder(decoder), (embeds, mask, places, *past.unbind(0)), ["inputs_embeds", "attention_mask", "position_ids", *given],
        ["logits", *made, "hidden_states"], axes | of_mask, graphs / "decoder_model_merged.onnx",
    )
    of_bias = {"attention_bias": {0: "batch_size", 2: "sequence_length", 3: "total_sequence_length"}}
    write(
        TreeDecoder(decoder), (embeds, causal_bias(mask, 9), places, *past.unbind(0)),
        ["inputs_embeds", "attention_bias", "position_ids", *given], ["logits", *made, "hidden_states"],
        axes | of_bias, graphs / "decoder_tree.onnx",
    )


def descriptions(model: SceneVlm) -> dict[str, dict]:
    """The JSON files beside the graphs."""
    text, vision, config = model.config.text, model.config.vision, model.config
    return {
        "config.json": {
            "model_type": "drafthorse-scene-vlm",
            "name": config.name,
            "image_token_id": IMAGE,
            "caption_token_id": CAPTION,
            "answer_token_id": ANSWER,
            "text_config": {
                "model_type": "llama",
                "vocab_size": model.language.size,
                "hidden_size": text.width,
                "intermediate_size": text.feed_forward,
                "num_hidden_layers": text.layers,
                "num_attention_heads": text.heads,
                "num_key_value_heads": text.heads,
                "head_dim": text.width // text.heads,
                "max_position_embeddings": text.max_positions,
                "rms_norm_eps": 1e-5,
                "rope_theta": ROTARY_BASE,
                "tie_word_embeddings": True,
                "pad_token_id": PAD,
                "eos_token_id": EOS,
            },
            "vision_config": {
                "image_size": [HEIGHT_PX, WIDTH_PX],
                "patch_size": PATCH_PX,
                "patches": [ROWS, COLUMNS],
                "hidden_size": vision.width,
                "num_hidden_layers": vision.layers,
                "num_attention_heads": vision.heads,
            },
            "match_config": {
                "width": config.match.width,
                "image_scale": float(model.match.scale.exp().clamp(max=50.0)),
                "patch_scale": float(model.match.patch_scale.exp()),
                "patch_bias": float(model.match.patch_bias),
            },
            "facts": model.language.facts,
        },
        "generation_config.json": {
            "do_sample": False,
            "max_new_tokens": text.max_words,
            "no_repeat_ngram_size": REPEAT,
            "pad_token_id": PAD,
            "eos_token_id": EOS,
        },
        "preprocessor_config.json": {
            "do_resize": True,
            "size": {"height": SCALED_HEIGHT_PX, "width": WIDTH_PX},
            "do_center_crop": True,
            "crop_size": {"height": HEIGHT_PX, "width": WIDTH_PX},
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.5, 0.5, 0.5],
            "image_seq_len": PATCHES,
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--checkpoint", help="checkpoint of a run, of which all files are written to --out")
    what.add_argument("--decoders", type=Path, help="folder of an exported model, whose decoders are written anew")
    parser.add_argument("--out", type=Path, help="folder of the model; with --decoders that folder itself if not given")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.decoders:
        graphs = (options.out or options.decoders) / "onnx"
        graphs.mkdir(parents=True, exist_ok=True)
        export_decoders(exported.decoder(options.decoders), graphs)
        return
    if options.out is None:
        parser.error("--checkpoint needs --out")
    model, _ = checkpoint.load_model(options.checkpoint)
    export(model, options.out)
    print(f"{options.out}: {sum(p.numel() for p in model.parameters())} parameters")


if __name__ == "__main__":
    main()
