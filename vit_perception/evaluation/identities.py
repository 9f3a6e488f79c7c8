# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How well ids stay with things: HOTA, IDF1 and the counts of MOTA.

Written after the definitions in Luiten et al., "HOTA: A Higher Order Metric for Evaluating
Multi-Object Tracking", IJCV 2020; Ristani et al., "Performance Measures and a Data Set for
Multi-Target, Multi-Camera Tracking", ECCV workshops 2016; and Bernardin and Stiefelhagen,
"Evaluating Multiple Object Tracking Performance: The CLEAR MOT Metrics", 2008.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vit_perception.boxes import box_iou

OVERLAP = 0.5
"""Intersection over union from which on IDF1 and MOTA take a box for the thing."""
_ALPHAS = np.arange(1, 20) * 0.05
"""Those of HOTA, which is the mean over them."""
_EXACT = 1e-7


class Identified(NamedTuple):
    """What has ids in one frame.

    Attributes:
        ids: int64 [N], none twice.
        boxes: float32 [N, 4], x1 y1 x2 y2.
    """

    ids: NDArray[np.int64]
    boxes: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class IdentityScores:
    """How well ids stay with things; each score is 0..1, but MOTA has no lower end.

    Attributes:
        hota: mean over overlaps of the geometric mean of the next two.
        deta: accuracy of detection, mean over overlaps.
        assa: accuracy of association, mean over overlaps.
        idf1: share of boxes that have the id of their thing, things and ids paired once for all.
        mota: 1 - (misses + false_alarms + switches) / boxes.
        boxes: true ones.
        misses: true boxes that were not found.
        false_alarms: found boxes without a true one.
        switches: how often a thing was found with another id than when it was found before.
    """

    hota: float
    deta: float
    assa: float
    idf1: float
    mota: float
    boxes: int
    misses: int
    false_alarms: int
    switches: int


def joined(sequences: Iterable[Sequence[Identified]]) -> list[Identified]:
    """Returns the frames of all sequences, their ids made different."""
    frames: list[Identified] = []
    first = 0
    for sequence in sequences:
        frames += [Identified(frame.ids + first, frame.boxes) for frame in sequence]
        first += 1 + max((int(frame.ids.max(initial=0)) for frame in sequence), default=0)
    return frames


def identity_scores(truth: Sequence[Identified], found: Sequence[Identified]) -> IdentityScores:
    """Compares what was found with what is true.

    Args:
        truth, found: frame by frame, as many of the one as of the other.

    Raises:
        ValueError: other numbers of frames, or an id twice in a frame.
    """
    if len(truth) != len(found):
        raise ValueError(f"expected {len(truth)} frames, found {len(found)}")
    things, tracks = _numbered(truth), _numbered(found)
    overlaps = [box_iou(t.boxes, f.boxes) for t, f in zip(truth, found, strict=True)]
    seen = _Seen(things, tracks, overlaps)
    hota, deta, assa = _hota(seen)
    misses, false_alarms, switches = _clear(seen)
    boxes = int(seen.of_things.sum())
    return IdentityScores(
        hota=hota,
        deta=deta,
        assa=assa,
        idf1=_idf1(seen),
        mota=1.0 - (misses + false_alarms + switches) / max(boxes, 1),
        boxes=boxes,
        misses=misses,
        false_alarms=false_alarms,
        switches=switches,
    )


class _Seen:
    """Frames with ids as numbers from 0.

    Attributes:
        frames: per frame the things [N] and tracks [M] in it and their overlaps [N, M].
        of_things, of_tracks: in how many frames each is.
    """

    def __init__(
        self,
        things: list[NDArray[np.int64]],
        tracks: list[NDArray[np.int64]],
        overlaps: list[NDArray[np.float32]],
    ) -> None:
        self.frames = list(zip(things, tracks, overlaps, strict=True))
        self.of_things = np.bincount(np.concatenate([*things, _NONE]))
        self.of_tracks = np.bincount(np.concatenate([*tracks, _NONE]))

    def pairs(self) -> NDArray[np.float64]:
        """Returns zeros, one for each thing and track."""
        return np.zeros((len(self.of_things), len(self.of_tracks)))


_NONE = np.zeros(0, np.int64)


def _numbered(frames: Sequence[Identified]) -> list[NDArray[np.int64]]:
    ids = np.concatenate([*(frame.ids for frame in frames), _NONE])
    numbers = np.unique(ids, return_inverse=True)[1]
    ends = np.cumsum([len(frame.ids) for frame in frames])[:-1]
    parts = np.split(numbers.astype(np.int64), ends) if len(frames) else []
    for number, part in enumerate(parts):
        if len(np.unique(part)) < len(part):
            raise ValueError(f"expected each id once in frame {number}, found one twice")
    return parts


def _hota(seen: _Seen) -> tuple[float, float, float]:
    """Returns HOTA and its two parts."""
    if not (len(seen.of_things) and len(seen.of_tracks)):
        return 0.0, 0.0, 0.0
    alike = seen.pairs()
    for things, tracks, overlap in seen.frames:
        beside = overlap.sum(axis=0)[None] + overlap.sum(axis=1)[:, None] - overlap
        alike[np.ix_(things, tracks)] += overlap / np.maximum(beside, _EXACT)
    together = seen.of_things[:, None] + seen.of_tracks[None]
    alignment = alike / (together - alike)
    matches = np.zeros((len(_ALPHAS), *alike.shape))
    for things, tracks, overlap in seen.frames:
        rows, columns = linear_sum_assignment(
            alignment[np.ix_(things, tracks)] * overlap, maximize=True
        )
        enough = overlap[rows, columns][None] >= _ALPHAS[:, None] - _EXACT
        matches[:, things[rows], tracks[columns]] += enough
    hits = matches.sum(axis=(1, 2))
    detection = hits / (_boxes(seen) - hits)
    association = (matches * matches / (together - matches)).sum(axis=(1, 2)) / np.maximum(hits, 1)
    return (
        float(np.sqrt(detection * association).mean()),
        float(detection.mean()),
        float(association.mean()),
    )


def _boxes(seen: _Seen) -> int:
    """Returns the number of true and found boxes."""
    return int(seen.of_things.sum() + seen.of_tracks.sum())


def _idf1(seen: _Seen) -> float:
    shared = seen.pairs()
    for things, tracks, overlap in seen.frames:
        shared[np.ix_(things, tracks)] += overlap >= OVERLAP
    right = shared[linear_sum_assignment(shared, maximize=True)].sum()
    return float(2 * right / max(_boxes(seen), 1))


def _clear(seen: _Seen) -> tuple[int, int, int]:
    """Returns misses, false alarms and switches."""
    before = np.full(len(seen.of_things), -1, np.int64)
    last = before.copy()
    hits = switches = 0
    for things, tracks, overlap in seen.frames:
        # A pair of the frame before stays one while it overlaps enough.
        stays = before[things][:, None] == tracks[None, :]
        score = np.where(overlap >= OVERLAP - _EXACT, overlap + 1000.0 * stays, 0.0)
        rows, columns = linear_sum_assignment(score, maximize=True)
        real = score[rows, columns] > 0
        owners, owned = things[rows[real]], tracks[columns[real]]
        hits += len(owners)
        switches += int(np.count_nonzero((last[owners] >= 0) & (last[owners] != owned)))
        before[:] = -1
        before[owners] = last[owners] = owned
    return (
        int(seen.of_things.sum()) - hits,
        int(seen.of_tracks.sum()) - hits,
        switches,
    )
