"""Small random drives in the shards' format: boxes with points of two scans on them, and clutter."""

import numpy as np
from safetensors.numpy import save_file


def write_drive(path, frames: int = 6, seed: int = 0, extent_m: float = 12.0) -> None:
    rng = np.random.default_rng(seed)
    sizes = np.array([[4.5, 1.8, 1.5], [10.0, 2.5, 3.2], [1.8, 0.6, 1.7], [0.6, 0.6, 1.75]])
    points, objects, boxes, kinds, returns, moving = [], [], [], [], [], []
    older = []
    point_start, box_start = [0], [0]
    for _ in range(frames):
        for track in range(3):
            kind = int(rng.integers(4))
            centre = [rng.uniform(2, extent_m), rng.uniform(-5, 5), 0.3]
            yaw, speed, count = rng.uniform(-np.pi, np.pi), rng.choice([0.0, 4.0]), int(rng.integers(0, 6))
            boxes.append([*centre, *sizes[kind], yaw])
            kinds.append(kind)
            returns.append(count)
            older.append(int(rng.integers(0, 3)))
            moving.append(speed > 0)
            for nth in range(count + older[-1]):
                along = (rng.random(2) - 0.5) * sizes[kind][:2]
                x = centre[0] + np.cos(yaw) * along[0] - np.sin(yaw) * along[1]
                y = centre[1] + np.sin(yaw) * along[0] + np.cos(yaw) * along[1]
                points.append([x, y, rng.normal(0.3, 0.3), 10.0 - 5 * kind, -5.0 + speed, speed, 0.0 if nth < count else -0.05])
                objects.append(track)
        for _ in range(15):
            points.append([rng.uniform(0, extent_m), rng.uniform(-6, 6), rng.normal(), -12.0, -5.0, 0.0, 0.0])
            objects.append(-1)
        point_start.append(len(points))
        box_start.append(len(boxes))
    arrays = {
        "captured_ns": np.arange(frames, dtype=np.int64) * 50_000_000,
        "points": np.array(points, np.float32),
        "points_start": np.array(point_start, np.int64),
        "boxes": np.array(boxes, np.float32),
        "box_velocity": np.zeros((len(boxes), 2), np.float32),
        "box_class": np.array(kinds, np.uint8),
        "box_track": np.tile(np.arange(3, dtype=np.int64), frames),
        "box_returns": np.array(returns, np.int32),
        "box_returns_all": np.array(returns, np.int32) + np.array(older, np.int32),
        "box_moving": np.array(moving, np.uint8),
        "boxes_start": np.array(box_start, np.int64),
        "ego": np.tile(np.float32([5.0, 0.0]), (frames, 1)),
        "point_object": np.array(objects, np.int64),
    }
    metadata = {"format": "drafthorse-shard-1", "classes": "car,truck,cyclist,pedestrian", "scans": "2", "seed": str(seed)}
    save_file(arrays, path, metadata)


def write_splits(folder, frames: int = 6) -> None:
    for number, split in enumerate(["train", "val", "test"]):
        (folder / split).mkdir(parents=True)
        write_drive(folder / split / "drive-0.safetensors", frames, seed=2 * number)
        write_drive(folder / split / "drive-1.safetensors", frames, seed=2 * number + 1)
