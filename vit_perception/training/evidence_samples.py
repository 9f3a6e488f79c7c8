# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What T2-track learns from: candidates of windows of tracks, as other cameras would see them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vit_perception.tracking.evidence_window import (
    WINDOW_S,
    Window,
    candidates,
    logits,
    series,
)
from vit_perception.training.evidence_tracks import LabelTrack, weakened


class Samples(NamedTuple):
    """N candidates.

    Attributes:
        series: float32 [N, STEPS, CHANNELS].
        features: float32 [N, FEATURES].
        right: int64 [N], 1 where the candidate's name is true.
    """

    series: Tensor
    features: Tensor
    right: Tensor


def window_of(track: LabelTrack, now: float) -> tuple[Window, NDArray[np.int64]] | None:
    """Returns what was seen of a track in the window that ends `now`, and its names' labels.

    None: nothing was.
    """
    rows = np.flatnonzero((track.stamps > now - WINDOW_S) & (track.stamps <= now))
    if not len(rows):
        return None
    told = track.labels[rows]
    names = np.unique(told[told >= 0])
    scores = np.zeros((len(rows), len(names)), np.float32)
    row, column = np.nonzero(told >= 0)
    scores[row, np.searchsorted(names, told[row, column])] = track.scores[rows][row, column]
    frames = int(np.count_nonzero((track.frames > now - WINDOW_S) & (track.frames <= now)))
    window = Window(
        track.stamps[rows] - now, scores, track.boxes[rows], track.ranges[rows], frames
    )
    return window, names


def augmented(track: LabelTrack, rng: np.random.Generator) -> LabelTrack:
    """Returns a track as another detector, camera and rate might have seen it."""
    frames, stamps = track.frames, track.stamps
    if rng.random() < 0.7:
        # Bursts: whether a frame comes depends on the one before.
        share, sticky = rng.uniform(0.0, 0.8), rng.choice([0.0, 0.8])
        lost = np.zeros(len(frames), np.bool_)
        for number in range(len(frames)):
            keeps = number and rng.random() < sticky
            lost[number] = lost[number - 1] if keeps else rng.random() < share
        kept = ~np.isin(stamps, frames[lost])
        if rng.random() < 0.5:
            # The frame came, and the thing was not found in it.
            frames = frames[~lost]
        track = track.chosen(kept)
    rate = float(np.exp(rng.uniform(-0.5, 0.4)))
    jitter = rng.normal(0, 0.008, len(track.stamps))
    scores = track.scores.astype(np.float64)
    told = scores > 0
    heat, shift = float(np.exp(rng.normal(0, 0.2))), float(rng.normal(-0.2, 0.4))
    scores = np.where(told, 1 / (1 + np.exp(-(logits(scores) * heat + shift))), 0)
    return replace(
        track,
        stamps=np.sort(track.stamps / rate + jitter),
        frames=frames / rate,
        scores=scores.astype(np.float32),
        ranges=track.ranges * np.float32(rng.random() < 0.5),
    )


def draw_samples(
    tracks: Sequence[LabelTrack],
    count: int,
    seed: int,
    *,
    augment: Callable[[LabelTrack, np.random.Generator], LabelTrack] | None = augmented,
) -> Samples:
    """Returns the candidates of `count` windows drawn from tracks."""
    rng = np.random.default_rng([seed, 17])
    channels, features, right = [], [], []
    while count:
        track = tracks[int(rng.integers(len(tracks)))]
        track = track if augment is None else augment(track, rng)
        # As with a robot's thresholds, or with the lower ones of a thing that is followed.
        track = weakened(track, *((0.25, 0.05) if rng.random() < 0.5 else (0.1, 0.02)))
        if len(track.stamps) < 1:
            continue
        now = track.stamps[int(rng.integers(len(track.stamps)))] + rng.choice([0.0, 0.3])
        seen = window_of(track, float(now))
        if seen is None:
            continue
        window, names = seen
        chosen = candidates(window.scores)
        one, its = series(window, chosen)
        channels.append(one)
        features.append(np.repeat(its[None], len(chosen), axis=0))
        right.append(np.isin(names[chosen], track.right))
        count -= 1
    return Samples(
        torch.from_numpy(np.concatenate(channels)),
        torch.from_numpy(np.concatenate(features)),
        torch.from_numpy(np.concatenate(right).astype(np.int64)),
    )


def split(tracks: Sequence[LabelTrack], share: float) -> tuple[list[LabelTrack], list[LabelTrack]]:
    """Returns the tracks of most recordings, and those of a share of them."""
    recordings = sorted({track.names for track in tracks})
    last = {names for number, names in enumerate(recordings) if number % round(1 / share) == 0}
    parts: tuple[list[LabelTrack], list[LabelTrack]] = ([], [])
    for track in tracks:
        parts[track.names in last].append(track)
    return parts
