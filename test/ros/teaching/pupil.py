# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A detector that can be taught, and what its user holds: a camera, boxes and names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geometry_msgs.msg import Point
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from vision_msgs.msg import (
    Detection2D,
    Detection2DArray,
    LabelInfo,
    ObjectHypothesisWithPose,
    VisionInfo,
)

from vit_perception.ros.qos import ORDERS

from ...toy_bundle import toy_picture, write_toy_region_bundle
from ..bench import LATCHED, Bench, boxes_by_name, header, image_message, stamp_of, wait_for
from ..test_topics import everything

SECOND = 1_000_000_000
# None of these colours is a default name of the toy.
PIXELS, BOXES = toy_picture(64, 96, {"cyan": (1, 2), "yellow": (4, 7), "magenta": (0, 9)})
ELSEWHERE, PLACES = toy_picture(64, 96, {"cyan": (5, 8), "yellow": (0, 0)})
# A box on nothing: too small for one of the toy's boxes.
BESIDE = (40.0, 2.0, 44.0, 6.0)


def teach_message(
    *lessons: tuple[str, Sequence[float] | None, float], stamp: int = 0, frame_id: str = ""
) -> Detection2DArray:
    """A message of names, boxes x1 y1 x2 y2 (None forgets) and scores."""
    message = Detection2DArray(header=header(stamp, frame_id))
    for name, box, score in lessons:
        detection = Detection2D()
        result = ObjectHypothesisWithPose()
        result.hypothesis.class_id, result.hypothesis.score = name, float(score)
        detection.results = [result]
        x1, y1, x2, y2 = (float(side) for side in box) if box is not None else (0.0,) * 4
        detection.bbox.center.position.x = (x1 + x2) / 2
        detection.bbox.center.position.y = (y1 + y2) / 2
        detection.bbox.size_x, detection.bbox.size_y = x2 - x1, y2 - y1
        message.detections.append(detection)
    return message


class Pupil:
    """The node, one of its cameras, and its teacher."""

    def __init__(self, bench: Bench, node: Any, camera: str = "") -> None:
        inside = f"{camera}/" if camera else ""
        self.bench, self.node = bench, node
        self.camera = bench.publisher(Image, f"{inside}image")
        topic = f"detector/{inside}"
        self._teach = bench.outside.create_publisher(Detection2DArray, f"{topic}teach", ORDERS)
        self._click = bench.outside.create_publisher(Point, f"{topic}overlay_mouse_left", ORDERS)
        self.results = bench.collect(Detection2DArray, f"{topic}detections")
        self.infos = bench.collect(VisionInfo, f"{topic}vision_info", LATCHED)
        self.labels = bench.collect(LabelInfo, f"{topic}label_info", LATCHED)
        for each in (self._teach, self._click):
            wait_for(lambda p=each: p.get_subscription_count() == 1, "a listener")
        self._sent = 0

    def look(self, pixels: Any = PIXELS, stamp: int = 0) -> dict[str, Any]:
        """Boxes by name of what is found in a picture, each of which is a second later."""
        self._sent += 1
        stamp = stamp or self._sent * SECOND
        before = len(self.results)
        self.camera.publish(image_message(pixels, stamp=stamp))
        wait_for(lambda: len(self.results) > before, "a result")
        assert stamp_of(self.results[-1]) == stamp
        return boxes_by_name(self.results[-1])

    def send(self, *lessons: tuple[str, Sequence[float] | None, float], **meant: Any) -> None:
        """Sends one message."""
        self._teach.publish(teach_message(*lessons, **meant))

    def click(self, x: float, y: float) -> None:
        """Clicks on the overlay."""
        self._click.publish(Point(x=float(x), y=float(y), z=0.0))

    def done(self, count: int) -> None:
        """Waits for so many orders since the node started."""
        wait_for(lambda: self.counts.done == count, f"order {count}: {self.counts}")

    def refused(self, cause: str, line: str) -> None:
        """Waits for a refusal, and for what diagnostics say of it."""
        wait_for(
            lambda: line in self.counts.last_refusal, f"{line!r}: {self.counts.last_refusal!r}"
        )
        assert self.counts.refused[cause]

    @property
    def counts(self) -> Any:
        return self.node.snapshot().teaching

    @property
    def version(self) -> int:
        return int(self.node._configurator.version)

    def save(self) -> tuple[bool, str]:
        """Asks for the file."""
        answer = self.bench.call(Trigger, "detector/save_taught", Trigger.Request())
        return bool(answer.success), str(answer.message)


def pupil(bench: Bench, folder: Path, **parameters: Any) -> Pupil:
    """A running detector of a bundle that can be taught."""
    if not folder.exists():
        write_toy_region_bundle(folder)
    return Pupil(bench, bench.detector(folder, diagnostics_period=0.1, **parameters))


def shows(reports: list[Any], key: str, value: str) -> None:
    """Waits for a value in the diagnostics."""
    wait_for(lambda: reports and everything(reports[-1]).get(key) == value, f"{key} {value}")
