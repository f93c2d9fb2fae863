"""Writes a trained Gaussian model for inference outside PyTorch.

    encoder.safetensors     the point encoder's weights; its settings as metadata
    backbone.onnx           bev f32 [1, C, H, W] -> heatmap (logits) and box; batch norm folded, opset 17
    decode.json             what the outputs mean and how boxes are taken from them
    reference.safetensors   scans with all that the model makes of them, to check another implementation by
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from . import checkpoint
from .config import Config, ConfigError
from .data.batches import collate, open_split
from .data.frame import crop
from .decode import decode
from .head import BOX_CHANNELS, ClassLayout
from .model import BevNetwork, Detector
from .splat import ALPHA_MAX, ALPHA_MIN, STOP
from .targets import out_cell_m

FORMAT = "drafthorse-radar-gaussian-1"
OPSET = 17


def encoder_file(model: Detector, config: Config, path: Path) -> None:
    """All weights under their names in the model, and every number that the encoder and the splat need."""
    options, grid = config.encoder, config.grid
    numbers = {
        "grid": grid.__dict__ | {"width": grid.width, "height": grid.height},
        "scans": config.data.scans,
        "channels": options.channels,
        "neighbour_radius_m": options.neighbour_radius_m,
        "max_scale_m": options.max_scale_m,
        "max_offset_m": options.max_offset_m,
        "learned_opacity": options.learned_opacity,
        "screen_variance_px2": options.screen_variance_px2,
        "range_scale_m": model.encoder.input.range_scale_m,
        "alpha_max": ALPHA_MAX,
        "alpha_min": ALPHA_MIN,
        "stop": STOP,
    }
    words = {"format": FORMAT, "name": config.name, "variant": config.variant, "features": ",".join(config.points.features)}
    weights = {name: value.contiguous() for name, value in model.encoder.state_dict().items()}
    save_file(weights, path, words | {name: json.dumps(value) for name, value in numbers.items()})


def folded(network: BevNetwork) -> BevNetwork:
    """The network with each batch norm folded into the convolution before it. Changes `network`."""
    for block in network.modules():
        if isinstance(block, nn.Sequential):
            for i, (convolution, norm) in enumerate(zip(block, list(block)[1:])):
                if isinstance(norm, nn.BatchNorm2d):
                    convolution.weight, convolution.bias = fuse_conv_bn_weights(
                        convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.eps,
                        norm.weight, norm.bias, transpose=isinstance(convolution, nn.ConvTranspose2d),
                    )
                    block[i + 1] = nn.Identity()
    return network


def backbone_file(network: BevNetwork, config: Config, path: Path) -> None:
    """Exports `network` (eval mode; it is folded by this) and checks the file with ONNX Runtime."""
    generator = torch.Generator().manual_seed(0)
    bev = torch.randn(1, config.encoder.channels, config.grid.height, config.grid.width, generator=generator)
    with torch.no_grad():
        before = network(bev)
        network = folded(network.to(memory_format=torch.contiguous_format))
        torch.onnx.export(
            network, (bev,), str(path), input_names=["bev"], output_names=["heatmap", "box"],
            opset_version=OPSET, dynamo=False,
        )
    onnx.checker.check_model(str(path))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for name, ours, theirs in zip(("heatmap", "box"), before, session.run(None, {"bev": bev.numpy()})):
        error = float(np.abs(ours.numpy() - theirs).max() / np.abs(theirs).max())
        if error > 1e-4:
            raise RuntimeError(f"{path}: {name} is off by {error:.1e} in ONNX Runtime")


def decode_file(config: Config, path: Path) -> None:
    layout = ClassLayout(config)
    classes = [
        {
            "name": rule.name,
            "heatmap_channel": layout.heat_of[k],
            "box_first_channel": BOX_CHANNELS * layout.task_of[k],
            "task": layout.task_of[k],
            "nms_radius_m": rule.nms_radius_m,
        }
        for k, rule in enumerate(config.classes)
    ]
    description = {
        "format": FORMAT,
        "classes": classes,
        "cell_m": out_cell_m(config),
        "x_min_m": config.grid.x_min_m,
        "y_min_m": config.grid.y_min_m,
        "heatmap": "logits; the score is their sigmoid",
        "box_channels": ["x_cells", "y_cells", "z_m", "log_length", "log_width", "log_height", "sin_yaw", "cos_yaw"],
        "score_min": config.decode.score_min,
        "candidates_per_class": config.decode.candidates,
        "keep_per_class": config.decode.keep,
        "nms": config.decode.nms,
    }
    path.write_text(json.dumps(description, indent=1) + "\n")


@torch.no_grad()
def reference_file(model: Detector, data, config: Config, count: int, path: Path) -> None:
    """`count` scans spread evenly over `data`. Rows of scan k of X are X[X_start[k]..X_start[k+1]].

    points, mean_m, scale_m, quaternion, opacity, features: a row a point. bev_cell i32 (row W + column) and
    bev_value: the cells of the bird's-eye view that are not 0. heatmap, box: the network's outputs [K, ...].
    boxes, classes, scores: the detections.
    """
    names = ("points", "mean_m", "scale_m", "quaternion", "opacity", "features")
    rows = {name: [] for name in (*names, "bev_cell", "bev_value", "heatmap", "box", "boxes", "classes", "scores")}
    starts = {"points_start": [0], "bev_start": [0], "detections_start": [0]}
    for i in np.linspace(0, len(data) - 1, count).round().astype(int):
        batch = collate([crop(data[int(i)], config.grid)], len(config.points.features))
        gaussians = model.encoder.gaussians(batch.points, batch.valid)
        bev = model.encoder(batch.points, batch.valid)
        logits, boxes = model.network(bev)
        (found,) = decode(logits, boxes, config)
        for name, value in zip(names, (batch.points, *gaussians)):
            rows[name].append(value[batch.valid])
        cells = bev[0].permute(1, 2, 0).reshape(-1, bev.shape[1])
        shining = cells.abs().amax(1).nonzero()[:, 0]
        rows["bev_cell"].append(shining.int())
        rows["bev_value"].append(cells[shining])
        rows["heatmap"].append(logits)
        rows["box"].append(boxes)
        for name in ("boxes", "classes", "scores"):
            rows[name].append(torch.from_numpy(getattr(found, name)))
        for name, size in zip(starts, (int(batch.valid.sum()), len(shining), len(found.boxes))):
            starts[name].append(starts[name][-1] + size)
    arrays = {name: torch.cat(parts).contiguous() for name, parts in rows.items()}
    arrays |= {name: torch.tensor(values) for name, values in starts.items()}
    save_file(arrays, path, {"format": FORMAT, "scans": str(count)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--reference", type=int, default=20, help="scans in reference.safetensors (default 20)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, config, _ = checkpoint.load_model(options.checkpoint)
    if not config.variant.startswith("gaussian"):
        raise ConfigError(f"the variant {config.variant} is a baseline; only Gaussian models are exported")
    options.out.mkdir(parents=True, exist_ok=True)
    encoder_file(model, config, options.out / "encoder.safetensors")
    decode_file(config, options.out / "decode.json")
    data = open_split(options.data, options.split, config)
    reference_file(model, data, config, options.reference, options.out / "reference.safetensors")
    backbone_file(model.network, config, options.out / "backbone.onnx")
    print(f"{options.out}: {sum(p.numel() for p in model.parameters())} parameters, {options.reference} reference scans")


if __name__ == "__main__":
    main()
