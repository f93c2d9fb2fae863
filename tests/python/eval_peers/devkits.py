"""The datasets' own evaluations, run from their wheels."""

import json
import math

import shapely
from nuscenes.eval.common.data_classes import EvalBoxes
from nuscenes.eval.common.loaders import add_center_dist, filter_eval_boxes
from nuscenes.eval.detection.config import config_factory
from nuscenes.eval.detection.data_classes import DetectionBox
from nuscenes.eval.detection.evaluate import DetectionEval
from vod.evaluation import Evaluation


def view_of_delft(labels, results):
    """Percent by area, class and measure: `Car_3d_all`."""
    return Evaluation(str(labels)).evaluate(str(results), current_class=[0, 1, 2])


class EgoAtOrigin:
    """The tables that nuScenes' filters look into: the car stands at the origin of every scene, and
    there are no bicycle racks."""

    def get(self, table, _token):
        """A record of a table."""
        return {
            "sample": {"anns": [], "data": {"LIDAR_TOP": ""}},
            "sample_data": {"ego_pose_token": ""},
            "ego_pose": {"translation": [0.0, 0.0, 0.0]},
        }[table]


def nuscenes(labels, detections):
    """The metrics and the curves of the devkit, its filters included."""
    tables = EgoAtOrigin()
    # The constructor would load the whole dataset; all it leaves behind is set here.
    evaluation = DetectionEval.__new__(DetectionEval)
    evaluation.cfg = config_factory("detection_cvpr_2019")
    evaluation.verbose = False
    loaded = [boxes(labels, "truth"), boxes(detections, "detections")]
    filtered = [
        filter_eval_boxes(tables, add_center_dist(tables, part), evaluation.cfg.class_range)
        for part in loaded
    ]
    evaluation.gt_boxes, evaluation.pred_boxes = filtered
    return evaluation.evaluate()


def boxes(path, part):
    """nuScenes' boxes from lines of JSON."""
    found = EvalBoxes()
    for line in open(path, encoding="utf-8"):
        scene = json.loads(line)
        found.add_boxes(scene["scene"], [box(scene["scene"], thing) for thing in scene[part]])
    return found


def box(scene, thing):
    """One box; nuScenes writes width before length."""
    length, width, height = thing["size_m"]
    half = thing["yaw_rad"] / 2
    return DetectionBox(
        sample_token=scene,
        translation=tuple(thing["centre_m"]),
        size=(width, length, height),
        rotation=(math.cos(half), 0.0, 0.0, math.sin(half)),
        velocity=tuple(thing.get("velocity_mps", (math.nan, math.nan))),
        num_pts=thing.get("returns", -1),
        detection_name=thing["class"],
        detection_score=thing.get("score", -1.0),
        attribute_name=thing.get("attribute", ""),
    )


def overlaps(labels, detections):
    """BEV and 3-D IoU of each truth with each detection of its scene, by GEOS."""
    for truth_line, answer_line in zip(open(labels, encoding="utf-8"), open(detections)):
        answers = json.loads(answer_line)["detections"]
        for a in json.loads(truth_line)["truth"]:
            for b in answers:
                yield overlap(a, b)


def overlap(a, b):
    """BEV and 3-D IoU of two boxes."""
    common = rectangle(a).intersection(rectangle(b)).area
    areas = [thing["size_m"][0] * thing["size_m"][1] for thing in (a, b)]
    tops = [thing["centre_m"][2] + thing["size_m"][2] / 2 for thing in (a, b)]
    bottoms = [thing["centre_m"][2] - thing["size_m"][2] / 2 for thing in (a, b)]
    inner = common * max(0.0, min(tops) - max(bottoms))
    volumes = [math.prod(thing["size_m"]) for thing in (a, b)]
    return common / (sum(areas) - common), inner / (sum(volumes) - inner)


def rectangle(thing):
    """The box seen from above."""
    sin, cos = math.sin(thing["yaw_rad"]), math.cos(thing["yaw_rad"])
    (x, y, _), (length, width, _) = thing["centre_m"], thing["size_m"]
    corners = [(1, 1), (-1, 1), (-1, -1), (1, -1)]
    offsets = [(a * length / 2, b * width / 2) for a, b in corners]
    return shapely.Polygon(
        [(x + cos * l - sin * w, y + sin * l + cos * w) for l, w in offsets]
    )
