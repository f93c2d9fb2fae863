"""Targets that are decoded give back the boxes they were drawn from; losses see perfect outputs as such."""

import dataclasses

import numpy as np
import pytest
import torch

from radar_gaussian.data.frame import Frame
from radar_gaussian.decode import decode
from radar_gaussian.head import BOX_CHANNELS
from radar_gaussian.losses import encoded, losses
from radar_gaussian.nms import circle_nms, rotated_nms
from radar_gaussian.targets import draw, gaussian_radius

BOXES = np.float32([[3.1, -2.2, 0.4, 4.5, 1.8, 1.5, 0.7], [9.9, 4.0, 0.9, 10, 2.5, 3.2, -2.9], [6.0, 1.0, 0.2, 0.6, 0.5, 1.7, 3.0]])
CLASSES = np.array([0, 1, 3])


def frame(boxes=BOXES, classes=CLASSES):
    count = len(boxes)
    return Frame("f", np.zeros((0, 7), np.float32), boxes, classes, np.full(count, 5), np.zeros(count, bool))


def perfect(frames, config):
    """Head outputs that say the targets exactly."""
    targets = draw(frames, config)
    heat = targets.heat.clamp(1e-4, 1 - 1e-4)
    boxes = torch.zeros(len(frames), BOX_CHANNELS * len(config.head.tasks), *heat.shape[-2:])
    for k, value in enumerate(encoded(targets, config)):
        channel = slice(BOX_CHANNELS * int(targets.task[k]), BOX_CHANNELS * int(targets.task[k]) + BOX_CHANNELS)
        boxes[targets.scan[k], channel, targets.row[k], targets.column[k]] = value
    return torch.logit(heat), boxes, targets


@pytest.mark.parametrize("tasks", [[["car", "truck", "cyclist", "pedestrian"]], [["pedestrian"], ["car", "cyclist"], ["truck"]]])
def test_round_trip(config, tasks):
    config = dataclasses.replace(config, head=dataclasses.replace(config.head, tasks=tasks))
    logits, boxes, _ = perfect([frame(), frame(BOXES[:1], CLASSES[:1])], config)
    first, second = decode(logits, boxes, config)
    best = [np.flatnonzero(first.classes == k)[0] for k in CLASSES]
    difference = first.boxes[best] - BOXES
    difference[:, 6] = np.angle(np.exp(1j * difference[:, 6]))
    assert np.abs(difference).max() < 1e-4
    assert second.classes[0] == 0 and np.abs(second.boxes[0] - BOXES[0]).max() < 1e-4


def test_perfect_outputs_have_no_box_loss_and_wrong_ones_do(config):
    logits, boxes, targets = perfect([frame()], config)
    parts = losses(logits, boxes, targets, config)
    assert parts["l1"] < 1e-6 and abs(float(parts["bgl"])) < 1e-5
    worse = losses(-logits, boxes + 0.3, targets, config)
    assert worse["l1"] > 0.1 and worse["bgl"] > 0.1 and worse["heatmap"] > 10 * parts["heatmap"]
    assert "bgl" not in losses(logits, boxes, targets, config.with_variant("gaussian"))


def test_the_logarithm_bounds_what_one_box_costs(config):
    logits, boxes, targets = perfect([frame()], config)
    cost = {}
    for bgl_log in (False, True):
        options = dataclasses.replace(config, loss=dataclasses.replace(config.loss, bgl=1.0, bgl_log=bgl_log))
        cost[bgl_log] = float(losses(logits, boxes + 5, targets, options)["bgl"])
    assert cost[False] > 50 and cost[True] < np.log1p(cost[False])


def test_a_frame_without_boxes_has_a_finite_loss(config):
    empty = frame(BOXES[:0], CLASSES[:0])
    logits, boxes, targets = perfect([empty], config)
    assert all(torch.isfinite(part) for part in losses(logits, boxes, targets, config).values())


def test_radius_keeps_the_overlap():
    """Moved, shrunk or grown by the radius, the box overlaps the true one by no less than asked for."""
    length, width, overlap = 11.0, 6.0, 0.3
    r = gaussian_radius(length, width, overlap)
    area = length * width
    shared = (length - r) * (width - r)
    ious = [shared / (2 * area - shared), (length - 2 * r) * (width - 2 * r) / area, area / ((length + 2 * r) * (width + 2 * r))]
    assert min(ious) == pytest.approx(overlap)


def test_nms_keeps_the_best_and_the_far():
    boxes = np.float32([[0, 0, 0, 4, 2, 1, 0], [1, 0, 0, 4, 2, 1, 0], [5, 0, 0, 4, 2, 1, 0], [0, 2.5, 0, 4, 2, 1, 0]])
    assert circle_nms(boxes[:, :2], 2.0) == [0, 2, 3]
    assert circle_nms(boxes[:, :2], 0.5) == [0, 1, 2, 3]
    assert rotated_nms(boxes, 0.1) == [0, 2, 3]
