# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a detector says of things that are known, frame by frame: the data of label evidence.

    python -m vit_perception.training.evidence_tracks data/sequences --out data/tracks.npz

looks at recordings of `vit_perception.scenes.sequences`, each for its own objects' categories
among others, as a robot does that is told more names than it sees.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vit_perception import api
from vit_perception.boxes import box_iou
from vit_perception.detections import Detections
from vit_perception.images.media import read_picture
from vit_perception.output.write import new_file
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import Settings
from vit_perception.training.truth import last_word

TRUTH = "truth.json"
FEWEST_NAMES, MOST_NAMES = 20, 40
LEAST_OVERLAP = 0.5
SCORE = 0.1
"""Of a detection; a robot's threshold is higher, and `weakened` leaves the others out."""

_COLUMNS = ("stamps", "boxes", "ranges", "labels", "scores", "frames")


@dataclass(frozen=True, slots=True, eq=False)
class LabelTrack:
    """What was said of one thing in N frames.

    Attributes:
        names: the vocabulary of its recording.
        right: the names that are true of it, as indices.
        stamps: float64 [N], seconds, rising.
        boxes: float32 [N, 4], x1 y1 x2 y2 as shares of the picture's width and height.
        ranges: float32 [N], metres; 0: not measured.
        labels: int64 [N, K], the best names, -1: none.
        scores: float32 [N, K], theirs.
        frames: float64 [F], stamps of all frames from the first of N on, seconds.
    """

    names: tuple[str, ...]
    right: tuple[int, ...]
    stamps: NDArray[np.float64]
    boxes: NDArray[np.float32]
    ranges: NDArray[np.float32]
    labels: NDArray[np.int64]
    scores: NDArray[np.float32]
    frames: NDArray[np.float64]

    def chosen(self, rows: NDArray[Any]) -> LabelTrack:
        """Returns the track with some of its observations."""
        return replace(
            self,
            stamps=self.stamps[rows],
            boxes=self.boxes[rows],
            ranges=self.ranges[rows],
            labels=self.labels[rows],
            scores=self.scores[rows],
        )


class _Sighting(NamedTuple):
    stamp: float
    box: NDArray[np.float32]
    range: float
    labels: NDArray[np.int64]
    scores: NDArray[np.float32]


def weakened(track: LabelTrack, threshold: float, name_threshold: float) -> LabelTrack:
    """Returns what a detector with higher thresholds would have said."""
    track = track.chosen(track.scores[:, 0] >= threshold)
    kept = track.scores >= name_threshold
    return replace(
        track,
        labels=np.where(kept, track.labels, -1),
        scores=np.where(kept, track.scores, 0).astype(np.float32),
    )


def observed(
    perceiver: Perceiver, folder: Path, categories: Collection[str], seed: int
) -> list[LabelTrack]:
    """Looks at one recording under a vocabulary drawn for it, and returns its things' tracks.

    Args:
        perceiver: its vocabulary and settings are changed.
        categories: what the others of the vocabulary are drawn from.
    """
    frames = read_truth(folder)
    names, right = vocabulary(frames, categories, np.random.default_rng([seed, int(folder.name)]))
    perceiver.change(names=names, settings=Settings(SCORE, masks=False, name_scores=True))
    seen: dict[str, list[_Sighting]] = defaultdict(list)
    for number, frame in enumerate(frames):
        picture = read_picture(folder / f"{number:04}.jpg")
        found = perceiver(picture)
        size = np.array([picture.width, picture.height] * 2, np.float32)
        for thing, row in matches(frame["objects"], found):
            told = found.name_scores
            assert told is not None
            stamp, box = frame["stamp"] / 1e9, found.boxes[row] / size
            seen[thing["id"]].append(
                _Sighting(stamp, box, thing["range"], told.labels[row], told.scores[row])
            )
    times = np.array([frame["stamp"] / 1e9 for frame in frames])
    return [
        LabelTrack(
            names,
            tuple(n for n, name in enumerate(names) if name in right[key]),
            stamps=np.array([each.stamp for each in sightings]),
            boxes=np.array([each.box for each in sightings], np.float32),
            ranges=np.array([each.range for each in sightings], np.float32),
            labels=np.array([each.labels for each in sightings]),
            scores=np.array([each.scores for each in sightings], np.float32),
            frames=times[times >= sightings[0].stamp],
        )
        for key, sightings in seen.items()
    ]


def read_truth(folder: Path) -> list[dict[str, Any]]:
    """Returns the frames of a recording, see `vit_perception.scenes.sequences`."""
    frames: list[dict[str, Any]] = json.loads((folder / TRUTH).read_text())["frames"]
    return frames


def recordings(folder: Path) -> tuple[list[Path], set[str]]:
    """Returns the recordings in a folder, in order, and the categories of all their things."""
    found = sorted(path.parent for path in folder.glob(f"*/{TRUTH}"))
    return found, {
        thing["category"]
        for each in found
        for frame in read_truth(each)
        for thing in frame["objects"]
    }


def vocabulary(
    frames: Sequence[dict[str, Any]], categories: Collection[str], rng: np.random.Generator
) -> tuple[tuple[str, ...], dict[str, set[str]]]:
    """Draws the names that a robot is told for a recording: its things' categories among others.

    Returns:
        The names, and for each thing's id those that are true of it.
    """
    things = {thing["id"]: thing for frame in frames for thing in frame["objects"]}
    own = sorted({thing["category"] for thing in things.values()})
    right = {key: true_names(thing["names"]) for key, thing in things.items()}
    # A robot is not asked for mugs and cups at once, if it is to tell them apart.
    others = sorted(set(categories) - set(own) - set().union(*right.values()))
    count = max(int(rng.integers(FEWEST_NAMES, MOST_NAMES + 1)) - len(own), 0)
    drawn = [others[n] for n in rng.permutation(len(others))[:count]]
    return tuple(str(name) for name in rng.permutation([*own, *drawn])), right


def true_names(names: Sequence[str]) -> set[str]:
    """Returns names with the wider words in them: a mustard bottle is a bottle, too."""
    return {*names, *map(last_word, names)}


def matches(things: Sequence[dict[str, Any]], found: Detections) -> list[tuple[Any, int]]:
    """Returns each thing with the detection that overlaps it most; a detection serves one."""
    if not len(found) or not things:
        return []
    overlap = box_iou(np.array([thing["box"] for thing in things], np.float32), found.boxes)
    pairs = []
    while overlap.max() >= LEAST_OVERLAP:
        thing, row = np.unravel_index(int(overlap.argmax()), overlap.shape)
        pairs.append((things[int(thing)], int(row)))
        overlap[thing], overlap[:, row] = 0, 0
    return pairs


def write_tracks(path: Path, tracks: Sequence[LabelTrack]) -> None:
    """Writes tracks as one npz file.

    Raises:
        OutputError: it cannot be written.
    """
    columns: dict[str, Any] = {
        key: np.concatenate([getattr(track, key) for track in tracks]) for key in _COLUMNS
    }
    with new_file(path) as partial, open(partial, "wb") as file:
        np.savez_compressed(
            file,
            names=json.dumps([track.names for track in tracks]),
            right=json.dumps([track.right for track in tracks]),
            lengths=np.array([len(track.stamps) for track in tracks]),
            frame_lengths=np.array([len(track.frames) for track in tracks]),
            **columns,
        )


def read_tracks(path: Path) -> list[LabelTrack]:
    """Reads what `write_tracks` wrote."""
    with np.load(path) as file:
        names, right = json.loads(str(file["names"])), json.loads(str(file["right"]))
        ends, frame_ends = (np.cumsum(file[key])[:-1] for key in ("lengths", "frame_lengths"))
        columns = [
            np.split(file[key], frame_ends if key == "frames" else ends) for key in _COLUMNS
        ]
        return [
            LabelTrack(tuple(own), tuple(true), *arrays)
            for own, true, *arrays in zip(names, right, *columns, strict=True)
        ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the tracks of all recordings of a folder; returns 0."""
    parser = argparse.ArgumentParser(prog="evidence_tracks")
    parser.add_argument("sequences", type=Path, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--bundle", default="tabletop_nano")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--seed", type=int, default=0, help="of the vocabularies (0)")
    args = parser.parse_args(arguments)
    perceiver = api.load(args.bundle, precision=args.precision, threads=1)
    folders, categories = recordings(args.sequences)
    tracks = []
    for number, folder in enumerate(folders, start=1):
        tracks += observed(perceiver, folder, categories, args.seed)
        print(f"\r{number} of {len(folders)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    write_tracks(args.out, tracks)
    print(f"{len(tracks)} tracks, {sum(len(track.stamps) for track in tracks)} observations")
    return 0


if __name__ == "__main__":
    sys.exit(main())
