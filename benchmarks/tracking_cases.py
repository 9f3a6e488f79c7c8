# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What benchmarks/tracking.py follows: rendered tables, and what was detected on them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

os.environ.setdefault("MUJOCO_GL", "osmesa")

import numpy as np

from vit_perception.api import load
from vit_perception.detections import Detections
from vit_perception.evaluation.identities import Identified
from vit_perception.frame import Frame
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.stages import StageTimes
from vit_perception.scenes.moving_camera import Arc, CameraFrame, render_moving_camera
from vit_perception.tracking.settings import TrackingSettings

SETTINGS = TrackingSettings(tracking=True)
RATE, OCCLUSION = 10.0, 20
"""Frames a second, and frames that a thing is out of sight."""
ARCS = (
    Arc(rate=RATE),
    Arc(rate=RATE, azimuth=(-40.0, -160.0), elevation=(50.0, 30.0), distance=(0.9, 1.2)),
    Arc(rate=RATE, azimuth=(-100.0, -70.0), elevation=(30.0, 60.0), distance=(1.3, 0.7)),
    Arc(rate=RATE, seconds=5.0, azimuth=(0.0, 120.0), elevation=(40.0, 45.0)),
)
ALL_SURE = 0.5


@dataclass(frozen=True)
class Seen:
    """One frame: what is true of it, and what was detected in it."""

    stamp: int
    truth: Identified
    found: Detections


@dataclass(frozen=True)
class Case:
    """Sequences of one kind of detections; `thresholds` as Tracker.update takes them."""

    sequences: list[list[Seen]]
    thresholds: np.ndarray


def made(options: argparse.Namespace) -> dict[str, Case]:
    """Renders the sequences and returns their detections by kind."""
    perceiver: Perceiver | None = None
    dropped: list[list[Seen]] = []
    hidden: list[list[Seen]] = []
    detected: list[list[Seen]] = []
    for seed in range(options.sequences):
        frames = list(render_moving_camera(options.assets, seed=seed, arc=ARCS[seed % len(ARCS)]))
        numbers: dict[str, int] = {}
        for frame in frames:
            for label in frame.labels:
                numbers.setdefault(label.thing.asset, len(numbers) + 1)
        names = tuple(sorted({each.thing.category for f in frames for each in f.labels}))
        perceiver = perceiver or load(options.bundle, names)
        rng = np.random.default_rng([seed, 20])
        dropped.append([thinned(f, numbers, names, rng, options.dropped) for f in frames])
        hidden.append(
            list(without(frames, numbers, names, rng)),
        )
        detected.append([looked(f, numbers, perceiver) for f in frames])
        print(f"sequence {seed}: {len(frames)} frames, {len(numbers)} things", flush=True)
    assert perceiver is not None
    sure = np.full(100, ALL_SURE, np.float32)
    share = f"{100 * options.dropped:.0f} %"
    return {
        f"true, {share} left out": Case(dropped, sure),
        f"true, hidden {OCCLUSION / RATE:g} s": Case(hidden, sure),
        perceiver.bundle.name: Case(detected, perceiver.query.thresholds),
    }


def true_boxes(frame: CameraFrame, numbers: dict[str, int]) -> Identified:
    """Returns the objects that can be asked for."""
    asked = [label for label in frame.labels if not label.ignored]
    corners = [(x, y, x + w, y + h) for x, y, w, h in (label.box for label in asked)]
    return Identified(
        np.array([numbers[label.thing.asset] for label in asked], np.int64),
        np.array(corners, np.float32).reshape(-1, 4),
    )


def kept(
    frame: CameraFrame, numbers: dict[str, int], names: Sequence[str], stays: np.ndarray
) -> Seen:
    """Returns a frame whose detections and truth are some of its true boxes."""
    asked = [label for label in frame.labels if not label.ignored]
    truth = true_boxes(frame, numbers)
    labels = np.array([names.index(label.thing.category) for label in asked], np.int64)
    truth = Identified(truth.ids[stays], truth.boxes[stays])
    found = Detections(
        boxes=truth.boxes,
        scores=np.full(len(truth.ids), 0.9, np.float32),
        labels=labels[stays],
        names=tuple(names),
        vocabulary_version=0,
    )
    return Seen(frame.stamp, truth, found)


def thinned(
    frame: CameraFrame,
    numbers: dict[str, int],
    names: Sequence[str],
    rng: np.random.Generator,
    share: float,
) -> Seen:
    """Leaves out a share of the true boxes at random."""
    count = len(true_boxes(frame, numbers).ids)
    return kept(frame, numbers, names, rng.random(count) >= share)


def without(
    frames: Sequence[CameraFrame],
    numbers: dict[str, int],
    names: Sequence[str],
    rng: np.random.Generator,
) -> Iterator[Seen]:
    """Hides each thing once, each at a time of its own."""
    begins = {
        number: int(rng.integers(5, len(frames) - OCCLUSION - 5)) for number in numbers.values()
    }
    for step, frame in enumerate(frames):
        ids = true_boxes(frame, numbers).ids.tolist()
        stays = [not begins[each] <= step < begins[each] + OCCLUSION for each in ids]
        yield kept(frame, numbers, names, np.array(stays, np.bool_))


def looked(frame: CameraFrame, numbers: dict[str, int], perceiver: Perceiver) -> Seen:
    """Returns what a bundle finds, down to the score that a tracker looks at."""
    weak = replace(perceiver.settings, weak_score=SETTINGS.weak_score, class_agnostic_nms=True)
    query = perceiver.prepare(settings=weak)
    found = perceiver.look(Frame(frame.rgb, frame.stamp), query, StageTimes())
    return Seen(frame.stamp, true_boxes(frame, numbers), found)


def nameless(case: Case) -> Case:
    """Returns the case with one name and without masks."""
    threshold = case.thresholds[:1]
    return Case(
        [
            [
                replace(
                    frame,
                    found=replace(
                        frame.found,
                        labels=np.zeros(len(frame.found), np.int64),
                        names=("thing",),
                        masks=None,
                    ),
                )
                for frame in frames
            ]
            for frames in case.sequences
        ],
        threshold,
    )
