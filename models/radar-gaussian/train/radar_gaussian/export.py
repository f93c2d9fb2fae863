"""Writes a trained Gaussian model as a model folder for inference outside PyTorch.

    model.toml              files by hash, origin, tolerances
    encoder.safetensors     the weights of the point encoder and of the stem, the network's first convolution
                            (3x3, stride 2, ReLU), which is cheap where the view is empty; settings as metadata
    backbone.onnx           stem f32 [1, C, H/2, W/2] -> heatmap (logits) and box; batch norm folded, opset 17
    decode.json             what the outputs mean and how boxes are taken from them
    reference/              one input of the network and its outputs, that every engine must reproduce
    reference.safetensors   with --reference N: scans with all that the model makes of them, to check another
                            implementation by
"""

import argparse
import copy
import hashlib
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
from .data.batches import collate, evaluation_frames, open_split
from .data.frame import crop
from .decode import decode
from .evaluate import detect
from .head import BOX_CHANNELS, ClassLayout
from .metrics import Evaluation
from .model import BevNetwork, Detector
from .splat import ALPHA_MAX, ALPHA_MIN, STOP
from .targets import out_cell_m

FORMAT = "drafthorse-radar-gaussian-1"
OPSET = 17


def encoder_file(model: Detector, stem: nn.Conv2d, scans: int, config: Config, path: Path) -> None:
    """All weights under their names in the model, and every number that the encoder and the splat need."""
    options, grid = config.encoder, config.grid
    numbers = {
        "grid": grid.__dict__ | {"width": grid.width, "height": grid.height},
        "scans": scans,
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
    weights |= {"stem.weight": stem.weight.detach().contiguous(), "stem.bias": stem.bias.detach().contiguous()}
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


def split(network: BevNetwork) -> tuple[nn.Sequential, BevNetwork]:
    """The stem and the rest of a folded network. Changes `network`."""
    stages = network.backbone.stages
    stem = stages[0][0]
    if (stem[0].kernel_size, stem[0].stride, stem[0].padding) != ((3, 3), (2, 2), (1, 1)):
        raise ConfigError("the first convolution must be 3x3 with stride 2: set backbone.strides[0] to 2")
    stages[0][0] = nn.Identity()
    return stem, network


def backbone_file(network: BevNetwork, config: Config, path: Path) -> nn.Sequential:
    """Exports `network` (eval mode; it is folded and split by this) and checks the file with ONNX Runtime; the stem."""
    generator = torch.Generator().manual_seed(0)
    bev = torch.randn(1, config.encoder.channels, config.grid.height, config.grid.width, generator=generator)
    with torch.no_grad():
        before = network(bev)
        stem, network = split(folded(network.to(memory_format=torch.contiguous_format)))
        given = stem(bev)
        torch.onnx.export(
            network, (given,), str(path), input_names=["stem"], output_names=["heatmap", "box"],
            opset_version=OPSET, dynamo=False,
        )
    onnx.checker.check_model(str(path))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for name, ours, theirs in zip(("heatmap", "box"), before, session.run(None, {"stem": given.numpy()})):
        error = float(np.abs(ours.numpy() - theirs).max() / np.abs(theirs).max())
        if error > 1e-4:
            raise RuntimeError(f"{path}: {name} is off by {error:.1e} in ONNX Runtime")
    return stem


def decode_file(config: Config, scores: list[float], path: Path) -> None:
    """`scores`: of each class, the score from which on a run takes a box for an object."""
    layout = ClassLayout(config)
    classes = [
        {
            "name": rule.name,
            "heatmap_channel": layout.heat_of[k],
            "box_first_channel": BOX_CHANNELS * layout.task_of[k],
            "task": layout.task_of[k],
            "nms_radius_m": rule.nms_radius_m,
            "score_run": round(scores[k], 4),
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
def reference_file(model: Detector, stem: nn.Sequential, data, config: Config, count: int, path: Path) -> None:
    """`count` scans spread evenly over `data`. Rows of scan k of X are X[X_start[k]..X_start[k+1]].

    points, mean_m, scale_m, quaternion, opacity, features: a row a point. bev_cell i32 (row W + column) and
    bev_value: the cells of the bird's-eye view that are not 0. stem: the first convolution over all of it, heatmap,
    box: the network's outputs [K, ...].
    boxes, classes, scores: the detections.
    """
    names = ("points", "mean_m", "scale_m", "quaternion", "opacity", "features")
    rows = {name: [] for name in (*names, "bev_cell", "bev_value", "stem", "heatmap", "box", "boxes", "classes", "scores")}
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
        rows["stem"].append(stem(bev))
        rows["heatmap"].append(logits)
        rows["box"].append(boxes)
        for name in ("boxes", "classes", "scores"):
            rows[name].append(torch.from_numpy(getattr(found, name)))
        for name, size in zip(starts, (int(batch.valid.sum()), len(shining), len(found.boxes))):
            starts[name].append(starts[name][-1] + size)
    arrays = {name: torch.cat(parts).contiguous() for name, parts in rows.items()}
    arrays |= {name: torch.tensor(values) for name, values in starts.items()}
    save_file(arrays, path, {"format": FORMAT, "scans": str(count)})


def reference_vectors(model: Detector, stem: nn.Sequential, path: Path, frame, config: Config) -> None:
    """What the exported network at `path` makes of a frame's view, in the layout of ONNX's own test data."""
    batch = collate([crop(frame, config.grid)], len(config.points.features))
    with torch.no_grad():
        given = stem(model.encoder(batch.points, batch.valid).contiguous()).numpy()
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    folder = path.parent / "reference"
    folder.mkdir(exist_ok=True)
    named = {"input_0": ("stem", given)}
    for index, value in enumerate(session.run(["heatmap", "box"], {"stem": given})):
        named[f"output_{index}"] = (("heatmap", "box")[index], value)
    for file, (name, value) in named.items():
        (folder / f"{file}.pb").write_bytes(onnx.numpy_helper.from_array(value, name).SerializeToString())


def model_file(folder: Path, config: Config, origin: str, summary: dict, frames: int) -> None:
    """`model.toml`: what the folder holds and where it comes from."""
    digest = lambda name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
    words = json.dumps  # A JSON string of plain text is a TOML string.
    found = ", ".join(f"{name} {value:.1f}" for name, value in summary["distance"].items())
    lines = [
        f"name = {words(config.name)}",
        'description = "Boxes of road users in 4D radar scans, after RadarGaussianDet3D (RA-L 2026)"',
        'licence = "MIT OR Apache-2.0"',
        f"origin = {words(origin)}",
        'takes = "radar_scan"',
        "",
        f"# Centre-distance AP on {frames} frames of the drives it was watched on: {found}.",
        "[[files]]",
        'path = "backbone.onnx"',
        'precision = "f32"',
        f"sha256 = {words(digest('backbone.onnx'))}",
    ]
    for asset in ("encoder.safetensors", "decode.json"):
        lines += ["", "[[assets]]", f"path = {words(asset)}", f"sha256 = {words(digest(asset))}"]
    lines += [
        "",
        "[inputs.stem]",
        'layout = "NCHW"',
        'meaning = "the first convolution over the Gaussians\' features on the bird\'s-eye grid"',
        'frame = "radar: rows along y, columns along x"',
        "",
        "[outputs.heatmap]",
        'meaning = "logits of the classes\' centres"',
        "",
        "[outputs.box]",
        'meaning = "x y in cells, z in m, log sizes, sine and cosine of the yaw"',
        "",
        "[[references]]",
        'folder = "reference"',
        "",
        "[tolerance.f32]",
        "max_error = 1e-3",
        "min_cosine = 0.99999",
    ]
    (folder / "model.toml").write_text("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="val", help="frames that give the scores of a run (default val)")
    parser.add_argument("--origin", help="what model.toml says of where the model comes from")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--reference", type=int, default=0, help="scans in reference.safetensors (default none)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, config, state = checkpoint.load_model(options.checkpoint)
    if not config.variant.startswith("gaussian"):
        raise ConfigError(f"the variant {config.variant} is a baseline; only Gaussian models are exported")
    options.out.mkdir(parents=True, exist_ok=True)
    data = open_split(options.data, options.split, config)
    frames = evaluation_frames(data, config, config.data.eval_stride)
    evaluation = Evaluation(frames, detect(model, frames, config), config)
    decode_file(config, evaluation.balanced_scores(), options.out / "decode.json")
    stem = backbone_file(copy.deepcopy(model.network), config, options.out / "backbone.onnx")
    encoder_file(model, stem[0], 1 if config.data.newest_scan_only else data.scans, config, options.out / "encoder.safetensors")
    if options.reference:
        reference_file(model, stem, data, config, options.reference, options.out / "reference.safetensors")
    reference_vectors(model, stem, options.out / "backbone.onnx", frames[len(frames) // 2], config)
    trained_on = f"synthetic drives (models/synth, {data.radar} radar)" if config.data.kind == "shards" else config.data.kind
    origin = f"trained on {trained_on}: python -m radar_gaussian.train, seed {state['seed']}, {state['step']} steps"
    model_file(options.out, config, options.origin or origin, evaluation.summary(), len(frames))
    print(f"{options.out}: {sum(p.numel() for p in model.parameters())} parameters, {options.reference} reference scans")


if __name__ == "__main__":
    main()
