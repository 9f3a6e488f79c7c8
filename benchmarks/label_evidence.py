# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Names of followed things over time: frame by frame, and by the ways of `label_evidence`.

    python -m vit_perception.scenes.sequences --assets ASSETS --out data/held_out --count 50 \
        --seed 2 --part val_instances
    python benchmarks/label_evidence.py data/held_out

follows the things of recordings that nothing was trained on, with the real tracker, and tells for
each way how long things had a wrong name, how often names changed, and how sure they were. "As
published" is what a subscriber gets without evidence: a thing may then have several boxes at once,
each with a name. All other ways name the same boxes, one a thing.
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

import numpy as np

from vit_perception import api
from vit_perception.boxes import box_iou
from vit_perception.detections import Detections
from vit_perception.evaluation.naming import WAYS, Named, naming_scores
from vit_perception.images.media import read_picture
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import Settings
from vit_perception.tracking.evidence import UNKNOWN, LabelEvidence
from vit_perception.tracking.settings import TrackingSettings
from vit_perception.tracking.tracker import Tracker
from vit_perception.training.evidence_tracks import (
    LEAST_OVERLAP,
    read_truth,
    recordings,
    vocabulary,
)

COLUMNS = (
    "wrong",
    "unnamed",
    "wrong, surer half",
    "flips/s",
    "last right",
    "log loss",
    "calibration",
    "settles s",
    "seconds",
)
MODES: dict[str, tuple[str, float]] = {
    "average": ("average", 0.0),
    "transformer, all named": ("transformer", 0.0),
    "transformer": ("transformer", TrackingSettings.label_certainty),
    "transformer, certainty 0.8": ("transformer", 0.8),
}
PUBLISHED = "as published, several names a thing"


@dataclass
class Followed:
    """What was told of one id while it lay on a thing: a row a frame, a column a name."""

    stamps: list[float] = field(default_factory=list)
    rows: list[np.ndarray] = field(default_factory=list)
    right: list[np.ndarray] = field(default_factory=list)
    unnamed: list[bool] = field(default_factory=list)

    def named(self, way: str = "") -> Named:
        """Its names by one of WAYS; empty: as told."""
        table = np.stack(self.rows)
        if way:
            table = WAYS[way](table)
        return Named(np.array(self.stamps), table, np.stack(self.right), np.array(self.unnamed))


def watched(
    perceiver: Perceiver,
    folder: Path,
    frames: Sequence[dict],
    every: int,
    right: dict[str, np.ndarray],
) -> dict[str, list[Named]]:
    """Follows the things of a recording; returns them as named by each way."""
    plain = Settings(weak_score=TrackingSettings.track_low_score, masks=False)
    several = Tracker(TrackingSettings(tracking=True))
    single = Tracker(TrackingSettings(tracking=True))
    evidence = {way: LabelEvidence() for way in MODES}
    told: dict[str, dict[int, Followed]] = defaultdict(lambda: defaultdict(Followed))
    for number, frame in enumerate(frames):
        picture = read_picture(folder / f"{number * every:04}.jpg")
        perceiver.change(settings=plain)
        found = perceiver(picture)
        found = several.update(found, frame["stamp"], perceiver.query.thresholds)
        _take(told[PUBLISHED], found, frame, right)
        perceiver.change(settings=replace(plain, name_scores=True))
        found = perceiver(picture)
        found = single.update(found, frame["stamp"], perceiver.query.thresholds)
        _take(told["scores"], found, frame, right, scores=True)
        for way, each in evidence.items():
            size = picture.width, picture.height
            renamed = each.named(found, single.tracks, single.stamps, size, *MODES[way])
            _take(told[way], renamed, frame, right)
    scored = told.pop("scores")
    return {
        PUBLISHED: [each.named() for each in told.pop(PUBLISHED).values()],
        **{way: [each.named(way) for each in scored.values()] for way in WAYS},
        **{mode: [each.named() for each in things.values()] for mode, things in told.items()},
    }


def _take(
    told: dict[int, Followed],
    found: Detections,
    frame: dict,
    right: dict[str, np.ndarray],
    *,
    scores: bool = False,
) -> None:
    """Takes down what was told of boxes with an id that lie on a thing.

    scores: of all names, as the detector told them; else the told one's probability.
    """
    assert found.ids is not None
    things = frame["objects"]
    if not things or not len(found):
        return
    overlap = box_iou(found.boxes, np.array([thing["box"] for thing in things], np.float32))
    for row in np.flatnonzero((found.ids > 0) & (overlap.max(axis=1) >= LEAST_OVERLAP)).tolist():
        own = right[things[int(overlap[row].argmax())]["id"]]
        table = np.zeros(len(own))
        unnamed = found.class_name(row) == UNKNOWN
        if scores:
            assert found.name_scores is not None
            labels = found.name_scores.labels[row]
            table[labels[labels >= 0]] = found.name_scores.scores[row][labels >= 0]
        else:
            sure = max(float(found.scores[row]), 1.5 / len(table))
            table[:] = (1 - sure) / (len(table) - 1)
            table[0 if unnamed else found.labels[row]] = sure
        followed = told[int(found.ids[row])]
        followed.stamps.append(frame["stamp"] / 1e9)
        followed.rows.append(table)
        followed.right.append(own)
        followed.unnamed.append(unnamed)


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--bundle", default="tabletop_nano")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--seed", type=int, default=0, help="of the vocabularies (0)")
    parser.add_argument("--every", type=int, default=1, help="every n-th frame only (1)")
    parser.add_argument("--most", type=int, help="recordings (all)")
    args = parser.parse_args()
    folders, categories = recordings(args.recordings)
    folders = folders[: args.most]
    perceiver = api.load(args.bundle, precision=args.precision, threads=1)
    told: dict[str, list[Named]] = defaultdict(list)
    for folder in folders:
        frames = read_truth(folder)
        rng = np.random.default_rng([args.seed, int(folder.name)])
        names, right = vocabulary(frames, categories, rng)
        perceiver.change(names=names)
        true = {key: np.isin(np.array(names), sorted(own)) for key, own in right.items()}
        for way, things in watched(
            perceiver, folder, frames[:: args.every], args.every, true
        ).items():
            told[way] += things
    print(
        f"{len(folders)} recordings, {len(categories)} categories; load {os.getloadavg()[0]:.1f}"
    )
    print(f"| way | {' | '.join(COLUMNS)} |\n|---{'|---' * len(COLUMNS)}|")
    for way, things in told.items():
        values = " | ".join(f"{value:.3f}" for value in astuple(naming_scores(things)))
        print(f"| {way} | {values} |")


if __name__ == "__main__":
    main()
