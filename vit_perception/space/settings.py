# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How things are placed in space, each setting declared once."""

from __future__ import annotations

from dataclasses import dataclass

from vit_perception.setting import keep_checked, setting
from vit_perception.space.noise import DepthNoise

SLOP = 0.02
"""Seconds by which the stamps of image and depth may differ where none are equal."""


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

    edge_pixels: int = setting(
        1,
        "Pixels along a mask's outline whose depth is not used, as it mixes the thing with what "
        "is behind it; the outline itself still counts. More for masks that reach too far.",
        live=True,
        minimum=0,
        maximum=20,
    )
    support_plane: bool = setting(
        True,
        "Whether the plane that things stand on is looked for. Boxes then stand on it; without "
        "one they lie along the principal axes of the visible surface.",
        live=True,
    )
    reach_support: bool = setting(
        False,
        "Whether boxes reach down to the support plane, also where their lower part is hidden.",
        live=True,
    )
    noise_base: float = setting(
        DepthNoise().base,
        "Standard deviation in metres of the depth camera's noise close to it.",
        live=True,
        minimum=0.0001,
        maximum=0.1,
    )
    noise_scale: float = setting(
        DepthNoise().scale,
        "How fast that noise grows with the square of the distance, in 1/m: 0.0025 for a "
        "RealSense D435, 0.002 for a Kinect.",
        live=True,
        minimum=0.0,
        maximum=0.1,
    )

    @property
    def noise(self) -> DepthNoise:
        """What the depth camera's distances scatter."""
        return DepthNoise(self.noise_base, self.noise_scale)

    def __post_init__(self) -> None:
        keep_checked(self)
