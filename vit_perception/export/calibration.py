# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes a score of 0.5 right half of the time, by two numbers in the weights.

Source: Platt scaling (Platt 1999), of which temperature scaling (Guo et al. 2017) is the part
without an offset. The order of detections stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from vit_perception.bundle.bundle import Bundle
from vit_perception.evaluation.dataset import Dataset
from vit_perception.evaluation.figures.matches import match_frames
from vit_perception.evaluation.samples.folder import FolderSequence
from vit_perception.evaluation.tuning.choice import Choice
from vit_perception.evaluation.tuning.looking import asking, look
from vit_perception.models.detectors.dosod import DOSOD
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.text.builder import VocabularyBuilder

LEAST_SCORE = 0.03
"""Of the detections that are fitted to: countless weaker ones would decide alone."""
FEWEST = 50
"""Right and false detections that a fit needs."""
_MOST = 100
"""Detections of a picture that are fitted to, COCO's limit."""
_FLAT = 1e-6
"""Weight of the penalty that keeps the fit finite where right and false are apart."""


class CalibrationError(ValueError):
    """Scores cannot be calibrated; one line."""


@dataclass(frozen=True)
class Calibration:
    """What a logit becomes: scale * logit + offset.

    Attributes:
        scale: inverse of the temperature, positive.
        offset: added to the logit.
    """

    scale: float = 1.0
    offset: float = 0.0

    def after(self, first: Calibration) -> Calibration:
        """Returns what both do, `first` before this one."""
        return Calibration(self.scale * first.scale, self.scale * first.offset + self.offset)

    def scores(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns calibrated scores."""
        logits = self.scale * _logits(scores) + self.offset
        calibrated: NDArray[np.float32] = (1 / (1 + np.exp(-logits))).astype(np.float32)
        return calibrated


@dataclass(frozen=True, eq=False)
class Judged:
    """Detections of a data set that were compared with its labels.

    Attributes:
        scores: float32 [N].
        right: bool [N], whether each finds an object of its name at IoU 0.5.
    """

    scores: NDArray[np.float32]
    right: NDArray[np.bool_]


def judged(
    bundle: Bundle,
    data: Dataset,
    *,
    text_encoder_dir: str | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Judged:
    """Looks at a labelled data set with a bundle, asked for its default names that the set has.

    The more alike the names, the more often a score is wrong: a robot asks for some plain ones.
    If the set has none of them, it is asked for all of the set.

    Args:
        bundle: with a live vocabulary; its graph fp32 is used.
        data: pictures in which all objects of the set's names are labelled.
        text_encoder_dir: see `VocabularyBuilder`.
        progress: called with the number of pictures looked at.

    Raises:
        EvaluationError: a picture cannot be read.
        VocabularyError, TextEncoderError, SessionError, PerceiverError: as the bundle is asked.
    """
    names = tuple(name for name in bundle.default_names if name in data.names) or data.names
    builder = VocabularyBuilder(bundle, text_encoder_dir=text_encoder_dir or "")
    perceiver = Perceiver(bundle, vocabulary=builder.build(names, 1))
    ask = asking(perceiver)(Choice(LEAST_SCORE, bundle.iou_threshold), _MOST)
    frames = look([FolderSequence(data)], names, ask, progress=progress).frames
    truths = [frame.truth for frame in frames if frame.truth is not None]
    matches = match_frames(truths, [frame.rows[0] for frame in frames], names)
    kept = ~matches.ignored
    return Judged(matches.scores[kept], matches.true[kept])


def fitted(sets: Sequence[Judged]) -> Calibration:
    """Returns the calibration under which what was judged is most likely.

    Each data set weighs the same, however many detections it has.

    Raises:
        CalibrationError: too few detections are right or false, or higher scores are not more
            often right.
    """
    scores = np.concatenate([each.scores for each in sets])
    right = np.concatenate([each.right for each in sets])
    if min(int(right.sum()), int((~right).sum())) < FEWEST:
        raise CalibrationError(
            f"calibration: expected {FEWEST} right and {FEWEST} false detections, found "
            f"{int(right.sum())} and {int((~right).sum())}"
        )
    weights = np.concatenate([np.full(len(s.scores), 1 / max(1, len(s.scores))) for s in sets])
    inputs = np.stack([_logits(scores), np.ones(len(scores))], axis=1)
    unchanged = np.array([1.0, 0.0])

    def loss(found: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits, away = inputs @ found, found - unchanged
        likely = weights @ (np.logaddexp(0, logits) - right * logits)
        slope = inputs.T @ (weights * (1 / (1 + np.exp(-logits)) - right))
        return float(likely + _FLAT / 2 * away @ away), slope + _FLAT * away

    scale, offset = minimize(loss, unchanged, jac=True, method="BFGS").x.tolist()
    if not scale > 0:
        raise CalibrationError(
            "calibration: expected higher scores to be more often right, found the opposite"
        )
    return Calibration(scale, offset)


@torch.no_grad()
def calibrate(model: DOSOD, calibration: Calibration) -> None:
    """Changes the contrast of each level so that its logits are calibrated."""
    for contrast in model.head.contrasts:
        contrast.logit_scale.add_(float(np.log(calibration.scale)))
        contrast.bias.copy_(calibration.scale * contrast.bias + calibration.offset)


def _logits(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = np.clip(scores.astype(np.float64), 1e-6, 1 - 1e-6)
    logits: NDArray[np.float64] = np.log(wide / (1 - wide))
    return logits
