# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""cv_bridge, for the encodings that it decodes correctly."""

from __future__ import annotations

import importlib
from array import array
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image

from vit_perception.images.encodings import DECODERS, SIXTEEN_BITS, decode_image
from vit_perception.images.raw import ImageError
from vit_perception.wording import one_line

_HEIGHT, _WIDTH = 6, 8
_PADDING = 5
# Rounding of colour conversions.
_TOLERANCE = 2


@dataclass(frozen=True, slots=True)
class Bridge:
    """The result of trying cv_bridge.

    Attributes:
        encodings: those it decodes as `decode_image` does, padded rows included.
        note: one line for the log.
    """

    encodings: frozenset[str]
    note: str
    _module: Any = None

    def pixels(self, message: Image) -> NDArray[np.uint8] | None:
        """Returns uint8 [H, W, 3] RGB of an image, or None if it must be decoded without it.

        Odd sizes and broken messages are left to the decoder, which says what is wrong.
        """
        if message.encoding not in self.encodings or message.height % 2 or message.width % 2:
            return None
        try:
            pixels = np.asarray(self._module.imgmsg_to_cv2(message, "rgb8"))
        except Exception:
            return None
        right = pixels.shape == (message.height, message.width, 3) and pixels.dtype == np.uint8
        return pixels if right else None


@cache
def bridge() -> Bridge:
    """Imports cv_bridge and tries it on known images, once per process.

    A build for another numpy fails on import or, worse, later; some versions take row padding
    for pixels. So it is used only for encodings that agree with the decoder.
    """
    try:
        module = importlib.import_module("cv_bridge").CvBridge()
    except ImportError:
        return Bridge(frozenset(), "cv_bridge is not there: images are decoded without it")
    except Exception as error:
        line = f"cv_bridge is broken ({one_line(error, 120)}): images are decoded without it"
        return Bridge(frozenset(), line)
    # rgb8 needs no conversion, and cv_bridge takes all 16 bits for used.
    tried = DECODERS.keys() - {"rgb8"} - SIXTEEN_BITS.keys()
    sound = sorted(each for each in tried if _agrees(module, each))
    if not sound:
        line = "cv_bridge misreads known images: images are decoded without it"
        return Bridge(frozenset(), line)
    return Bridge(frozenset(sound), f"cv_bridge decodes {', '.join(sound)}", module)


def _agrees(module: Any, encoding: str) -> bool:
    """Returns whether it decodes known rows, padded or not, as the decoder does."""
    shortest = _shortest_step(encoding)
    for step in (shortest, shortest + _PADDING):
        message = _known(encoding, step)
        found = Bridge(frozenset({encoding}), "", module).pixels(message)
        if found is None or np.abs(found.astype(int) - decode_image(message)).max() > _TOLERANCE:
            return False
    return True


def _shortest_step(encoding: str) -> int:
    for step in range(_WIDTH, 9 * _WIDTH):
        try:
            decode_image(_known(encoding, step))
        except ImageError:
            continue
        return step
    raise AssertionError(f"{encoding}: more than 8 bytes a pixel")


def _known(encoding: str, step: int) -> Image:
    """Returns an image of random bytes, enough for three planes of any encoding."""
    data = np.random.default_rng(1).integers(0, 256, 3 * _HEIGHT * step, np.uint8)
    return Image(
        encoding=encoding,
        height=_HEIGHT,
        width=_WIDTH,
        step=step,
        is_bigendian=0,
        data=array("B", data.tobytes()),
    )
