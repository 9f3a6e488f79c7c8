# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What may change between two frames beside the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from vit_perception.vocabulary import Vocabulary
from vit_perception.wording import shown

# As many as pairs of box and name are looked at to measure hundreds of names at once (card 01).
_MAX_DETECTIONS = 30_000


class PerceiverError(ValueError):
    """A bundle, vocabulary or setting that the perceiver cannot serve; one line."""


@dataclass(frozen=True)
class Settings:
    """What may change between two frames beside the vocabulary.

    Attributes:
        score_threshold: 0..1; lower scores are dropped, before the graph's top-K.
        iou_threshold: 0..1; of two boxes that overlap more, the better one stays.
        max_detections: the best so many are kept, at least 1.
        class_agnostic_nms: boxes of different names suppress each other too.
        class_thresholds: name to its own score threshold; names that the vocabulary lacks
            are kept for a later one, see `unknown_threshold_names`.
        masks: decode instance masks, where the bundle has them.

    Raises:
        PerceiverError: a value outside its range.
    """

    score_threshold: float
    iou_threshold: float
    max_detections: int = 100
    class_agnostic_nms: bool = False
    class_thresholds: Mapping[str, float] = field(default_factory=dict)
    masks: bool = True

    def __post_init__(self) -> None:
        _check_fraction("score_threshold", self.score_threshold)
        _check_fraction("iou_threshold", self.iou_threshold)
        if not 1 <= self.max_detections <= _MAX_DETECTIONS:
            raise PerceiverError(
                f"max_detections: expected 1..{_MAX_DETECTIONS}, found {self.max_detections}"
            )
        for name, threshold in self.class_thresholds.items():
            _check_fraction(f"class_thresholds[{shown(name)}]", threshold)
        frozen = MappingProxyType(dict(self.class_thresholds))
        object.__setattr__(self, "class_thresholds", frozen)


def unknown_threshold_names(settings: Settings, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Names with a threshold of their own that the vocabulary does not have."""
    known = set(vocabulary.names)
    return tuple(name for name in settings.class_thresholds if name not in known)


def _check_fraction(what: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise PerceiverError(f"{what}: expected 0..1, found {shown(value)}")
