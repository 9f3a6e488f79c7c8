# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How far a depth camera's distances scatter."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DepthNoise:
    """Standard deviation of a distance z along the optical axis: base + scale z².

    A stereo camera finds a match up to a part s of a pixel, so its error is z² s / (f B) for a
    focal length of f pixels and a baseline B (Intel, "Tuning depth cameras for best performance",
    BKM of the D400 series). The default is a RealSense D435: s = 0.08, f = 640 at 1280 x 720,
    B = 50 mm, and a millimetre of quantization and edges. A Kinect v1 has less
    (0.0012 + 0.0019 (z - 0.4)²: Nguyen, Izadi and Lovell, 3DIMPVT 2012).

    Attributes:
        base: metres.
        scale: 1 / metre.
    """

    base: float = 0.001
    scale: float = 0.0025

    def sigma(self, z: float) -> float:
        """Returns the standard deviation at a distance, both in metres."""
        return self.base + self.scale * z * z
