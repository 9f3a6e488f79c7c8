# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What code refuses, and the one line in which it says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vit_perception.images.raw import ImageError


def refusal_of(kind: type[Exception], function: Callable[[], Any]) -> str:
    """The message of the error, which is one line."""
    with pytest.raises(kind) as refusal:
        function()
    assert str(refusal.value).isprintable()
    return str(refusal.value)


def image_refusal_of(function: Callable[..., Any], **arguments: Any) -> ImageError:
    """The error of an image, whose message is one line."""
    with pytest.raises(ImageError) as refusal:
        function(**arguments)
    assert str(refusal.value).isprintable()
    return refusal.value
