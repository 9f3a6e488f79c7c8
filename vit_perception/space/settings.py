# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How things are placed in space, each setting declared once."""

from __future__ import annotations

from dataclasses import dataclass

from vit_perception.setting import checked, setting, settings_of


@dataclass(frozen=True)
class SpaceSettings:
    """What may change between two frames.

    Raises:
        SettingError: a value outside its range.
    """

    min_points: int = setting(
        30,
        "Pixels with a usable depth that a detection needs to get a place in space.",
        live=True,
        minimum=4,
        maximum=1_000_000,
    )
    max_range: float = setting(
        4.0,
        "Metres along the optical axis beyond which depth is not used.",
        live=True,
        minimum=0.1,
        maximum=100.0,
    )

    def __post_init__(self) -> None:
        for name, declared in settings_of(type(self)).items():
            object.__setattr__(self, name, checked(declared, getattr(self, name)))
