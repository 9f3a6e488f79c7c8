# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How things are followed over time, each setting declared once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vit_perception.setting import keep_checked, setting

LABEL_EVIDENCE = ("none", "average", "transformer")
"""What can decide the name of a thing over time, see `tracking.evidence`."""


@dataclass(frozen=True)
class TrackingSettings:
    """What may change between two frames.

    Raises:
        SettingError: a value outside its range.
    """

    tracking: bool = setting(
        False,
        "Follow things from frame to frame: the `id` of a detection is the same as long as it is "
        "the same thing, and empty until that is confirmed. Ids are never used again while the "
        "node runs.",
        live=True,
    )
    track_memory: float = setting(
        2.0,
        "Seconds that a thing may be out of sight and keep its id. When stamps go back, or on "
        "by more than this and more than a second, all things get new ids.",
        live=True,
        minimum=0.0,
        maximum=60.0,
    )
    track_min_hits: int = setting(
        2,
        "Frames in a row in which a thing has to be seen before it gets an id. 1: it has one at "
        "once.",
        live=True,
        minimum=1,
        maximum=100,
    )
    track_low_score: float = setting(
        0.1,
        "While tracking, a detection below its threshold, but not below this, is published if a "
        "thing with an id is seen in it: with its id, and with the low score. It never begins an "
        "id. 1: only detections above their threshold are published.",
        live=True,
        minimum=0.0,
        maximum=1.0,
    )

    label_evidence: str = setting(
        "none",
        "While tracking, what decides the name of a thing with an id: 'none', each frame alone; "
        "'average', a moving average of the scores of its best names over about a second; "
        "'transformer', a network that judges the last three seconds of each of these names, and "
        "whose score is the probability that the name is true. A thing then has one box, whatever "
        "class_agnostic_nms says.",
        live=True,
        choices=LABEL_EVIDENCE,
    )
    label_certainty: float = setting(
        0.55,
        "With label_evidence 'transformer', a thing whose name is less probable than this is told "
        "as 'unknown', with that probability. 0: every thing has its most probable name.",
        live=True,
        minimum=0.0,
        maximum=1.0,
    )

    @property
    def weak_score(self) -> float | None:
        """The least score of what a tracker looks at; None without tracking."""
        return self.track_low_score if self.tracking else None

    @property
    def name_scores(self) -> bool:
        """Whether a detector has to tell the next best names of each box."""
        return self.tracking and self.label_evidence != "none"

    @property
    def asked(self) -> dict[str, Any]:
        """What a detector's settings have to be for it, by their names."""
        return {"weak_score": self.weak_score, "name_scores": self.name_scores}

    def __post_init__(self) -> None:
        keep_checked(self)
