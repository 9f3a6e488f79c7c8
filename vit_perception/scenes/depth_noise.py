# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What depth cameras make of exact depth: noise, steps and holes, after published figures.

A pixel's depth is triangulated from a disparity d = focal * baseline / z. Its error along the
axis, the steps of d and the size of the matching window are of the sensor; the occlusion shadow
follows from the geometry. Mallick, Das, Majumdar, "Characterizations of noise in Kinect depth
images: a review", IEEE Sensors Journal 2014, names these kinds of noise.

All noise is drawn anew in each frame. A part of a real camera's error stays the same as long as
nothing moves; that part is harder to average away here, and does not bias.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_EDGE_PX = 1.0
"""A jump of disparity within a pixel's neighbours that breaks the matching window, px."""
_UNIT_M = 0.001
"""Drivers deliver millimetres."""


@dataclass(frozen=True, slots=True)
class DepthSensor:
    """A triangulating depth camera, whose depth is registered to another camera's picture.

    Attributes:
        nearest, farthest: metres along the axis; nothing is measured outside.
        baseline: metres between the two imagers, or imager and projector; the second one is to
            the right.
        focal: pixels of the sensor's own depth image. Other pixels below are of that image too.
        step: of disparity, pixels.
        floor, growth, start: axial sigma = floor + growth * (z - start)^2, metres.
        slant: times theta^2 / (pi/2 - theta)^2 / sqrt(z), added to it; theta is the angle between
            ray and surface normal.
        lateral, lateral_slant: lateral sigma = lateral + lateral_slant * theta / (pi/2 - theta),
            pixels.
        window: side of the matching window, pixels; errors within it are alike.
        edge_holes: share of the pixels at an edge that get no depth. The others lie between the
            two sides.
        most_degrees: theta above which nothing is measured.
    """

    nearest: float
    farthest: float
    baseline: float
    focal: float
    step: float
    floor: float
    growth: float
    start: float
    slant: float
    lateral: float
    lateral_slant: float
    window: int
    edge_holes: float
    most_degrees: float

    def axial_sigma(self, depth: np.ndarray, angle: np.ndarray) -> np.ndarray:
        """Returns the standard deviation along the axis, steps included, metres.

        `depth` in metres, `angle` in radians, of one shape.
        """
        away = np.minimum(angle, np.radians(self.most_degrees))
        slant = self.slant / np.sqrt(depth) * (away / (np.pi / 2 - away)) ** 2
        sigma: np.ndarray = self.floor + self.growth * (depth - self.start) ** 2 + slant
        return sigma

    def lateral_sigma(self, angle: np.ndarray) -> np.ndarray:
        """Returns the standard deviation across the axis in the sensor's own pixels."""
        away = np.minimum(angle, np.radians(self.most_degrees))
        sigma: np.ndarray = self.lateral + self.lateral_slant * away / (np.pi / 2 - away)
        return sigma

    def measure(
        self, depth: np.ndarray, intrinsics: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Returns what the sensor would measure.

        Args:
            depth: exact, float32 [H,W] metres along the axis; not finite or <= 0: nothing there.
            intrinsics: float64 [3,3] of the picture that the depth is registered to.
            rng: the same one gives the same depth.

        Returns:
            float32 [H,W] metres in steps of a millimetre; NaN: not measured.
        """
        focal = float(intrinsics[0, 0])
        there = np.isfinite(depth) & (depth > 0)
        inverse = np.where(there, 1 / np.where(there, depth, 1.0), 0.0).astype(np.float32)
        along_x, along_y = slopes(inverse)
        angle = surface_angles(inverse, along_x, along_y, intrinsics)
        shadow = _shadow(inverse * np.float32(focal * self.baseline))
        # Sides of the window in pixels of this picture.
        side = max(round(self.window * focal / self.focal), 1)
        spread = (self.lateral_sigma(angle) * focal / self.focal).astype(np.float32)
        rows, columns = np.indices(depth.shape, dtype=np.float32)
        right, down = (spread * _alike(depth.shape, side, rng) for _ in range(2))
        # Between the two sides of an edge: pixels that hang in the air.
        moved = cv2.remap(
            inverse, columns + right, rows + down, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE
        )
        # Within a slanted surface the axial sigma holds the lateral one's share.
        moved = moved - along_x * right - along_y * down
        there &= moved > 0
        metres = 1 / np.where(there, moved, 1.0)
        scale = self.focal * self.baseline
        disparity = scale / metres
        sigma = self.axial_sigma(metres, angle) * scale / metres**2
        # The published sigma holds the steps' share.
        sigma = np.sqrt(np.maximum(sigma**2 - self.step**2 / 12, 0))
        noisy = disparity + sigma * _alike(depth.shape, side, rng)
        steps = np.maximum(np.round(noisy / self.step), 1)
        measured = np.round(scale / (steps * self.step) / _UNIT_M) * _UNIT_M
        edge = _jumps(disparity.astype(np.float32)) > _EDGE_PX
        broken = edge & (_uniform(_alike(depth.shape, side, rng)) < self.edge_holes)
        holes = (
            ~there
            | shadow
            | broken
            | (angle > np.radians(self.most_degrees))
            | (measured < self.nearest)
            | (measured > self.farthest)
        )
        return np.where(holes, np.nan, measured).astype(np.float32)


D435 = DepthSensor(
    nearest=0.195,
    farthest=10.0,
    baseline=0.05,
    focal=424.0,
    step=1 / 32,
    floor=0.0,
    growth=0.08 / (424.0 * 0.05),
    start=0.0,
    slant=0.0,
    lateral=0.8,
    lateral_slant=0.035,
    window=7,
    edge_holes=0.5,
    most_degrees=80.0,
)
"""Intel RealSense D435 at 848 x 480.

Axial: RMS = subpixel * z^2 / (focal * baseline) with a subpixel RMS of 0.08, a baseline of 50 mm
and 90 degrees over 848 pixels (Grunnet-Jepsen, Sweetser, Woodfill, "Best-known-methods for tuning
Intel RealSense D400 depth cameras for best performance"): 3.8 mm at 1 m. Steps of 1/32 pixel
(Grunnet-Jepsen et al., "Subpixel linearity improvement for Intel RealSense D400"). Window:
7 x 7, of the R200, the family's earlier member (Keselman, Woodfill, Grunnet-Jepsen, Bhowmik,
"Intel RealSense stereoscopic depth cameras", CVPRW 2017). Nearest: data sheet 337029. Lateral
noise: the Kinect's, in pixels; `edge_holes` and `most_degrees` are assumed.
"""

KINECT = DepthSensor(
    nearest=0.4,
    farthest=4.5,
    baseline=0.075,
    focal=580.0,
    step=1 / 8,
    floor=0.0012,
    growth=0.0019,
    start=0.4,
    slant=0.0001,
    lateral=0.8,
    lateral_slant=0.035,
    window=9,
    edge_holes=0.5,
    most_degrees=80.0,
)
"""Microsoft Kinect (the first, structured light).

Axial and lateral: Nguyen, Izadi, Lovell, "Modeling Kinect sensor noise for improved 3D
reconstruction and tracking", 3DIMPVT 2012, sections 2.3 and 2.4 (0.4 m is the near end of what
they measured). Steps of 1/8 pixel, which is 2.9 mm at 1 m: Khoshelham, Elberink, "Accuracy and
resolution of Kinect depth data for indoor mapping applications", Sensors 2012. Window 9 x 9:
Konolige, Mihelich, "Technical description of Kinect calibration", ROS wiki. `edge_holes` and
`most_degrees` are assumed.
"""

SENSORS = {"d435": D435, "kinect": KINECT}


def slopes(inverse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns how one over the depth [H,W] grows from column to column and from row to row.

    On a plane it is linear in the pixels, so this is exact there; next to an edge the smaller of
    the slopes to both sides is used.
    """
    return _slope(inverse, 1), _slope(inverse, 0)


def surface_angles(
    inverse: np.ndarray, along_x: np.ndarray, along_y: np.ndarray, intrinsics: np.ndarray
) -> np.ndarray:
    """Returns the angles between rays and surface normals, radians, float64 [H,W].

    `inverse` is one over the depth [H,W], 1/metres, `along_x` and `along_y` its `slopes`.
    """
    height, width = inverse.shape
    values = np.asarray(inverse, np.float64)
    a, b = along_x * intrinsics[0, 0], along_y * intrinsics[1, 1]
    x = (np.arange(width) - intrinsics[0, 2]) / intrinsics[0, 0]
    y = ((np.arange(height) - intrinsics[1, 2]) / intrinsics[1, 1])[:, None]
    c = values - a * x - b * y
    lengths = np.sqrt((a * a + b * b + c * c) * (x * x + y * y + 1))
    cosine = values / np.where(lengths > 0, lengths, 1.0)
    angles: np.ndarray = np.arccos(np.clip(cosine, 0, 1))
    return angles


def _slope(values: np.ndarray, axis: int) -> np.ndarray:
    steps = np.diff(values, axis=axis)
    pad = [(0, 0), (0, 0)]
    pad[axis] = (0, 1)
    ahead = np.pad(steps, pad, mode="edge")
    pad[axis] = (1, 0)
    behind = np.pad(steps, pad, mode="edge")
    return np.where(np.abs(ahead) < np.abs(behind), ahead, behind)


def _shadow(shift: np.ndarray) -> np.ndarray:
    """Returns what the second imager does not see: bool [H,W].

    `shift` float [H,W] is the disparity in pixels of this picture. A point is hidden if one to
    its right lies as far left, or farther, in the second image.
    """
    place = np.arange(shift.shape[1], dtype=np.float32) - shift
    lowest = np.minimum.accumulate(place[:, ::-1], axis=1)[:, ::-1]
    hidden = np.zeros(shift.shape, bool)
    hidden[:, :-1] = place[:, :-1] >= lowest[:, 1:]
    return hidden


def _alike(shape: tuple[int, ...], side: int, rng: np.random.Generator) -> np.ndarray:
    """Returns unit normal noise float32 [H,W] that is the mean over windows of `side` pixels."""
    height, width = shape
    white = rng.standard_normal((height + side, width + side), dtype=np.float32)
    mean = cv2.blur(white, (side, side))
    return np.asarray(mean[side // 2 :, side // 2 :][:height, :width] * side, np.float32)


def _uniform(normal: np.ndarray) -> np.ndarray:
    """Turns unit normal numbers into uniform ones in 0..1."""
    # A logistic curve is within 0.01 of the normal distribution's.
    return np.asarray(1 / (1 + np.exp(-1.702 * normal)))


def _jumps(values: np.ndarray) -> np.ndarray:
    around = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.dilate(values, around) - cv2.erode(values, around))
