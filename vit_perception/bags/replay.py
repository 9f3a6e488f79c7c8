# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Turns a bag of images into a bag of detections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vit_perception.bags.messages import (
    DETECTIONS,
    VISION_INFO,
    detections_to_message,
    make,
    make_header,
)
from vit_perception.bags.reader import BagReader
from vit_perception.bags.writer import BagWriter
from vit_perception.perceiver.perceiver import Perceiver


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What a replay found: the topic, counts, and broken images by cause."""

    topic: str
    frames: int
    detections: int
    broken: dict[str, int]


def replay(
    source: Path,
    target: Path,
    perceiver: Perceiver,
    *,
    topic: str | None = None,
    output_topic: str = "/detector/detections",
    with_images: bool = False,
    progress: Callable[[int], None] | None = None,
) -> ReplayResult:
    """Detects on every image of a topic.

    Recording times, stamps and frame ids are those of the images. The topic `vision_info` beside
    the output topic gets one message with bundle and vocabulary version.

    Raises:
        BagError: the source cannot be read, or the target exists.
    """
    frames = found = 0
    info_topic = f"{output_topic.rpartition('/')[0]}/vision_info"
    with BagReader(source) as bag, BagWriter(target) as out:
        chosen = bag.image_topic(topic)
        out.add_topic(output_topic, DETECTIONS)
        out.add_topic(info_topic, VISION_INFO, latched=True)
        for message, frame in bag.frames(chosen):
            if frames == 0:
                header = make_header(frame.stamp, frame.frame_id)
                out.write(
                    info_topic,
                    message.time,
                    make(
                        VISION_INFO,
                        header=header,
                        method=perceiver.bundle.architecture,
                        database_location=perceiver.bundle.name,
                        database_version=perceiver.vocabulary.version,
                    ),
                )
            detections = perceiver(frame)
            if with_images:
                out.add_topic(chosen, message.msgtype)
                out.write_cdr(chosen, message.time, bag.cdr(message))
            result = detections_to_message(detections, frame.stamp, frame.frame_id)
            out.write(output_topic, message.time, result)
            frames += 1
            found += len(detections)
            if progress is not None:
                progress(frames)
        broken = dict(sorted(bag.broken.items()))
    return ReplayResult(chosen, frames, found, broken)
