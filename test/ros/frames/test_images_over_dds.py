# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of every kind into a real node over DDS, boxes out."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")

from sensor_msgs.msg import CompressedImage

from ...toy_bundle import COLOURS, toy_picture
from ..bench import SECOND, Bench, boxes_by_name, header, image_message, stamp_of, values, wait_for

pytestmark = pytest.mark.ros

SQUARES = {"red": (1, 2), "blue": (3, 6)}
RGB, BOXES = toy_picture(120, 160, SQUARES)
# Only squares of pure colour are found, so grey pictures have nothing to find.
GREY = cv2.cvtColor(RGB, cv2.COLOR_RGB2GRAY)


def sixteen_bits(pixels: Any) -> Any:
    """The same picture with 16 bits a channel."""
    return pixels.astype("<u2") * 257


class Road:
    """A detector with one camera before it and one consumer behind it."""

    def __init__(self, bench: Bench, bundle: Path, transport: str) -> None:
        self.node = bench.detector(bundle, image_transport=transport)
        self.received = bench.detections()
        compressed = transport == "compressed"
        self.camera = bench.compressed_camera() if compressed else bench.camera()
        self.sent = 0

    def send(self, message: Any) -> Any:
        """What comes out for one message."""
        before = len(self.received)
        self.camera.publish(message)
        self.sent += 1
        wait_for(lambda: len(self.received) > before, "detections")
        assert len(self.received) == before + 1
        return self.received[-1]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench() as bench:
        yield bench


@pytest.fixture(scope="module")
def raw(bench: Bench, toy_bundle_dir: Path) -> Road:
    return Road(bench, toy_bundle_dir, "raw")


@pytest.fixture(scope="module")
def compressed(toy_bundle_dir: Path) -> Iterator[Road]:
    with Bench() as bench:
        yield Road(bench, toy_bundle_dir, "compressed")


@pytest.mark.parametrize("padding", [0, 1, 7, 64])
@pytest.mark.parametrize(
    ("encoding", "pixels", "found"),
    [
        ("rgb8", RGB, SQUARES),
        ("bgr8", RGB[..., ::-1], SQUARES),
        ("8UC3", RGB[..., ::-1], SQUARES),
        ("rgba8", np.dstack([RGB, GREY]), SQUARES),
        ("bgra8", np.dstack([RGB[..., ::-1], GREY]), SQUARES),
        ("rgb16", sixteen_bits(RGB), SQUARES),
        ("bgr16", sixteen_bits(RGB[..., ::-1]), SQUARES),
        ("mono8", GREY, {}),
        ("mono16", sixteen_bits(GREY), {}),
        ("bayer_rggb8", GREY, {}),
        ("uyvy", np.dstack([np.full_like(GREY, 128), GREY]), {}),
    ],
)
def test_raw_images(
    raw: Road, encoding: str, pixels: Any, found: dict[str, Any], padding: int
) -> None:
    stamp = 7 * SECOND + 123_456_789
    result = raw.send(image_message(pixels, encoding, padding, stamp))
    assert stamp_of(result) == stamp
    assert result.header.frame_id == "camera_optical_frame"
    boxes = boxes_by_name(result)
    assert boxes.keys() == found.keys()
    for name in found:
        np.testing.assert_allclose(boxes[name], BOXES[name], atol=0.5)
    for each in result.detections:
        assert each.header == result.header
        assert 0.9 < each.results[0].hypothesis.score < 1.0


@pytest.mark.parametrize(("name", "suffix"), [("jpeg", ".jpg"), ("png", ".png")])
def test_compressed_images(compressed: Road, name: str, suffix: str) -> None:
    _, data = cv2.imencode(suffix, RGB[..., ::-1])
    message = CompressedImage(header=header(5 * SECOND), format=name)
    message.data = array("B", data.tobytes())
    result = compressed.send(message)
    assert stamp_of(result) == 5 * SECOND
    boxes = boxes_by_name(result)
    assert boxes.keys() == SQUARES.keys()
    for colour in SQUARES:
        np.testing.assert_allclose(boxes[colour], BOXES[colour], atol=0.5)


def broken(cause: str) -> Any:
    """An image message with one thing wrong."""
    message = image_message(RGB)
    if cause == "encoding":
        message.encoding = "rainbow8"
    elif cause == "truncated":
        message.data = message.data[:-1000]
    elif cause == "step":
        message.step = 5
    elif cause == "size":
        message.height = 2**31
        message.width = 2**31
    return message


@pytest.mark.parametrize("cause", ["encoding", "truncated", "step", "size"])
def test_a_broken_image_is_dropped_counted_and_named(raw: Road, bench: Bench, cause: str) -> None:
    diagnostics = bench.diagnostics()
    before = raw.node.counts
    raw.camera.publish(broken(cause))
    wait_for(lambda: raw.node.counts.undecodable.get(cause, 0) == 1, f"a drop for {cause}")
    after = raw.node.counts
    assert after.published == before.published
    assert after.dropped["undecodable"] == before.dropped["undecodable"] + 1

    def named() -> bool:
        for status in (each for message in list(diagnostics) for each in message.status):
            if status.name == "detector: frames" and status.level == b"\x01":
                shown = values(status)
                return (
                    shown[f"frames.undecodable.{cause}"] == "1"
                    and shown["last_error"] in status.message
                    and "image dropped" in status.message
                )
        return False

    wait_for(named, "a warning in the diagnostics")
    # The next good one goes through as if nothing had been.
    assert boxes_by_name(raw.send(image_message(RGB))).keys() == SQUARES.keys()
    counts = raw.node.counts
    assert counts.arrived == counts.published + counts.dropped_total + counts.pending


def test_a_broken_jpeg_is_dropped_and_named(compressed: Road) -> None:
    _, data = cv2.imencode(".jpg", RGB[..., ::-1])
    message = CompressedImage(header=header(SECOND), format="jpeg")
    message.data = array("B", data.tobytes()[:200])
    compressed.camera.publish(message)
    message = CompressedImage(header=header(SECOND), format="h264")
    message.data = array("B", b"\0\0\0\1")
    wait_for(lambda: compressed.node.counts.dropped["undecodable"] == 1, "a drop")
    compressed.camera.publish(message)
    wait_for(lambda: compressed.node.counts.dropped["undecodable"] == 2, "another drop")
    assert set(compressed.node.counts.undecodable) <= {"jpeg", "truncated", "format"}


def test_empty_results_are_published_too(raw: Road) -> None:
    nothing, _ = toy_picture(120, 160, {})
    assert raw.send(image_message(nothing)).detections == []


def test_colours_of_the_toy_are_what_the_squares_show() -> None:
    for name in SQUARES:
        assert (COLOURS[name] == RGB).all(axis=-1).sum() > 100
