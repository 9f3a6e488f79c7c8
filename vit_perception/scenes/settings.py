# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of a rendered scene: arrangements, cameras, light, and the objects in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

from vit_perception.scenes.catalogue import Asset

ARRANGEMENTS = ("scattered", "pile", "stack", "bin", "shelf")
CAMERAS = ("d435", "d455", "d405_wrist", "webcam", "overhead", "phone_close")


def _default_arrangements() -> dict[str, float]:
    return {"scattered": 0.35, "pile": 0.25, "stack": 0.1, "bin": 0.15, "shelf": 0.15}


def _default_cameras() -> dict[str, float]:
    return {
        "d435": 0.3,
        "d455": 0.1,
        "d405_wrist": 0.15,
        "webcam": 0.15,
        "overhead": 0.1,
        "phone_close": 0.2,
    }


@dataclass(frozen=True, slots=True)
class Choice:
    """The objects of a scene; the first `shown` must be seen well in every view.

    Seen well: wholly in the picture, a visible fraction of 0.7 or more. Raises ValueError if
    `shown` is not between 0 and the number of objects.
    """

    assets: tuple[Asset, ...]
    shown: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.shown <= len(self.assets):
            raise ValueError(f"shown: expected 0 to {len(self.assets)}, found {self.shown}")


@dataclass(frozen=True, slots=True)
class SceneSettings:
    """Weights and shares for drawing scenes; weights need not add up to one.

    `arrangements`: weight of each of ARRANGEMENTS. `views`: pictures per scene. `distractors`:
    mean number of unnamed objects. `hard_light`: share of pictures in hard light, 0 to 1.
    `cameras`: weight of each of CAMERAS. `depth`, `class_maps`: whether pictures have these.
    Raises ValueError, one line, for unknown names and impossible numbers.
    """

    arrangements: Mapping[str, float] = field(default_factory=_default_arrangements)
    views: int = 20
    distractors: float = 0.0
    hard_light: float = 0.2
    cameras: Mapping[str, float] = field(default_factory=_default_cameras)
    depth: bool = True
    class_maps: bool = False

    def __post_init__(self) -> None:
        _check_weights("arrangements", self.arrangements, ARRANGEMENTS)
        _check_weights("cameras", self.cameras, CAMERAS)
        if self.views < 1:
            raise ValueError(f"views: expected 1 or more, found {self.views}")
        if not 0 <= self.distractors <= 50:
            raise ValueError(f"distractors: expected 0 to 50, found {self.distractors}")
        if not 0 <= self.hard_light <= 1:
            raise ValueError(f"hard_light: expected 0 to 1, found {self.hard_light}")


def _check_weights(name: str, weights: Mapping[str, float], known: tuple[str, ...]) -> None:
    unknown = sorted(set(weights) - set(known))
    if unknown:
        raise ValueError(f"{name}: expected {', '.join(known)}, found {', '.join(unknown)}")
    wrong = [key for key, weight in weights.items() if not (isfinite(weight) and weight >= 0)]
    if wrong:
        raise ValueError(f"{name}: expected weights of 0 or more, found {weights[wrong[0]]}")
    if sum(weights.values()) <= 0:
        raise ValueError(f"{name}: expected a sum of weights above 0, found 0")
