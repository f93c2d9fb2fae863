"""Quick average precision for logs and ablations, per class and criterion, with weights per scene for the bootstrap.

Distance: as nuScenes does it (centre distance 0.5, 1, 2, 4 m; 101 recall points, precision and recall
above 0.1 only). IoU: bird's-eye overlap, interpolated precision at 40 recall points. True boxes without
enough returns are ignored: a detection that only matches such a box does not count.
The evaluation of record is `drafthorse eval`.
"""

from dataclasses import dataclass

import numpy as np

from .config import Config
from .overlap import overlaps

DISTANCES_M = (0.5, 1.0, 2.0, 4.0)
# What the bootstrap compares.
MEANS = ("distance_map", "iou_map")


@dataclass(frozen=True)
class Matches:
    """Detections of one class over all scenes, best first: `hit` bool, `scene` i64 and `score` [D]; `truths` [scenes]."""

    hit: np.ndarray
    scene: np.ndarray
    score: np.ndarray
    truths: np.ndarray


class Scene:
    """One frame's truths and detections of one class, and how near they are to each other."""

    def __init__(self, frame, detections, kind: int, min_returns: int):
        mine, found = frame.classes == kind, detections.classes == kind
        self.counts = frame.returns[mine] >= min_returns
        self.scores = detections.scores[found]
        boxes, truths = detections.boxes[found], frame.boxes[mine]
        self.distance = np.hypot(*(boxes[:, None, k].astype(np.float64) - truths[None, :, k] for k in (0, 1)))
        self.iou = overlaps(boxes, truths)


def match(scenes: list[Scene], closeness: list[np.ndarray], threshold: float) -> Matches:
    """Best detections first, each takes the closest free truth at `threshold` or closer (larger is closer)."""
    hits, scene_of, scores = [], [], []
    for number, (scene, close) in enumerate(zip(scenes, closeness)):
        free = np.ones(close.shape[1], bool)
        for d in np.argsort(-scene.scores, kind="stable"):
            row = np.where(free & scene.counts & (close[d] >= threshold), close[d], -np.inf)
            hit = row.size > 0 and row.max() > -np.inf
            if hit:
                free[row.argmax()] = False
            elif (close[d][~scene.counts] >= threshold).any():
                continue
            hits.append(hit)
            scene_of.append(number)
            scores.append(scene.scores[d])
    scores = np.array(scores, np.float64)
    order = np.argsort(-scores, kind="stable")
    truths = np.array([scene.counts.sum() for scene in scenes])
    return Matches(np.array(hits, bool)[order], np.array(scene_of, np.int64)[order], scores[order], truths)


def curve(matches: Matches, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Recall and precision down the list; `weights` say how often each scene is drawn."""
    weights = np.ones(len(matches.truths)) if weights is None else weights
    each = weights[matches.scene]
    hits = np.cumsum(each * matches.hit)
    total = (weights * matches.truths).sum()
    return hits / max(total, 1e-9), hits / np.maximum(np.cumsum(each), 1e-9)


def average_precision_distance(matches: Matches, weights: np.ndarray | None = None) -> float:
    recall, precision = curve(matches, weights)
    if len(recall) == 0:
        return 0.0
    at = np.interp(np.linspace(0, 1, 101), recall, precision, right=0)
    return float(np.maximum(at[11:] - 0.1, 0).mean() / 0.9)


def average_precision_iou(matches: Matches, weights: np.ndarray | None = None) -> float:
    recall, precision = curve(matches, weights)
    if len(recall) == 0:
        return 0.0
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    place = np.searchsorted(recall, np.arange(1, 41) / 40 - 1e-9)
    return float(np.where(place < len(recall), envelope[np.minimum(place, len(recall) - 1)], 0).mean())


def balanced_score(matches: Matches) -> float:
    """The score from which on detections have the best F1; 1 where nothing is found."""
    recall, precision = curve(matches)
    f1 = 2 * recall * precision / np.maximum(recall + precision, 1e-9)
    return float(matches.score[f1.argmax()]) if len(f1) and f1.max() > 0 else 1.0


class Evaluation:
    """All matches of a model on a list of scenes; average precisions for any weighting of the scenes."""

    def __init__(self, frames, detections, config: Config):
        self.classes = config.class_names
        # Frames of a drive look alike: the bootstrap draws drives.
        self.drives = np.unique([frame.name.partition("/")[0] for frame in frames], return_inverse=True)[1]
        self.by_distance, self.by_iou = [], []
        for kind, rule in enumerate(config.classes):
            scenes = [Scene(f, d, kind, config.data.min_returns) for f, d in zip(frames, detections)]
            nearness = [-scene.distance for scene in scenes]
            self.by_distance.append([match(scenes, nearness, -t) for t in DISTANCES_M])
            self.by_iou.append(match(scenes, [scene.iou for scene in scenes], rule.iou))

    def scored(self, draws: int = 1000, seed: int = 0) -> dict:
        """The summary, and in `drawn` the means of `MEANS` over draws of whole drives, which a seed fixes."""
        drives, rng, rows = self.drives.max() + 1, np.random.default_rng(seed), []
        for _ in range(draws):
            times = np.bincount(rng.integers(0, drives, drives), minlength=drives).astype(float)
            summary = self.summary(times[self.drives])
            rows.append([summary[name] for name in MEANS])
        return {**self.summary(), "drawn": rows}

    def balanced_scores(self) -> list[float]:
        """Of each class, `balanced_score` where centres within 2 m count as found."""
        return [balanced_score(each[DISTANCES_M.index(2.0)]) for each in self.by_distance]

    def summary(self, weights: np.ndarray | None = None) -> dict:
        """Percentages: `distance_map`, `iou_map`, and both per class (`distance`, `iou`)."""
        distance = [np.mean([average_precision_distance(m, weights) for m in each]) for each in self.by_distance]
        iou = [average_precision_iou(m, weights) for m in self.by_iou]
        named = lambda values: {name: round(100 * float(v), 2) for name, v in zip(self.classes, values)}
        return {
            "distance_map": round(100 * float(np.mean(distance)), 3),
            "iou_map": round(100 * float(np.mean(iou)), 3),
            "distance": named(distance),
            "iou": named(iou),
            "truths": {name: int(m.truths.sum()) for name, m in zip(self.classes, self.by_iou)},
        }


def paired_bootstrap(a: dict, b: dict) -> dict:
    """b minus a, as `Evaluation.scored` gives both, with its 95 % interval over the same draws of whole drives."""
    differences = np.array(b["drawn"]) - np.array(a["drawn"])
    return {
        name: [round(b[name] - a[name], 2), *(round(float(v), 2) for v in np.percentile(column, [2.5, 97.5]))]
        for name, column in zip(MEANS, differences.T)
    }
