# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What T2-track says of the candidate names of followed things (card 17)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vit_perception.engine.factory import open_session
from vit_perception.engine.session import Session
from vit_perception.tracking.evidence_window import (
    WINDOW_S,
    Window,
    candidates,
    logits,
    series,
)
from vit_perception.tracking.tracks import Sighting, Track

GRAPH = Path(__file__).with_name("evidence.onnx")
"""T2-track, beside this file; evidence.md says what it was trained on."""

_NANOSECONDS = 1_000_000_000


class Verdict(NamedTuple):
    """What the graph says of the candidate names of one thing.

    Attributes:
        names: K names.
        probabilities: float32 [K], of being true; each for itself, so that their sum may be
            anything.
        shares: float32 [K, STEPS + FEATURES], how much each time and each feature spoke for the
            name: class activation maps.
        memory: float64 [K], mean logits of their scores in all sightings that the tracker keeps.
    """

    names: tuple[str, ...]
    probabilities: NDArray[np.float32]
    shares: NDArray[np.float32]
    memory: NDArray[np.float64]


def judged(
    tracks: Mapping[int, Track],
    stamps: Sequence[int],
    size: tuple[int, int],
    names: Sequence[str],
) -> dict[int, Verdict]:
    """Returns what the graph says of things that were seen in the window that ends now.

    Args:
        tracks: the things, by id.
        stamps: of the last frames, nanoseconds, the last one is now.
        size: width and height of the picture.
        names: of the vocabulary; others are no candidates.

    Raises:
        SessionError: the graph failed.
    """
    known, keys, told, inputs, memories = set(names), [], [], [], []
    for key, track in tracks.items():
        seen = window_of(track.sightings, stamps, size, known)
        if seen is None:
            continue
        window, own = seen
        columns = candidates(window.scores)
        inputs.append(series(window, columns))
        keys.append(key)
        told.append(tuple(own[number] for number in columns))
        memories.append(logits(scores_of(track.sightings, told[-1])).mean(axis=0))
    if not inputs:
        return {}
    counts = [len(own) for own in told]
    results = _graph().run(
        {
            "series": np.concatenate([channels for channels, _ in inputs]),
            "features": np.repeat(np.stack([own for _, own in inputs]), counts, axis=0),
        }
    )
    ends = np.cumsum(counts)
    return {
        key: Verdict(
            own,
            results["probabilities"][end - len(own) : end],
            results["shares"][end - len(own) : end],
            memory,
        )
        for key, own, end, memory in zip(keys, told, ends, memories, strict=True)
    }


def window_of(
    sightings: Sequence[Sighting], stamps: Sequence[int], size: tuple[int, int], names: set[str]
) -> tuple[Window, list[str]] | None:
    """Returns the sightings in the window that ends with the last stamp, and the names told there.

    None: there are none, or none with a name of `names`.
    """
    now, begin = stamps[-1], stamps[-1] - round(WINDOW_S * _NANOSECONDS)
    recent = [
        each
        for each in sightings
        if each.stamp > begin and any(name in names for name, _ in each.told)
    ]
    if not recent:
        return None
    told = sorted({name for each in recent for name, _ in each.told if name in names})
    first = max(sightings[0].stamp, begin + 1)
    window = Window(
        times=np.array([each.stamp - now for each in recent]) / _NANOSECONDS,
        scores=scores_of(recent, told),
        boxes=(np.stack([each.box for each in recent]) / np.array(size * 2)).astype(np.float32),
        # The detector's path knows no depth.
        ranges=np.zeros(len(recent), np.float32),
        frames=sum(stamp >= first for stamp in stamps),
    )
    return window, told


def scores_of(sightings: Sequence[Sighting], names: Sequence[str]) -> NDArray[np.float32]:
    """Returns the scores of names in sightings, float32 [N, U]; 0 where one was not told."""
    columns = {name: number for number, name in enumerate(names)}
    scores = np.zeros((len(sightings), len(names)), np.float32)
    for row, sighting in enumerate(sightings):
        for name, score in sighting.told:
            if name in columns:
                scores[row, columns[name]] = score
    return scores


@lru_cache(maxsize=1)
def _graph() -> Session:
    # One thread: a few dozen short series gain nothing from more, and frames need the cores.
    return open_session(GRAPH.read_bytes(), threads=1, name=GRAPH.name)
