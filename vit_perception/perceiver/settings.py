# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The settings of a Perceiver, each declared once.

Nodes, the command line and the manual read these declarations. Needs no numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Real
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from vit_perception.setting import SettingError, keep_checked, setting
from vit_perception.wording import shown

if TYPE_CHECKING:
    from vit_perception.bundle.bundle import Bundle
    from vit_perception.perceiver.region import Region
    from vit_perception.vocabulary import Vocabulary

BUNDLE_DEFAULT = -1.0
"""The value of a threshold that means: the one written in the bundle."""

AUTO = "auto"
"""The precision and the provider that mean: the fastest on this machine."""

BF16 = "bf16"
"""The precision whose graph is the float one, computed in bfloat16; see `open_session`."""

GRAPH_ROWS = 300
"""Pairs of box and name that a graph gives (top-K), unless it was exported with another number."""


class PerceiverError(ValueError):
    """A bundle, vocabulary or setting that the perceiver cannot serve; one line."""


def _threshold(description: str) -> Any:
    return setting(
        BUNDLE_DEFAULT,
        description,
        live=True,
        minimum=0.0,
        maximum=1.0,
        special=BUNDLE_DEFAULT,
        special_meaning="the bundle's own",
    )


def _check_declared(settings: object) -> None:
    """Checks and keeps declared settings, see `keep_checked`.

    Raises:
        PerceiverError: a value of another type or outside its range.
    """
    try:
        keep_checked(settings)
    except SettingError as error:
        raise PerceiverError(str(error)) from None


@dataclass(frozen=True)
class EngineSettings:
    """What runs the network; read when a Perceiver is made.

    Raises:
        PerceiverError: a value outside its range.
    """

    precision: str = setting(
        "fp32",
        "Which graph of the bundle runs, e.g. 'fp32' or 'int8'; 'bf16' needs the provider "
        "'openvino' and a CPU that has it. 'auto': the fastest here of fp32 "
        "and of those whose measured quality passed; what was measured is kept for the next time. "
        "After a change on a node the old one runs until the new one has been opened.",
        live=True,
    )
    provider: str = setting(
        "cpu",
        "What runs the graph: 'cpu', 'cuda', 'tensorrt', 'openvino' (the package openvino, on the "
        "CPU) or the name of an ONNX Runtime execution provider. One that is not there is "
        "refused. 'auto': the fastest here of those with a short name that are installed.",
        live=True,
    )
    threads: int = setting(
        0,
        "Threads of the engine. 0: one for each physical core that the process may use, and no "
        "more than its CPU quota has cores.",
        at_configure=True,
        minimum=0,
        maximum=256,
    )

    def __post_init__(self) -> None:
        _check_declared(self)


@dataclass(frozen=True)
class Settings:
    """What may change between two frames beside the vocabulary.

    Attributes:
        class_thresholds: name to its own score threshold, 0..1; names that the vocabulary lacks
            are kept for a later one, see `unknown_threshold_names`.
        region: the part of the image that is looked at; None for all of it.
        weak_score: detections below their threshold are returned too, down to this score, for a
            tracker; None: none are.
        name_scores: whether detections carry the scores of their next best names. A thing then
            has one box, under its best name, whatever `class_agnostic_nms` says.

    Raises:
        PerceiverError: a value outside its range.
    """

    score_threshold: float = _threshold(
        "Detections with a lower score are left out. -1: the bundle's own threshold."
    )
    iou_threshold: float = _threshold(
        "Of two boxes of one name that overlap more than this (intersection over union), the "
        "one with the lower score is left out. -1: the bundle's own threshold."
    )
    max_detections: int = setting(
        100,
        "At most so many detections per frame, best first. A graph gives as many as it was "
        f"exported with, {GRAPH_ROWS} by default.",
        live=True,
        minimum=1,
        # As many as pairs of box and name are looked at to measure hundreds of names at once
        # (card 01).
        maximum=30_000,
    )
    class_agnostic_nms: bool = setting(
        False, "Apply iou_threshold to boxes of different names as well.", live=True
    )
    masks: bool = setting(
        True,
        "Decode instance masks, where the bundle has them, for ~/instances, ~/semantic and "
        "~/overlay.",
        live=True,
    )
    class_thresholds: Mapping[str, float] = field(default_factory=dict)
    region: Region | None = None
    weak_score: float | None = None
    name_scores: bool = False

    def __post_init__(self) -> None:
        _check_declared(self)
        if not isinstance(self.class_thresholds, Mapping):
            raise PerceiverError(
                f"class_thresholds: expected a mapping, found {shown(self.class_thresholds)}"
            )
        for name, threshold in self.class_thresholds.items():
            # A NaN is in no range.
            if not (isinstance(threshold, Real) and 0 <= threshold <= 1):
                raise PerceiverError(
                    f"class_thresholds[{shown(name)}]: expected 0 to 1, found {shown(threshold)}"
                )
        if self.region is not None and not hasattr(self.region, "of"):
            raise PerceiverError(f"region: expected a Region, found {shown(self.region)}")
        weak = self.weak_score
        if weak is not None and not (isinstance(weak, Real) and 0 <= weak <= 1):
            raise PerceiverError(f"weak_score: expected 0 to 1, found {shown(weak)}")
        frozen = MappingProxyType(dict(self.class_thresholds))
        object.__setattr__(self, "class_thresholds", frozen)

    def resolved(self, bundle: Bundle) -> Settings:
        """Returns the same with the bundle's thresholds in place of BUNDLE_DEFAULT."""
        given = {
            name: getattr(bundle, name)
            for name in ("score_threshold", "iou_threshold")
            if getattr(self, name) == BUNDLE_DEFAULT
        }
        return replace(self, **given) if given else self


def unknown_threshold_names(settings: Settings, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Returns the names with a threshold of their own that the vocabulary does not have."""
    known = set(vocabulary.names)
    return tuple(name for name in settings.class_thresholds if name not in known)
