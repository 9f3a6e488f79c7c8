# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Compares what two runs publish of the same frames."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from vit_perception.evaluation.agreement.differing import Differing, Frame
from vit_perception.evaluation.agreement.flicker import Flicker
from vit_perception.evaluation.agreement.pairing import OVERLAP, Pairs, mask_iou, paired
from vit_perception.evaluation.figures.blocks import blocks_of, draw, interval
from vit_perception.evaluation.figures.gather import Pictures
from vit_perception.evaluation.figures.rounded import rounded
from vit_perception.evaluation.rows.looked_at import FrameRows, LookedAt
from vit_perception.evaluation.rows.run import Run

MOST_RENAMED = 20
"""Pairs of names that are told one by one."""


class Comparison:
    """Takes frames in order; memory grows by some bytes for each frame and pair of detections.

    Args:
        names: that were asked for.
        runs: two of them.
    """

    def __init__(self, names: Sequence[str], runs: tuple[Run, Run]) -> None:
        self.names = tuple(names)
        self.runs = runs
        self._flicker = tuple(Flicker(names) for _ in runs)
        self._frames = _Frames()
        self._differing = Differing(self.names, (runs[0].key, runs[1].key))
        self._found = np.zeros((2, len(self.names)), np.int64)
        self._by_name = [_Values() for _ in self.names]
        self._every = _Values()
        self._renamed: Counter[tuple[int, int]] = Counter()

    def add(self, looked: LookedAt) -> None:
        """Takes the next frame, with the rows of both runs."""
        first, second = (
            run.published_rows(rows) for rows, run in zip(looked.rows, self.runs, strict=True)
        )
        for flicker, rows in zip(self._flicker, (first, second), strict=True):
            flicker.add(looked, rows)
        pairs = paired(first, second)
        same = self._take(first, second, pairs)
        self._frames.add(looked, 2 * same, len(first) + len(second))
        self._differing.add(Frame(looked, first, second, pairs))

    def result(self) -> dict[str, Any]:
        """Returns all figures, for agreement.json."""
        found = self._found.sum(axis=1).tolist()
        pairs = self._every.pairs
        figures = {
            "frames": len(self._frames),
            "limits": {"overlap": OVERLAP},
            "agreement": self._frames.agreement(),
            "boxes": {
                "a": found[0],
                "b": found[1],
                "both": pairs,
                "share_a": _share(pairs, found[0]),
                "share_b": _share(pairs, found[1]),
                "iou": _mean(self._every.overlaps),
            },
            "naming": {
                "same": self._every.same,
                "share": _share(self._every.same, pairs),
                "renamed": self._renamed_names(),
            },
            "masks": self._every.masks_told(),
            "scores": self._every.scores_told(),
            "per_name": [
                values.told(name, *counts)
                for name, values, counts in sorted(
                    zip(self.names, self._by_name, self._found.T.tolist(), strict=True),
                    key=lambda each: each[0],
                )
                if any(counts)
            ],
            "flicker": [flicker.result() for flicker in self._flicker],
            "differ_most": self._differing.result(),
        }
        return dict(rounded(figures))

    def _take(self, first: FrameRows, second: FrameRows, pairs: Pairs) -> int:
        """Takes down the pairs of a frame; returns how many have one name."""
        for run, rows in enumerate((first, second)):
            self._found[run] += np.bincount(rows.labels, minlength=len(self.names))
        same = 0
        for row, column, overlap in zip(
            pairs.first.tolist(), pairs.second.tolist(), pairs.overlaps.tolist(), strict=True
        ):
            one, other = int(first.labels[row]), int(second.labels[column])
            is_same = one == other
            same += is_same
            iou = None
            if first.masks is not None and second.masks is not None:
                iou = mask_iou(first.masks[row], second.masks[column])
            change = float(second.scores[column]) - float(first.scores[row])
            self._every.take(overlap, iou, change if is_same else None)
            if is_same:
                self._by_name[one].take(overlap, iou, change)
            else:
                self._renamed[one, other] += 1
        return same

    def _renamed_names(self) -> list[dict[str, Any]]:
        counted = sorted(
            (-count, self.names[one], self.names[other])
            for (one, other), count in self._renamed.items()
        )
        return [{"a": a, "b": b, "count": -count} for count, a, b in counted[:MOST_RENAMED]]


class _Frames:
    """How much both runs published of each frame, and how much of it both did."""

    def __init__(self) -> None:
        self._keys: dict[str, int] = {}
        self._columns = tuple(array("q") for _ in range(5))

    def __len__(self) -> int:
        return len(self._columns[0])

    def add(self, looked: LookedAt, same: int, total: int) -> None:
        sequence = self._keys.setdefault(looked.sequence, len(self._keys))
        values = (sequence, looked.number, looked.stamp, same, total)
        for column, value in zip(self._columns, values, strict=True):
            column.append(value)

    def agreement(self) -> dict[str, Any]:
        """Returns the share of all frames, and between which values it surely lies."""
        sequences, numbers, stamps, same, total = (
            np.array(column, np.int64) for column in self._columns
        )
        pictures = Pictures(tuple(self._keys), sequences, numbers, stamps, ("",) * len(self))
        draws = draw(blocks_of(pictures))
        bounds = None
        if draws.enough:
            sums = np.zeros((draws.weights.shape[1], 2))
            np.add.at(sums, draws.blocks, np.stack([same, total], axis=1))
            part, whole = (draws.weights @ sums).T
            with np.errstate(invalid="ignore"):
                bounds = interval(part / whole)
        return {
            "value": _share(int(same.sum()), int(total.sum())),
            "interval": bounds,
            "blocks": draws.weights.shape[1],
        }


class _Values:
    """What is known of pairs: of one name, or of all."""

    def __init__(self) -> None:
        self.overlaps, self.masks, self.scores = array("f"), array("f"), array("f")

    @property
    def pairs(self) -> int:
        return len(self.overlaps)

    @property
    def same(self) -> int:
        """Pairs of one name."""
        return len(self.scores)

    def take(self, overlap: float, mask: float | None, change: float | None) -> None:
        self.overlaps.append(overlap)
        if mask is not None:
            self.masks.append(mask)
        if change is not None:
            self.scores.append(change)

    def told(self, name: str, first: int, second: int) -> dict[str, Any]:
        return {
            "name": name,
            "a": first,
            "b": second,
            "both": self.pairs,
            "agreement": _share(2 * self.pairs, first + second),
            "iou": _mean(self.overlaps),
            "mask_iou": _mean(self.masks),
            "score_change": _mean(self.scores),
        }

    def masks_told(self) -> dict[str, Any] | None:
        """Returns None where a run has no masks."""
        if not self.masks:
            return None
        return {
            "pairs": len(self.masks),
            "iou": _mean(self.masks),
            "iou_p10": float(np.percentile(self.masks, 10)),
        }

    def scores_told(self) -> dict[str, Any]:
        if not self.scores:
            return {"change": None, "absolute": None, "absolute_p95": None}
        absolute = np.abs(self.scores)
        return {
            "change": _mean(self.scores),
            "absolute": float(absolute.mean(dtype=np.float64)),
            "absolute_p95": float(np.percentile(absolute, 95)),
        }


def _mean(values: array[float]) -> float | None:
    return float(np.mean(values, dtype=np.float64)) if values else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
