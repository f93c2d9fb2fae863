"""Trains variants times seeds at one budget, scores them, and writes the table.

Groups are trained one after another; within a group seed by seed, so that a pair of variants is complete
for a seed before the next seed begins. A run that is finished is not repeated; one that was stopped goes on.

    python -m radar_gaussian.ablate --config configs/s.toml --data DRIVES --out RUNS \
        --group pillar gaussian+bgl --group pillar+context gaussian --seeds 0 1 2
    python -m radar_gaussian.ablate ... --score test      (trains nothing; only finished runs)
"""

import argparse
import json
from pathlib import Path

from . import checkpoint
from . import config as configs
from .data.batches import evaluation_frames, open_split
from .evaluate import detect
from .metrics import Evaluation, paired_bootstrap
from .train import Run, prepare, score, train

# What each comparison shows.
PAIRS = [
    ("pillar", "gaussian+bgl", "the whole method"),
    ("pillar", "pillar+context", "context"),
    ("pillar+context", "gaussian", "the splat"),
    ("gaussian", "gaussian+bgl", "the Box Gaussian Loss"),
    ("pillar", "gaussian", "context and splat"),
    ("pillar+context", "gaussian+bgl", "the splat and the Box Gaussian Loss"),
]


def folder_of(out: Path, variant: str, seed: int) -> Path:
    return out / f"{variant.replace('+', '-')}-{seed}"


def train_all(base, runs, options) -> None:
    training = open_split(options.data, "train", base)
    validation = open_split(options.data, "val", base)
    for variant, seed in runs:
        folder = folder_of(options.out, variant, seed)
        if (folder / "val.json").exists():
            continue
        run = Run(base.with_variant(variant), training, seed)
        train(run, folder)
        summary = score(run, validation, folder, "val")
        (folder / "val.json").write_text(json.dumps(summary) + "\n")
        print(f"{variant} seed {seed}: {summary['distance_map']} distance, {summary['iou_map']} IoU (val)", flush=True)


def evaluations(base, runs, options) -> dict:
    """What each finished run scores on the split asked for; kept beside the run, so that it is done once."""
    data, found, frames = open_split(options.data, options.score, base), {}, None
    stride = options.stride or base.data.eval_stride
    for variant, seed in runs:
        folder = folder_of(options.out, variant, seed)
        kept = folder / f"{options.score}-{stride}-{options.draws}.json"
        if kept.exists():
            found[variant, seed] = json.loads(kept.read_text())
            continue
        if not (folder / "checkpoint.pt").exists():
            continue
        model, config, state = checkpoint.load_model(folder / "checkpoint.pt")
        if state["step"] < config.train.steps:
            continue
        frames = frames or evaluation_frames(data, base, stride)
        evaluation = Evaluation(frames, detect(model, frames, config), config)
        found[variant, seed] = {"frames": len(frames), **evaluation.scored(options.draws)}
        kept.write_text(json.dumps(found[variant, seed]) + "\n")
        print(f"{variant} seed {seed}: {json.dumps(evaluation.summary())}", flush=True)
    return found


def table(found: dict) -> str:
    """Markdown: each run, then each pair with its paired bootstrap over drives."""
    classes = list(next(iter(found.values()))["distance"])
    lines = ["| variant | seed | distance mAP | IoU mAP | " + " | ".join(f"{c} distance / IoU" for c in classes) + " |"]
    lines.append("|---" * (4 + len(classes)) + "|")
    for (variant, seed), s in sorted(found.items()):
        cells = [f"{s['distance'][c]:.1f} / {s['iou'][c]:.1f}" for c in classes]
        lines.append(f"| {variant} | {seed} | {s['distance_map']:.1f} | {s['iou_map']:.1f} | " + " | ".join(cells) + " |")
    lines += ["", "| difference | shows | seed | distance mAP [95 %] | IoU mAP [95 %] |", "|---|---|---|---|---|"]
    for first, second, shows in PAIRS:
        for seed in sorted({seed for _, seed in found}):
            if (first, seed) in found and (second, seed) in found:
                result = paired_bootstrap(found[first, seed], found[second, seed])
                cells = [f"{m:+.1f} [{low:+.1f}, {high:+.1f}]" for m, low, high in result.values()]
                lines.append(f"| {second} - {first} | {shows} | {seed} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--group", nargs="+", action="append", required=True, choices=configs.VARIANTS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--score", metavar="SPLIT", help="score finished runs on this split instead of training")
    parser.add_argument("--stride", type=int, help="each so many frames when scoring (default: the configuration's)")
    parser.add_argument("--draws", type=int, default=1000, help="bootstrap draws (default 1000)")
    options = parser.parse_args()
    prepare(options.threads)
    base = configs.load(options.config)
    if options.steps:
        base = base.with_train(steps=options.steps)
    runs = [(variant, seed) for group in options.group for seed in options.seeds for variant in group]
    if options.score is None:
        train_all(base, runs, options)
        return
    found = evaluations(base, runs, options)
    text = table(found)
    (options.out / f"{options.score}.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
