# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings whose images have squares at known places, and what is said to be true of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer

from test.bags.recordings import PERIOD, START, jpeg
from vit_perception.bags.messages import (
    COMPRESSED_IMAGE,
    DETECTIONS,
    IMAGE,
    Message,
    detections_to_message,
    make,
    make_header,
    typestore,
)
from vit_perception.detections import Detections

HEIGHT, WIDTH = 48, 64
FRONT, WRIST = "/front/image/compressed", "/wrist/image/compressed"
TRUTH = "/ground_truth"
NAMES = ("cup", "box")
Said = tuple[str, int, bytes | Message]
"""Topic, time of recording in ns, and message or its bytes."""


def stamp(index: int) -> int:
    """Stamp of an image, ns."""
    return START + index * PERIOD


def boxes_of(index: int) -> np.ndarray:
    """What is in image `index`: a cup and a box, float32 [2, 4]."""
    return np.array([[12, 8, 22 + index, 18 + index], [40, 5, 60, 15 + index]], np.float32)


def image(index: int, topic: str = FRONT, frame: str = "front", when: int | None = None) -> Said:
    """A JPEG of a camera."""
    when = stamp(index) if when is None else when
    data = np.frombuffer(jpeg(index), np.uint8)
    message = make(COMPRESSED_IMAGE, header=make_header(when, frame), format="jpeg", data=data)
    return topic, stamp(index), message


def truth(
    index: int,
    topic: str = TRUTH,
    frame: str = "front",
    *,
    names: Sequence[str] = NAMES,
    boxes: np.ndarray | None = None,
    late: int = 0,
) -> Said:
    """What is true of image `index`; ids count from 1."""
    boxes = boxes_of(index) if boxes is None else boxes
    found = Detections(
        boxes=np.asarray(boxes, np.float32),
        scores=np.ones(len(boxes), np.float32),
        labels=np.array([sorted(set(names)).index(name) for name in names], np.int64),
        names=tuple(sorted(set(names))),
        vocabulary_version=0,
        ids=np.arange(1, len(boxes) + 1),
    )
    return topic, stamp(index) + late, detections_to_message(found, stamp(index), frame)


def numbers(index: int) -> np.ndarray:
    """Uint16 [H, W]: 1 in the cup's box, 2 in the box's."""
    pixels = np.zeros((HEIGHT, WIDTH), np.uint16)
    for number, (x1, y1, x2, y2) in enumerate(boxes_of(index).astype(int).tolist(), start=1):
        pixels[y1:y2, x1:x2] = number
    return pixels


def masks(
    index: int,
    topic: str = f"{TRUTH}/instances",
    frame: str = "front",
    *,
    encoding: str = "mono16",
    pixels: np.ndarray | None = None,
) -> Said:
    """The image of numbers of image `index`."""
    pixels = numbers(index) if pixels is None else pixels
    stored = np.ascontiguousarray(pixels, np.uint8 if encoding == "mono8" else "<u2")
    message = make(
        IMAGE,
        header=make_header(stamp(index), frame),
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=stored.strides[0],
        data=stored.view(np.uint8).reshape(-1),
    )
    return topic, stamp(index), message


def record(
    path: Path,
    said: Iterable[Said],
    *,
    kinds: dict[str, str] | None = None,
    plugin: StoragePlugin = StoragePlugin.MCAP,
    prepare: Callable[[Writer], None] = lambda writer: None,
) -> Path:
    """Rosbag2 as rosbags writes it.

    Args:
        path: folder to make.
        said: messages in the order of recording.
        kinds: types of topics whose messages are bytes.
        plugin: kind of storage.
        prepare: gets the writer before it is opened.
    """
    writer = Writer(path, version=8, storage_plugin=plugin)
    prepare(writer)
    connections: dict[str, Any] = {}
    with writer:
        for topic, kind in (kinds or {}).items():
            connections[topic] = writer.add_connection(topic, kind, typestore=typestore())
        for topic, time, message in said:
            if isinstance(message, bytes):
                writer.write(connections[topic], time, message)
                continue
            kind = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=typestore())
            writer.write(connections[topic], time, typestore().serialize_cdr(message, kind))
    return path


def record_camera(path: Path, count: int = 3) -> Path:
    """A camera, and what is true of each of its images."""
    return record(path, [each(i) for i in range(count) for each in (image, truth)])


def coco(
    path: Path, images: Sequence[dict[str, Any]], things: Sequence[dict[str, Any]] = ()
) -> Path:
    """A COCO file of entries; ids are given where they lack, and everything is a cup."""
    document = {
        "images": [
            {"id": number, "width": WIDTH, "height": HEIGHT, **entry}
            for number, entry in enumerate(images, start=1)
        ],
        "annotations": [
            {"id": number, "category_id": 1, "bbox": [12, 8, 10, 10], **entry}
            for number, entry in enumerate(things, start=1)
        ],
        "categories": [{"id": 1, "name": "cup"}, {"id": 2, "name": "box"}],
    }
    path.write_text(json.dumps(document))
    return path


DETECTIONS_KIND = {TRUTH: DETECTIONS}
