"""Compares this project's evaluation with those of View-of-Delft and nuScenes on random scenes.

usage: compare.py PROGRAM FOLDER, with the example `evaluate` of drafthorse-eval
"""

import contextlib
import io
import json
import math
import pathlib
import subprocess
import sys

import devkits
import scenes

TOLERANCE = 1e-6
SEEDS = [20, 21, 22]
ERRORS = {
    "trans_err": "translation_m",
    "scale_err": "scale",
    "orient_err": "orientation_rad",
    "vel_err": "velocity_mps",
    "attr_err": "attribute",
}


class Comparison:
    """Counts figures and keeps those that differ."""

    def __init__(self, name):
        self.name, self.figures, self.largest, self.failed = name, 0, 0.0, []

    def add(self, what, ours, theirs, tolerance=TOLERANCE):
        """Two figures that must be equal; both may be absent (None or NaN)."""
        absent = [value is None or math.isnan(value) for value in (ours, theirs)]
        difference = 0.0 if all(absent) else math.inf if any(absent) else abs(ours - theirs)
        self.figures += 1
        self.largest = max(self.largest, difference)
        if difference > tolerance:
            self.failed.append(f"{what}: ours {ours}, theirs {theirs}")

    def told(self):
        """Prints the outcome; whether all agree and something was compared that is not trivial."""
        print(f"{self.name}: {self.figures} figures, largest difference {self.largest:.1e}")
        for line in self.failed[:20]:
            print(f"  DIFFERS {line}")
        return not self.failed


def evaluate(program, *arguments):
    """What our program prints."""
    ended = subprocess.run(
        [program, *map(str, arguments)], check=True, capture_output=True, text=True
    )
    return ended.stdout


def view_of_delft(program, folder, seed):
    """Average precisions of both areas, percent."""
    scenes.view_of_delft(folder, seed)
    ours = json.loads(evaluate(program, "view-of-delft", folder / "labels", folder / "results"))
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = devkits.view_of_delft(folder / "labels", folder / "results")
    comparison = Comparison(f"View-of-Delft, {scenes.SCENES} scenes of seed {seed}")
    names = {"entire_area": "entire_area", "corridor": "roi"}
    for result in ours["classes"]:
        area, measure = result["measure"].split(".")
        figure = theirs[names[area]][f"{result['class'].capitalize()}_{measure}_all"]
        comparison.add(f"{result['measure']} {result['class']}", result["ap_percent"], figure)
        if not 5 < figure < 95:
            comparison.failed.append(f"{result['measure']}: {figure} % tests too little")
    if comparison.figures != sum(len(area) for area in theirs.values()):
        comparison.failed.append("not all figures were compared")
    return comparison


def nuscenes(program, folder, seed):
    """Average precisions and curves at each distance, errors and their means, NDS."""
    scenes.nuscenes(folder, seed)
    files = [folder / "labels.jsonl", folder / "detections.jsonl"]
    ours = json.loads(evaluate(program, "nuscenes", *files))
    metrics, curves = devkits.nuscenes(*files)
    comparison = Comparison(f"nuScenes, {scenes.SCENES} scenes of seed {seed}")
    for result in ours["classes"]:
        name = result["class"]
        for part in result["parts"]:
            distance = float(part["criterion"].removesuffix(" m"))
            what = f"{name} at {distance} m"
            theirs = metrics.get_label_ap(name, distance)
            comparison.add(f"AP of {what}", part["ap_percent"] / 100, theirs)
            curve = curves[(name, distance)]
            for k in range(len(curve.recall)):
                at = f"of {what} at recall {k} %"
                comparison.add(f"precision {at}", part["curve"]["precision"][k], curve.precision[k])
                comparison.add(f"score {at}", part["curve"]["score"][k], curve.confidence[k])
    for result in ours["errors"]:
        for theirs, name in ERRORS.items():
            figure = metrics.get_label_tp(result["class"], theirs)
            comparison.add(f"{name} of {result['class']}", result[name], figure)
    for theirs, name in ERRORS.items():
        comparison.add(f"mean {name}", ours["mean_errors"][name], metrics.tp_errors[theirs])
    comparison.add("mAP", ours["means"][0]["map_percent"] / 100, metrics.mean_ap)
    comparison.add("NDS", ours["detection_score_percent"] / 100, metrics.nd_score)
    if not 0.05 < metrics.mean_ap < 0.95:
        comparison.failed.append(f"an mAP of {metrics.mean_ap} tests too little")
    return comparison


def overlaps(program, folder, seed):
    """IoU of boxes against GEOS."""
    scenes.nuscenes(folder, seed)
    files = [folder / "labels.jsonl", folder / "detections.jsonl"]
    comparison = Comparison(f"IoU against GEOS, seed {seed}")
    lines = evaluate(program, "overlaps", *files).splitlines()
    theirs = list(devkits.overlaps(*files))
    overlapping = sum(bev > 0 for bev, _ in theirs)
    if len(lines) != len(theirs) or overlapping < 1000:
        comparison.failed.append(f"{len(lines)} pairs against {len(theirs)}, {overlapping} overlap")
    for number, (line, pair) in enumerate(zip(lines, theirs)):
        for figure, other in zip(map(float, line.split()), pair):
            comparison.add(f"pair {number}", figure, other, 1e-9)
    return comparison


def main():
    """Runs all; 0 where all agree."""
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    agree = True
    for seed in SEEDS:
        agree &= view_of_delft(program, folder / f"view-of-delft-{seed}", seed).told()
        agree &= nuscenes(program, folder / f"nuscenes-{seed}", seed).told()
    agree &= overlaps(program, folder / "overlaps", SEEDS[0]).told()
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
