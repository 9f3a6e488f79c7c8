# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Decoders called with the fields of a message."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from vit_perception.images import depth, encodings
from vit_perception.images.bits import BitDepth, all_bits
from vit_perception.images.raw import DEFAULT_MAX_PIXELS


def decode_image(
    *, max_pixels: int = DEFAULT_MAX_PIXELS, bits: BitDepth = all_bits, **fields: Any
) -> Any:
    """What decode_image makes of an image with these fields."""
    return encodings.decode_image(SimpleNamespace(**fields), max_pixels=max_pixels, bits=bits)


def decode_depth(*, max_pixels: int = DEFAULT_MAX_PIXELS, **fields: Any) -> Any:
    """What decode_depth makes of an image with these fields."""
    return depth.decode_depth(SimpleNamespace(**fields), max_pixels=max_pixels)
