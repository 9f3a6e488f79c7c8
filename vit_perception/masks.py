# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Instance masks: stored as crops, decoded from prototypes for kept detections only.

A mask is a linear combination of prototypes, cut at 0 and cropped to its box: YOLACT (Bolya et
al., ICCV 2019), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.letterbox import Letterbox

# Source rows upsampled at once; so many fit into the CPU cache.
_STRIP = 64
# Limit for all crops of one image, in bytes: a hundred whole-image masks of 10 megapixels.
_MAX_PIXELS = 2**30


class MasksError(ValueError):
    """Masks were built or decoded from arrays that do not fit together; one line."""


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """N masks of one image, each stored as the part inside a rectangle.

    They take one byte per pixel of their rectangles, whatever the size of the image.

    Attributes:
        origins: int64 [N, 2], x y of each crop's top left pixel in the source image.
        crops: N times bool [h_i, w_i], True on the object; False everywhere outside the crop.
        height, width: of the source image in pixels.

    Raises:
        MasksError: a shape or type differs, or a crop does not lie in the image.
    """

    origins: NDArray[np.int64]
    crops: tuple[NDArray[np.bool_], ...]
    height: int
    width: int

    def __post_init__(self) -> None:
        expected = (len(self.crops), 2)
        if self.origins.dtype != np.int64 or self.origins.shape != expected:
            raise MasksError(
                f"origins: expected int64 {list(expected)}, "
                f"found {self.origins.dtype} {list(self.origins.shape)}"
            )
        for (x, y), crop in zip(self.origins.tolist(), self.crops, strict=True):
            if crop.dtype != np.bool_ or crop.ndim != 2:
                raise MasksError(
                    f"crops: expected bool [h, w], found {crop.dtype} {list(crop.shape)}"
                )
            right, bottom = x + crop.shape[1], y + crop.shape[0]
            if x < 0 or y < 0 or right > self.width or bottom > self.height:
                raise MasksError(
                    f"crops: expected them inside {self.width} x {self.height} px, "
                    f"found one at {x}..{right}, {y}..{bottom}"
                )

    def __len__(self) -> int:
        return len(self.crops)

    def one(self, index: int) -> NDArray[np.bool_]:
        """Returns mask `index` in the whole image: bool [H, W]."""
        mask = np.zeros((self.height, self.width), np.bool_)
        self._paste(index, mask)
        return mask

    def chosen(self, rows: NDArray[np.int64]) -> Masks:
        """Returns the masks of these rows, int64 [M], in their order."""
        crops = tuple(self.crops[row] for row in rows.tolist())
        return Masks(self.origins[rows], crops, self.height, self.width)

    def dense(self) -> NDArray[np.bool_]:
        """Returns all masks in the whole image: bool [N, H, W]; N * H * W bytes."""
        masks = np.zeros((len(self), self.height, self.width), np.bool_)
        for index, mask in enumerate(masks):
            self._paste(index, mask)
        return masks

    def areas(self) -> NDArray[np.int64]:
        """Returns the pixels of each mask: int64 [N]."""
        return np.array([np.count_nonzero(crop) for crop in self.crops], np.int64)

    def paint(self, values: NDArray[Any], onto: NDArray[Any]) -> None:
        """Writes a value for each mask, [N], onto [H, W], in place.

        The earlier mask owns a shared pixel: detections are ordered best first.
        """
        for index in reversed(range(len(self))):
            (x, y), crop = self.origins[index].tolist(), self.crops[index]
            onto[y : y + crop.shape[0], x : x + crop.shape[1]][crop] = values[index]

    def _paste(self, index: int, mask: NDArray[np.bool_]) -> None:
        (x, y), crop = self.origins[index].tolist(), self.crops[index]
        mask[y : y + crop.shape[0], x : x + crop.shape[1]] = crop


def decode(
    coefficients: NDArray[np.float32],
    prototypes: NDArray[np.float32],
    boxes: NDArray[np.float32],
    letterbox: Letterbox,
) -> Masks:
    """Decodes masks at source resolution, each only inside its box.

    Logits are interpolated bilinearly at the centres of the source's pixels; a pixel above 0 is
    True. Logits that are not finite count as background.

    Args:
        coefficients: float32 [N, P] of the kept detections.
        prototypes: float32 [P, h, w]; their map covers the network's input.
        boxes: float32 [N, 4], x1 y1 x2 y2 in pixels of the source image, inside it.
        letterbox: placement of the source image in the network's input.

    Returns:
        Masks whose crops are the pixels with their centre inside the box; a box without such a
        pixel has the pixel at its own centre.

    Raises:
        MasksError: the numbers of coefficients and prototypes differ, or the boxes have more
            than 2^30 pixels together.
    """
    if coefficients.shape[1] != len(prototypes):
        raise MasksError(
            f"mask coefficients: expected {len(prototypes)} a row, as there are prototypes, "
            f"found {coefficients.shape[1]}"
        )
    size = np.array([letterbox.source_width, letterbox.source_height])
    begins, ends = _pixels(boxes[:, :2], boxes[:, 2:], size)
    pixels = int((ends - begins).prod(axis=1).sum())
    if pixels > _MAX_PIXELS:
        raise MasksError(f"masks: expected at most {_MAX_PIXELS} px together, found {pixels}")
    columns, rows = _axes(letterbox, *prototypes.shape[1:])
    # Overflow is handled in _crop; suppress numpy's warnings.
    with np.errstate(over="ignore", invalid="ignore"):
        crops = tuple(
            _crop(row, prototypes, columns, rows, *begin, *end)
            for row, begin, end in zip(coefficients, begins.tolist(), ends.tolist(), strict=True)
        )
    return Masks(begins, crops, letterbox.source_height, letterbox.source_width)


@dataclass(frozen=True, slots=True, eq=False)
class _Interpolation:
    """Where the n pixels of one axis of the source lie among the prototypes' pixels.

    near: int64 [n], the last prototype pixel whose centre is not after the source pixel's.
    after: int64 [n], the next one, or the same at the end.
    share: float32 [n], 0..1, of the way from one to the other.
    """

    near: NDArray[np.int64]
    after: NDArray[np.int64]
    share: NDArray[np.float32]


# A camera's images and a network's maps keep their sizes.
@lru_cache(maxsize=8)
def _axes(letterbox: Letterbox, height: int, width: int) -> tuple[_Interpolation, _Interpolation]:
    """Returns the interpolation of columns and of rows, of a map of prototypes [height, width]."""
    columns = _interpolation(
        letterbox.source_width, letterbox.scale_x, letterbox.left, width, letterbox.width
    )
    rows = _interpolation(
        letterbox.source_height, letterbox.scale_y, letterbox.top, height, letterbox.height
    )
    return columns, rows


def _interpolation(
    source: int, scale: float, margin: int, prototypes: int, network: int
) -> _Interpolation:
    """Returns the interpolation of one axis; outside, the outermost prototype pixels repeat.

    Args:
        source, prototypes, network: pixels of the source image, the prototypes, the input.
        scale: network pixels per source pixel.
        margin: network pixels before the image.
    """
    # The centre of pixel i lies at i + 0.5, in all three.
    centres = (np.arange(source) + 0.5) * scale + margin
    places = np.clip(centres * (prototypes / network) - 0.5, 0, prototypes - 1)
    near = places.astype(np.int64)
    after = np.minimum(near + 1, prototypes - 1)
    return _Interpolation(near, after, (places - near).astype(np.float32))


def _pixels(
    low: NDArray[np.float32], high: NDArray[np.float32], size: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns first pixel and the one after the last, [N, 2] x y, of corners in pixels, [N, 2]."""
    begins = np.ceil(low - 0.5).astype(np.int64)
    ends = np.ceil(high - 0.5).astype(np.int64)
    middle = np.minimum(((low + high) / 2).astype(np.int64), size - 1)
    thin = ends <= begins
    begins = np.where(thin, middle, begins)
    return begins, np.where(thin, begins + 1, ends)


def _crop(
    coefficients: NDArray[np.float32],
    prototypes: NDArray[np.float32],
    columns: _Interpolation,
    rows: _Interpolation,
    left: int,
    top: int,
    right: int,
    bottom: int,
) -> NDArray[np.bool_]:
    """Returns one mask, bool [bottom - top, right - left], of coefficients [P].

    BLAS is not used: its threads cost more than these small products, and a busy robot would
    wait for its slowest core.
    """
    near_x, after_x = columns.near[left:right], columns.after[left:right]
    near_y, after_y = rows.near[top:bottom], rows.after[top:bottom]
    first_x, first_y = int(near_x[0]), int(near_y[0])
    # Only the prototype pixels around the box are needed.
    window = np.s_[:, first_y : int(after_y[-1]) + 1, first_x : int(after_x[-1]) + 1]
    near_x, after_x, near_y = near_x - first_x, after_x - first_x, near_y - first_y
    share_x, share_y = columns.share[left:right], rows.share[top:bottom]
    logits = np.einsum("p,phw->hw", coefficients, prototypes[window])
    if not np.isfinite(logits).all():
        logits[~np.isfinite(logits)] = -1
    wide = logits.take(after_x, axis=1)
    before = logits.take(near_x, axis=1)
    wide -= before
    wide *= share_x
    wide += before
    # A pixel's logit is a - b with b = share * fall; a > b saves a pass.
    fall = np.zeros_like(wide)
    np.subtract(wide[:-1], wide[1:], out=fall[:-1])
    crop = np.empty((len(near_y), len(near_x)), np.bool_)
    a, b = np.empty((2, min(_STRIP, len(crop)), len(near_x)), np.float32)
    for begin in range(0, len(crop), _STRIP):
        near = near_y[begin : begin + _STRIP]
        count = len(near)
        # Without a mode, numpy buffers its output.
        wide.take(near, axis=0, out=a[:count], mode="clip")
        fall.take(near, axis=0, out=b[:count], mode="clip")
        b[:count] *= share_y[begin : begin + _STRIP, None]
        np.greater(a[:count], b[:count], out=crop[begin : begin + _STRIP])
    return crop
