# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Instance masks: kept as crops, decoded from prototypes for the detections that stay.

A mask is a linear combination of prototypes, cut at 0 and cropped to its box: YOLACT (Bolya et
al., ICCV 2019), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vit_perception.letterbox import Letterbox

# Source rows upsampled at once: so many stay in the cache.
_STRIP = 64
# Bytes of all crops of one image: whole-image masks of a hundred names on a 10 MP photograph.
_MAX_PIXELS = 2**30


class MasksError(ValueError):
    """Masks were built or decoded from arrays that do not fit together; one line."""


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """N masks of one image, each kept as the part of it inside a rectangle.

    They take one byte a pixel of their rectangles; the image's size costs nothing.

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
        """Mask `index` in the whole image: bool [H, W]."""
        mask = np.zeros((self.height, self.width), np.bool_)
        self._paste(index, mask)
        return mask

    def dense(self) -> NDArray[np.bool_]:
        """All masks in the whole image: bool [N, H, W]; N * H * W bytes."""
        masks = np.zeros((len(self), self.height, self.width), np.bool_)
        for index, mask in enumerate(masks):
            self._paste(index, mask)
        return masks

    def areas(self) -> NDArray[np.int64]:
        """Pixels of each mask: int64 [N]."""
        return np.array([np.count_nonzero(crop) for crop in self.crops], np.int64)

    def _paste(self, index: int, mask: NDArray[np.bool_]) -> None:
        (x, y), crop = self.origins[index].tolist(), self.crops[index]
        mask[y : y + crop.shape[0], x : x + crop.shape[1]] = crop


def decode(
    coefficients: NDArray[np.float32],
    prototypes: NDArray[np.float32],
    boxes: NDArray[np.float32],
    letterbox: Letterbox,
) -> Masks:
    """Masks at source resolution, each computed only inside its box.

    The logits of a mask are interpolated bilinearly at the centres of the source's pixels, and
    are True above 0. What is not finite among the logits counts as background.

    Args:
        coefficients: float32 [N, P] of the detections that are kept.
        prototypes: float32 [P, h, w]; their map covers the network's input.
        boxes: float32 [N, 4], x1 y1 x2 y2 in pixels of the source image, inside it.
        letterbox: how the source image was laid into the network's input.

    Returns:
        Masks whose crops are the pixels with their centre in the box; a box that holds no
        centre has the pixel around its own.

    Raises:
        MasksError: the number of coefficients and of prototypes differ, or the boxes hold more
            pixels together than memory is taken for, 2^30.
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
    _, height, width = prototypes.shape
    columns = _interpolation(
        letterbox.source_width, letterbox.scale_x, letterbox.left, width, letterbox.width
    )
    rows = _interpolation(
        letterbox.source_height, letterbox.scale_y, letterbox.top, height, letterbox.height
    )
    # A broken network's overflows are dealt with below and are no news for a robot's log.
    with np.errstate(over="ignore", invalid="ignore"):
        crops = tuple(
            _crop(row, prototypes, columns.part(left, right), rows.part(top, bottom))
            for row, (left, top), (right, bottom) in zip(
                coefficients, begins.tolist(), ends.tolist(), strict=True
            )
        )
    return Masks(begins, crops, letterbox.source_height, letterbox.source_width)


@dataclass(frozen=True, slots=True, eq=False)
class _Interpolation:
    """Where the n pixels of a stretch of one axis of the source lie among the prototypes' pixels.

    near: int64 [n], the last prototype pixel whose centre is not after the source pixel's.
    after: int64 [n], the next one, or the same at the end.
    share: float32 [n], 0..1, of the way from one to the other.
    """

    near: NDArray[np.int64]
    after: NDArray[np.int64]
    share: NDArray[np.float32]

    def part(self, begin: int, end: int) -> tuple[slice, _Interpolation]:
        """Of the source pixels begin..end - 1: the prototype pixels needed, and among those."""
        near, after = self.near[begin:end], self.after[begin:end]
        first = int(near[0])
        window = slice(first, int(after[-1]) + 1)
        return window, _Interpolation(near - first, after - first, self.share[begin:end])


def _interpolation(
    source: int, scale: float, margin: int, prototypes: int, network: int
) -> _Interpolation:
    """Of a whole axis; the outermost prototype pixels go on outside.

    Args:
        source, prototypes, network: pixels of the source image, the prototypes, the input.
        scale: network pixels per source pixel.
        margin: network pixels before the image.
    """
    # The centre of pixel i lies at i + 0.5, in each of the three.
    centres = (np.arange(source) + 0.5) * scale + margin
    places = np.clip(centres * (prototypes / network) - 0.5, 0, prototypes - 1)
    near = places.astype(np.int64)
    after = np.minimum(near + 1, prototypes - 1)
    return _Interpolation(near, after, (places - near).astype(np.float32))


def _pixels(
    low: NDArray[np.float32], high: NDArray[np.float32], size: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First pixel and the one after the last, [N, 2] x y, of corners in pixels, [N, 2]."""
    begins = np.ceil(low - 0.5).astype(np.int64)
    ends = np.ceil(high - 0.5).astype(np.int64)
    middle = np.minimum(((low + high) / 2).astype(np.int64), size - 1)
    thin = ends <= begins
    begins = np.where(thin, middle, begins)
    return begins, np.where(thin, begins + 1, ends)


def _crop(
    coefficients: NDArray[np.float32],
    prototypes: NDArray[np.float32],
    columns: tuple[slice, _Interpolation],
    rows: tuple[slice, _Interpolation],
) -> NDArray[np.bool_]:
    """One mask, bool [rows, columns], of coefficients [P] and prototypes [P, h, w].

    No product here goes to a BLAS: its threads cost more than these small ones take, and make
    a busy robot wait for its slowest core.
    """
    (window_x, x), (window_y, y) = columns, rows
    logits = np.einsum("p,phw->hw", coefficients, prototypes[:, window_y, window_x])
    if not np.isfinite(logits).all():
        logits[~np.isfinite(logits)] = -1
    wide = logits.take(x.after, axis=1)
    before = logits.take(x.near, axis=1)
    wide -= before
    wide *= x.share
    wide += before
    # A pixel's logit is a - b with b = share * fall; a > b spares a pass.
    fall = np.zeros_like(wide)
    np.subtract(wide[:-1], wide[1:], out=fall[:-1])
    crop = np.empty((len(y.near), len(x.near)), np.bool_)
    a, b = np.empty((2, min(_STRIP, len(crop)), len(x.near)), np.float32)
    for top in range(0, len(crop), _STRIP):
        near = y.near[top : top + _STRIP]
        count = len(near)
        # Without the mode, numpy would buffer what it writes.
        wide.take(near, axis=0, out=a[:count], mode="clip")
        fall.take(near, axis=0, out=b[:count], mode="clip")
        b[:count] *= y.share[top : top + _STRIP, None]
        np.greater(a[:count], b[:count], out=crop[top : top + _STRIP])
    return crop
