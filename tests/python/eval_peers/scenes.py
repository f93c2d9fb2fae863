"""Random scenes for the comparison of evaluations: the same seed gives the same files."""

import json
import math
import pathlib

import numpy as np

SCENES = 200
# Class, share, size (length, width, height) in m.
VOD = [
    ("Car", 0.22, (4.2, 1.8, 1.6)),
    ("Pedestrian", 0.24, (0.7, 0.7, 1.7)),
    ("Cyclist", 0.22, (1.9, 0.8, 1.7)),
    ("Van", 0.08, (5.0, 2.0, 2.2)),
    ("Person_sitting", 0.08, (0.9, 0.7, 1.2)),
    ("truck", 0.06, (9.0, 2.5, 3.2)),
    ("bicycle", 0.10, (1.8, 0.6, 1.1)),
]
NUSCENES = [
    ("car", (4.6, 1.9, 1.7), "vehicle.moving", "vehicle.parked"),
    ("truck", (7.0, 2.5, 2.9), "vehicle.moving", "vehicle.stopped"),
    ("bus", (11.0, 2.9, 3.4), "vehicle.moving", "vehicle.stopped"),
    ("trailer", (12.0, 2.9, 3.9), "vehicle.parked", "vehicle.stopped"),
    ("construction_vehicle", (6.4, 2.8, 3.2), "vehicle.parked", "vehicle.moving"),
    ("pedestrian", (0.7, 0.7, 1.8), "pedestrian.moving", "pedestrian.standing"),
    ("motorcycle", (2.1, 0.8, 1.5), "cycle.with_rider", "cycle.without_rider"),
    ("bicycle", (1.7, 0.6, 1.3), "cycle.with_rider", "cycle.without_rider"),
    ("traffic_cone", (0.4, 0.4, 1.1), "", ""),
    ("barrier", (0.5, 2.5, 1.0), "", ""),
]


def jittered(random, size, share):
    """A size that is a little off, never below 5 cm."""
    return [max(0.05, s * float(random.normal(1.0, share))) for s in size]


def score(random, quality):
    """Better detections tend to score higher; some scores are equal."""
    value = float(np.clip(random.normal(0.25 + 0.6 * quality, 0.15), 0.001, 0.999))
    return round(value, 2) if random.random() < 0.4 else value


def view_of_delft(folder, seed):
    """Writes KITTI label and result files as View-of-Delft has them, one a frame."""
    random = np.random.default_rng(seed)
    folder = pathlib.Path(folder)
    for part in ("labels", "results"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for frame in range(SCENES):
        truths = [vod_truth(random) for _ in range(random.integers(0, 16))]
        detections = []
        for truth in truths:
            for _ in range(int(random.choice([0, 1, 2], p=[0.2, 0.5, 0.3]))):
                detections.append(vod_detection(random, truth))
        for _ in range(random.integers(0, 7)):
            alarm = vod_detection(random, vod_truth(random))
            alarm["score"] = score(random, 0.1)
            detections.append(alarm)
        random.shuffle(detections)
        lines = [kitti(truth, f"{truth['occluded']}", "1") for truth in truths]
        for _ in range(random.integers(0, 3)):
            left, top = random.uniform(0, 1500), random.uniform(500, 800)
            region = [left, top, left + random.uniform(50, 400), top + random.uniform(50, 300)]
            edges = " ".join(repr(float(edge)) for edge in region)
            lines.append(f"DontCare -1 -1 -10 {edges} -1 -1 -1 -1000 -1000 -1000 -10 1")
        (folder / "labels" / f"{frame:05}.txt").write_text("".join(f"{line}\n" for line in lines))
        lines = [kitti(d, "-1", repr(d["score"])) for d in detections]
        (folder / "results" / f"{frame:05}.txt").write_text("".join(f"{line}\n" for line in lines))


def vod_truth(random):
    """An object somewhere ahead of the camera."""
    name, _, size = VOD[random.choice(len(VOD), p=[share for _, share, _ in VOD])]
    return {
        "name": name,
        "occluded": int(random.choice(6, p=[0.4, 0.2, 0.15, 0.1, 0.05, 0.1])),
        "size": jittered(random, size, 0.1),
        "location": [
            float(random.uniform(-9, 9)),
            float(random.uniform(1.0, 2.2)),
            float(random.uniform(4, 45)),
        ],
        "rotation": float(random.uniform(-4.7, 1.6)),
        "focal": float(random.uniform(500, 1500)),
    }


def vod_detection(random, truth):
    """A detection of it, more or less off."""
    off = float(random.choice([0.05, 0.2, 0.5], p=[0.4, 0.4, 0.2]))
    name = truth["name"] if random.random() < 0.8 else str(random.choice(["Car", "Cyclist"]))
    # Some are low in the picture.
    shrunk = 0.4 if random.random() < 0.25 else 1.0
    turn = float(random.normal(0, 0.4 * off)) + (math.pi if random.random() < 0.1 else 0.0)
    return {
        "name": name,
        "size": jittered(random, truth["size"], 0.3 * off),
        "location": [
            x + float(random.normal(0, off * spread))
            for x, spread in zip(truth["location"], (1.0, 0.3, 1.0))
        ],
        "rotation": truth["rotation"] + turn,
        "focal": truth["focal"] * float(random.normal(1, 0.1 * off)) * shrunk,
        "score": score(random, 1.0 - off),
    }


def kitti(thing, occlusion, last):
    """One line: the rectangle in the picture follows from place, size and focal length."""
    x, y, z = thing["location"]
    length, width, height = thing["size"]
    scale = thing["focal"] / z
    middle, bottom = 960 + x * scale, 620 + y * scale
    half = (length + width) / 4 * scale
    box = [middle - half, bottom - height * scale, middle + half, bottom]
    alpha = thing["rotation"] - math.atan2(x, z)
    numbers = [alpha, *box, height, width, length, x, y, z, thing["rotation"]]
    return f"{thing['name']} 0 {occlusion} {' '.join(map(repr, map(float, numbers)))} {last}"


def nuscenes(folder, seed):
    """Writes labels and detections as lines of JSON, in the classes of nuScenes."""
    random = np.random.default_rng(seed)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "labels.jsonl", "w") as labels, open(
        folder / "detections.jsonl", "w"
    ) as answers:
        for scene in range(SCENES):
            name = f"scene-{scene:04}"
            truths = [nuscenes_truth(random) for _ in range(random.integers(0, 30))]
            detections = []
            for truth in truths:
                for _ in range(int(random.choice([0, 1, 2], p=[0.25, 0.6, 0.15]))):
                    detections.append(nuscenes_detection(random, truth))
            for _ in range(random.integers(0, 15)):
                alarm = nuscenes_detection(random, nuscenes_truth(random))
                alarm["score"] = score(random, 0.1)
                detections.append(alarm)
            random.shuffle(detections)
            labels.write(json.dumps({"scene": name, "truth": truths}) + "\n")
            answers.write(json.dumps({"scene": name, "detections": detections}) + "\n")


def nuscenes_truth(random):
    """An object somewhere around; some have no returns, velocity or attribute."""
    name, size, *attributes = NUSCENES[random.integers(len(NUSCENES))]
    truth = {
        "class": name,
        "centre_m": [float(random.uniform(-42, 42)) for _ in "xy"] + [float(random.normal())],
        "size_m": jittered(random, size, 0.1),
        "yaw_rad": float(random.uniform(-math.pi, math.pi)),
        "returns": int(random.choice([0, 1, 2, 5, 20], p=[0.1, 0.2, 0.2, 0.3, 0.2])),
    }
    if random.random() < 0.9:
        truth["velocity_mps"] = [float(random.normal(0, 4)) for _ in "xy"]
    attribute = str(random.choice(attributes))
    if attribute and random.random() < 0.9:
        truth["attribute"] = attribute
    return truth


def nuscenes_detection(random, truth):
    """A detection of it, more or less off."""
    off = float(random.choice([0.2, 0.7, 2.0], p=[0.4, 0.4, 0.2]))
    attributes = [entry[2:] for entry in NUSCENES if entry[0] == truth["class"]][0]
    velocity = truth.get("velocity_mps", [0.0, 0.0])
    detection = {
        "class": truth["class"],
        "centre_m": [x + float(random.normal(0, off)) for x in truth["centre_m"]],
        "size_m": jittered(random, truth["size_m"], 0.15),
        "yaw_rad": truth["yaw_rad"] + float(random.normal(0, 0.3)),
        "velocity_mps": [v + float(random.normal(0, off)) for v in velocity],
        "score": score(random, 1.0 / (1.0 + off)),
    }
    if random.random() < 0.1:
        detection["yaw_rad"] += math.pi
    attribute = str(random.choice(attributes))
    if attribute:
        detection["attribute"] = attribute
    return detection
