# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Things that look like one another but from one side: tracks for card 17's learning test."""

from __future__ import annotations

import numpy as np

from vit_perception.training.evidence_tracks import LabelTrack

NAMES = tuple("abcdefgh")
"""Four pairs: a and b, c and d, e and f, g and h."""
SECTOR = np.radians(110)
"""From which a pair can be told apart."""
SECONDS = 3.0


def tracks(count: int, seed: int, *, rate: float = 15.0, dropped: float = 0.5) -> list[LabelTrack]:
    """Things seen by a camera whose angle walks at random; frames are lost in bursts."""
    rng = np.random.default_rng(seed)
    made = []
    while len(made) < count:
        true = int(rng.integers(len(NAMES)))
        frames = np.arange(round(SECONDS * rate)) / rate
        angle = (
            rng.uniform(0, 2 * np.pi) + rng.normal(0, 1.6 / np.sqrt(rate), len(frames)).cumsum()
        )
        side = np.abs((angle - (true // 2) * np.pi / 2 + np.pi) % (2 * np.pi) - np.pi)
        clear = side < SECTOR / 2
        # Elsewhere the detector takes the thing for either one, and stays with it for a while.
        whim = _wander(rng, len(frames), 0.9, rate) * 0.9
        logit = rng.normal(-3.0, 0.5, (len(frames), len(NAMES)))
        noise = rng.normal(0, 0.5, (len(frames), 2))
        logit[:, true] = np.where(clear, 1.3, -0.4 + whim) + noise[:, 0]
        logit[:, true ^ 1] = np.where(clear, -1.0, -0.4 - whim) + noise[:, 1]
        kept = _bursts(rng, len(frames), dropped)
        if kept.sum() < 2:
            continue
        order = np.argsort(-logit, axis=1)[:, :5]
        scores = np.take_along_axis(1 / (1 + np.exp(-logit)), order, axis=1)
        told = scores >= 0.05
        corner = np.tile(np.float32([0.4, 0.4, 0.6, 0.6]), (len(frames), 1))
        whole = LabelTrack(
            NAMES,
            (true,),
            frames,
            corner,
            np.zeros(len(frames), np.float32),
            np.where(told, order, -1),
            np.where(told, scores, 0).astype(np.float32),
            frames,
        )
        made.append(whole.chosen(kept))
    return made


def thinned(track: LabelTrack) -> LabelTrack:
    """Every second frame of a track, as at half the rate."""
    every_second = track.frames[::2]
    kept = np.isin(track.stamps, every_second)
    rows = track.chosen(kept if kept.any() else np.arange(1))
    return LabelTrack(
        rows.names, rows.right, rows.stamps, rows.boxes, rows.ranges, rows.labels, rows.scores,
        every_second,
    )  # fmt: skip


def _wander(rng: np.random.Generator, count: int, seconds: float, rate: float) -> np.ndarray:
    keeps = np.exp(-1 / (seconds * rate))
    steps = rng.normal(0, 1, count)
    for number in range(1, count):
        steps[number] = keeps * steps[number - 1] + np.sqrt(1 - keeps**2) * steps[number]
    return steps


def _bursts(rng: np.random.Generator, count: int, dropped: float) -> np.ndarray:
    kept = np.zeros(count, np.bool_)
    for number in range(count):
        stays = number and rng.random() < 0.7
        kept[number] = kept[number - 1] if stays else rng.random() >= dropped
    return kept
