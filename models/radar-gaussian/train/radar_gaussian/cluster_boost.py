"""The baseline outside the network: DBSCAN, then gradient boosting on features of the clusters.

A cluster is the object that more than half of its points came off and whose points it holds at least
half of; else it is background. A classifier gives each cluster's class, one regressor for each number of
the box its box, told from the cluster and the class. Then the same suppression as the network's.
`tune` tries settings on val; `score` evaluates one setting.
"""

import argparse
import dataclasses
import itertools
import json
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from . import config as configs
from .clusters import COLUMNS, boxes_as_targets, clusters, describe, origins, targets_as_boxes
from .config import Config, ConfigError
from .data.batches import open_split
from .data.frame import crop
from .decode import Detections, suppressed
from .metrics import Evaluation


@dataclass(frozen=True)
class Settings:
    scales_m: tuple[float, ...]
    speed_weight_s: float
    rounds: int
    leaves: int
    learning_rate: float = 0.1


SETTINGS = [
    Settings(scales, weight, rounds, leaves)
    for scales, weight, (rounds, leaves) in itertools.product(
        [(1.5,), (0.8, 2.0), (0.6, 1.2, 2.0, 3.5)], [0.3, 1.0], [(100, 15), (200, 31)]
    )
]


@dataclass(frozen=True)
class Candidates:
    """All clusters of a list of frames: features, origins, frame, and for training class (background last) and box."""

    features: np.ndarray
    at: np.ndarray
    frame: np.ndarray
    kind: np.ndarray
    box: np.ndarray


def cropped(data, config: Config, stride: int):
    """Frames over the grid, with the track of each point and of each box."""
    frames, tracks, owners = [], [], []
    for i in range(0, len(data), stride):
        frame = data[i]
        numbered = dataclasses.replace(frame, moving=np.arange(len(frame.boxes)))
        points = np.column_stack([frame.points, np.arange(len(frame.points))])
        kept = crop(dataclasses.replace(numbered, points=points), config.grid)
        index = kept.points[:, -1].astype(int)
        frames.append(dataclasses.replace(kept, points=kept.points[:, :-1].astype(np.float32), moving=frame.moving[kept.moving]))
        tracks.append(data.box_tracks(i)[kept.moving])
        owners.append(data.point_objects(i)[index])
    return frames, tracks, owners


def candidates(frames, tracks, owners, config: Config, settings: Settings) -> Candidates:
    parts = []
    for number, (frame, boxes, owner) in enumerate(zip(frames, tracks, owners)):
        sets = clusters(frame.points, list(settings.scales_m), settings.speed_weight_s)
        if not sets:
            continue
        kinds = np.full(len(sets), len(config.classes))
        truth = np.tile(np.float32([0, 0, 0, 1, 1, 1, 0]), (len(sets), 1))
        place = {track: i for i, track in enumerate(boxes)}
        for s, members in enumerate(sets):
            track, count = most_common(owner[members])
            if track in place and 2 * count > len(members) and 2 * count >= (owner == track).sum():
                kinds[s], truth[s] = frame.classes[place[track]], frame.boxes[place[track]]
        parts.append((describe(frame.points, sets), origins(frame.points, sets), np.full(len(sets), number), kinds, truth))
    return Candidates(*(np.concatenate(column) for column in zip(*parts)))


def most_common(values: np.ndarray) -> tuple[int, int]:
    found, counts = np.unique(values, return_counts=True)
    return int(found[counts.argmax()]), int(counts.max())


class ClusterBoost:
    """Classifier and box regressors over clusters."""

    def __init__(self, known: Candidates, classes: int, settings: Settings, seed: int):
        options = dict(
            max_iter=settings.rounds, max_leaf_nodes=settings.leaves, learning_rate=settings.learning_rate,
            early_stopping=False, random_state=seed,
        )
        self.classes = classes
        self.classifier = HistGradientBoostingClassifier(**options).fit(known.features, known.kind)
        mine = known.kind < classes
        inputs = np.column_stack([known.features[mine], known.kind[mine]])
        targets = boxes_as_targets(known.box[mine], known.at[mine])
        self.regressors = [HistGradientBoostingRegressor(**options).fit(inputs, column) for column in targets.T]

    def detect(self, found: Candidates, frames: int, config: Config) -> list[Detections]:
        scores = np.zeros((len(found.features), self.classes + 1))
        scores[:, self.classifier.classes_] = self.classifier.predict_proba(found.features)
        cluster, kind = np.nonzero(scores[:, : self.classes] >= config.decode.score_min)
        score = scores[cluster, kind]
        inputs = np.column_stack([found.features[cluster], kind])
        boxes = targets_as_boxes(np.column_stack([r.predict(inputs) for r in self.regressors]), found.at[cluster])
        return [
            best_boxes(boxes[rows], kind[rows], score[rows], config)
            for rows in (np.flatnonzero(found.frame[cluster] == f) for f in range(frames))
        ]


def best_boxes(boxes, kinds, scores, config: Config) -> Detections:
    order = np.argsort(-scores, kind="stable")
    boxes, kinds, scores = boxes[order], kinds[order], scores[order]
    keep = np.zeros(len(boxes), bool)
    for k, rule in enumerate(config.classes):
        mine = np.flatnonzero(kinds == k)
        keep[mine[suppressed(boxes[mine], rule.nms_radius_m, config.decode.nms)][: config.decode.keep]] = True
    return Detections(boxes[keep], kinds[keep], scores[keep].astype(np.float32))


def evaluate(training, testing, config: Config, settings: Settings, seed: int = 0) -> Evaluation:
    model = ClusterBoost(candidates(*training, config, settings), len(config.classes), settings, seed)
    found = model.detect(candidates(*testing, config, settings), len(testing[0]), config)
    return Evaluation(testing[0], found, config)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("tune", "score"))
    parser.add_argument("--config", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="val", help="split to score on (tune always uses val)")
    parser.add_argument("--train-stride", type=int, default=5)
    parser.add_argument("--stride", type=int, help="each so many frames when scoring (default: the configuration's)")
    parser.add_argument("--setting", type=int, help="place in the list of settings, as `tune` prints it")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    config = configs.load(options.config)
    if config.data.kind != "shards" or config.points.features[:6] != COLUMNS:
        raise ConfigError(f"clusters are made of shards with the features {COLUMNS} first")
    training = cropped(open_split(options.data, "train", config), config, options.train_stride)
    split = "val" if options.task == "tune" else options.split
    testing = cropped(open_split(options.data, split, config), config, options.stride or config.data.eval_stride)
    chosen = range(len(SETTINGS)) if options.setting is None else [options.setting]
    if options.task == "score" and options.setting is None:
        raise ConfigError("score needs --setting; run tune first")
    for number in chosen:
        summary = evaluate(training, testing, config, SETTINGS[number], options.seed).summary()
        line = {"setting": number, **dataclasses.asdict(SETTINGS[number]), "split": split, "frames": len(testing[0]), **summary}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
