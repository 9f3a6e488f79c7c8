# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""cv_bridge is used where it reads known images rightly, and set aside with a line elsewhere."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy")

from vit_perception.images.encodings import DECODERS, SIXTEEN_BITS
from vit_perception.images.raw import ImageError
from vit_perception.ros import messages
from vit_perception.ros.bridge import bridge

from .bench import image_message

pytestmark = pytest.mark.ros

RGB = np.random.default_rng(2).integers(0, 256, (6, 8, 3), np.uint8)

# Stand-ins for builds of cv_bridge that are met in the wild; a good one where none is installed.
GOOD = """
from vit_perception.images.encodings import decode_image
calls = []

class CvBridge:
    def imgmsg_to_cv2(self, message, encoding):
        assert encoding == "rgb8"
        calls.append(message.encoding)
        return decode_image(message)
"""
BLIND_TO_PADDING = """
import numpy as np

class CvBridge:
    def imgmsg_to_cv2(self, message, encoding):
        grey = np.frombuffer(message.data, np.uint8)[: message.height * message.width]
        assert message.encoding == "mono8"
        return grey.reshape(message.height, message.width, 1).repeat(3, axis=2)
"""
OTHER_NUMPY = "raise AttributeError('_ARRAY_API not found')"


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], None]]:
    def install(source: str) -> None:
        (tmp_path / "cv_bridge.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "cv_bridge", raising=False)

    bridge.cache_clear()
    yield install
    sys.modules.pop("cv_bridge", None)
    bridge.cache_clear()


def seen(encoding: str, height: int = 6) -> np.ndarray:
    message = image_message(
        RGB[:height, :, ::-1] if encoding == "bgr8" else RGB[:height], encoding
    )
    return messages.frame_of(message, 0, max_pixels=100).image


def test_a_sound_one_is_used(install: Callable[[str], None]) -> None:
    install(GOOD)
    found = bridge()
    assert found.encodings == set(DECODERS) - {"rgb8"} - set(SIXTEEN_BITS)
    assert found.note.startswith("cv_bridge decodes 8UC1, 8UC3, ")
    calls = importlib.import_module("cv_bridge").calls
    calls.clear()
    np.testing.assert_array_equal(seen("bgr8"), RGB)
    assert calls == ["bgr8"]
    # Nothing to convert, an odd size, and too large a picture are the decoder's.
    np.testing.assert_array_equal(seen("rgb8"), RGB)
    np.testing.assert_array_equal(seen("bgr8", height=5), RGB[:5])
    with pytest.raises(ImageError, match="expected 1..47 pixels, found 8x6"):
        messages.frame_of(image_message(RGB, "bgr8"), 0, max_pixels=47)
    assert calls == ["bgr8"]


def test_what_is_wrong_with_a_message_is_still_said(install: Callable[[str], None]) -> None:
    install(GOOD)
    message = image_message(RGB, "bgr8")
    message.data = message.data[:-1]
    with pytest.raises(ImageError, match="bgr8 image: expected 144 bytes"):
        messages.frame_of(message, 0, max_pixels=100)


@pytest.mark.parametrize(
    ("source", "note"),
    [
        (OTHER_NUMPY, "cv_bridge is broken (_ARRAY_API not found): images are decoded without it"),
        (BLIND_TO_PADDING, "cv_bridge misreads known images: images are decoded without it"),
        ("CvBridge = None", "cv_bridge is broken ('NoneType' object is not callable): "),
    ],
)
def test_a_broken_one_is_set_aside(install: Callable[[str], None], source: str, note: str) -> None:
    install(source)
    found = bridge()
    assert not found.encodings
    assert found.note.startswith(note)
    np.testing.assert_array_equal(seen("bgr8"), RGB)


def test_the_installed_one_agrees_or_is_set_aside() -> None:
    bridge.cache_clear()
    found = bridge()
    assert found.note
    if not found.encodings:
        pytest.skip(found.note)
    assert {"bgr8", "mono8"} <= found.encodings
