# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures that were looked at, made by hand or by chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.rows.looked_at import FrameRows, LookedAt
from vit_perception.evaluation.rows.run import Run
from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.rle import Rle, encode_mask

NAMES = ("mug", "bowl", "spoon")
SIZE = (480, 640)

Box = tuple[float, float, float, float]


def run(
    key: str = "a", names: Sequence[str] = NAMES, threshold: float = 0.5, **changes: object
) -> Run:
    """A run that publishes what has at least this score."""
    made = Run(
        key=key,
        bundle=Path("bundles") / f"bundle_{key}",
        precision="fp32",
        sha256="0" * 64,
        thresholds=(threshold,) * len(names),
        iou_threshold=0.6,
        max_detections=50,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def truth(
    *things: tuple[str, Box], crowds: Sequence[int] = (), parts: Sequence[str] = ()
) -> FrameTruth:
    """Things without masks; `crowds` are indices."""
    boxes = np.array([box for _, box in things], np.float32).reshape(-1, 4)
    return FrameTruth(
        boxes=boxes,
        names=tuple(name for name, _ in things),
        masks=None,
        areas=np.prod(boxes[:, 2:] - boxes[:, :2], axis=1),
        crowds=np.isin(np.arange(len(things)), crowds),
        parts=tuple(parts) or ("",) * len(things),
        ids=("",) * len(things),
    )


def rows(*found: tuple[str, float, Box], names: Sequence[str] = NAMES) -> FrameRows:
    """Detections without masks, in any order."""
    best_first = sorted(found, key=lambda one: -one[1])
    return FrameRows(
        boxes=np.array([box for _, _, box in best_first], np.float32).reshape(-1, 4),
        scores=np.array([score for _, score, _ in best_first], np.float32),
        labels=np.array([names.index(name) for name, _, _ in best_first], np.int64),
        masks=None,
    )


def looked_at(
    number: int,
    true: FrameTruth | None,
    *found: FrameRows,
    sequence: str = "morning",
    stamp: int | None = None,
) -> LookedAt:
    """A picture, of a camera of 10 Hz."""
    at = 1_700_000_000_000_000_000 + 100_000_000 * number if stamp is None else stamp
    return LookedAt(
        sequence=sequence,
        number=number,
        name="",
        stamp=at,
        size=SIZE,
        truth=true,
        rows=found,
    )


def truths_of(frames: Sequence[LookedAt]) -> list[FrameTruth]:
    """What is true in each picture."""
    return [frame.truth for frame in frames if frame.truth is not None]


def untied(frames: Sequence[LookedAt]) -> list[LookedAt]:
    """The same pictures with scores that all differ, those of the first run alone."""
    rng = np.random.default_rng(len(frames))
    changed = []
    for frame in frames:
        scores = frame.rows[0].scores + rng.uniform(0, 0.02, len(frame.rows[0]))
        best_first = np.sort(scores)[::-1].astype(np.float32)
        changed.append(replace(frame, rows=(replace(frame.rows[0], scores=best_first),)))
    return changed


def random_frames(
    seed: int,
    count: int = 40,
    *,
    names: int = 3,
    most_things: int = 6,
    most_rows: int = 25,
    noise: Sequence[float] = (0.0,),
    crowds: float = 0.1,
    others: float = 0.1,
    masks: bool = False,
    sequences: Sequence[str] = ("morning", "evening"),
) -> list[LookedAt]:
    """Things and detections near and off them, some scores equal.

    Args:
        seed: of the chances.
        count: pictures.
        names: asked for, "n0" and so on.
        most_things: in a picture.
        most_rows: found in a picture.
        noise: px by which the boxes of each run are shaken; the runs are the same otherwise.
        crowds: share of things that are crowds.
        others: share of things whose name is not asked for.
        masks: ellipses in the boxes; slow.
        sequences: their keys; the pictures are dealt out evenly, in order.
    """
    rng = np.random.default_rng(seed)
    frames = []
    for index in range(count):
        things = int(rng.integers(0, most_things + 1))
        boxes, labels = _boxes(rng, things), rng.integers(0, names, things)
        found, scores, rights = _found(
            rng, boxes, labels, names, int(rng.integers(0, most_rows + 1))
        )
        said = [f"n{label}" if rng.random() >= others else "other" for label in labels]
        true = FrameTruth(
            boxes=boxes,
            names=tuple(said),
            masks=tuple(_mask(box) for box in boxes) if masks else None,
            areas=0.8 * np.prod(boxes[:, 2:] - boxes[:, :2], axis=1),
            crowds=rng.random(things) < crowds,
            parts=tuple(("new", "known", "")[part] for part in rng.integers(0, 3, things)),
            ids=("",) * things,
        )
        each = []
        for shaken in noise:
            moved = (found + rng.normal(0, 1, found.shape) * shaken).astype(np.float32)
            moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
            each.append(
                FrameRows(
                    moved, scores, rights, tuple(_mask(box) for box in moved) if masks else None
                )
            )
        key = sequences[index * len(sequences) // count]
        frames.append(looked_at(index, true, *each, sequence=key))
    return frames


def _boxes(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    corners = rng.uniform(0, 400, (count, 2))
    return np.concatenate([corners, corners + rng.uniform(8, 200, (count, 2))], axis=1).astype(
        np.float32
    )


def _found(
    rng: np.random.Generator,
    boxes: NDArray[np.float32],
    labels: NDArray[np.int64],
    names: int,
    count: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Boxes, scores and labels of detections, best first."""
    found, said = _boxes(rng, count), rng.integers(0, names, count)
    scores = rng.integers(1, 40, count) / 80
    if len(boxes):
        source = rng.integers(0, len(boxes), count)
        near = rng.random(count) < 0.6
        found[near] = boxes[source[near]] + rng.normal(0, 6, (int(near.sum()), 4))
        right = near & (rng.random(count) < 0.8)
        said[right] = labels[source[right]]
        scores[near] += 0.5
    found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
    order = np.argsort(-scores, kind="stable")
    return found[order], scores[order].astype(np.float32), said[order].astype(np.int64)


def _mask(box: NDArray[np.float32]) -> Rle:
    """An ellipse, in a picture of a quarter of the size."""
    y, x = np.mgrid[: SIZE[0] // 4, : SIZE[1] // 4]
    left, top, right, bottom = (box / 4).tolist()
    wide, high = max(right - left, 2) / 2, max(bottom - top, 2) / 2
    across, down = x - left - wide, y - top - high
    return encode_mask((across / wide) ** 2 + (down / high) ** 2 <= 1)
