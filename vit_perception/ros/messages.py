# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Converts messages to values and back."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import (
    Detection2D,
    Detection2DArray,
    LabelInfo,
    ObjectHypothesisWithPose,
    VisionClass,
    VisionInfo,
)

from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.images.bits import BitDepth, all_bits
from vit_perception.images.compressed import decode_compressed, encode_jpeg
from vit_perception.images.encodings import decode_image
from vit_perception.ros.bridge import bridge

NANOSECONDS = 1_000_000_000
_LARGEST_CLASS_NUMBER = 2**16 - 1


def stamp_nanoseconds(header: Header) -> int:
    """Returns the stamp of a header in nanoseconds."""
    return int(header.stamp.sec) * NANOSECONDS + int(header.stamp.nanosec)


def header_of(frame: Frame) -> Header:
    """Returns the header of the message that a frame came in."""
    seconds, nanoseconds = divmod(frame.stamp, NANOSECONDS)
    return Header(stamp=Time(sec=seconds, nanosec=nanoseconds), frame_id=frame.frame_id)


def frame_of(
    message: Image | CompressedImage, stamp: int, *, max_pixels: int, bits: BitDepth = all_bits
) -> Frame:
    """Returns the picture in a message; it may be a view of the message's bytes.

    Args:
        message: of a camera.
        stamp: its stamp in nanoseconds.
        max_pixels: larger pictures are refused.
        bits: says how many bits of 16-bit channels are in use.

    Raises:
        ImageError: the message holds no picture that can be read; `cause` says why.
    """
    pixels: NDArray[np.uint8] | None = None
    if isinstance(message, CompressedImage):
        pixels = decode_compressed(
            format=message.format, data=message.data, max_pixels=max_pixels, bits=bits
        )
    elif message.encoding in bridge().encodings and message.height * message.width <= max_pixels:
        pixels = bridge().pixels(message)
    if pixels is None:
        pixels = decode_image(message, max_pixels=max_pixels, bits=bits)
    return Frame(image=pixels, stamp=stamp, frame_id=message.header.frame_id)


def detection_array(header: Header, detections: Detections) -> Detection2DArray:
    """Returns the detections as a message: class_id is the name, boxes are in source pixels.

    The id is empty without a tracker, and until it is given.
    """
    boxes = detections.boxes.astype(np.float64)
    centres = ((boxes[:, :2] + boxes[:, 2:]) / 2).tolist()
    sizes = (boxes[:, 2:] - boxes[:, :2]).tolist()
    scores = detections.scores.astype(np.float64).tolist()
    found = []
    for label, score, (x, y), (width, height), id in zip(
        detections.labels.tolist(), scores, centres, sizes, detections.id_texts(), strict=True
    ):
        # A message makes its parts, also where it is given others: these are filled in.
        result, detection = ObjectHypothesisWithPose(), Detection2D()
        result.hypothesis.class_id = detections.names[label]
        result.hypothesis.score = score
        detection.header = header
        detection.results = [result]
        detection.bbox.center.position.x = x
        detection.bbox.center.position.y = y
        detection.bbox.size_x = width
        detection.bbox.size_y = height
        detection.id = id
        found.append(detection)
    return Detection2DArray(header=header, detections=found)


def label_info(header: Header, names: tuple[str, ...], threshold: float) -> LabelInfo:
    """Returns names and their numbers; a number is the index in the vocabulary."""
    return LabelInfo(
        header=header,
        class_map=[
            VisionClass(class_id=index, class_name=name)
            for index, name in enumerate(names[:_LARGEST_CLASS_NUMBER])
        ],
        threshold=threshold,
    )


def vision_info(header: Header, *, method: str, location: str, version: int) -> VisionInfo:
    """Returns the model and vocabulary version of all results from now on."""
    return VisionInfo(
        header=header, method=method, database_location=location, database_version=version
    )


def image_message(header: Header, pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> Image:
    """Returns uint8 [H, W, 3] RGB as an rgb8 message, numbers [H, W] as mono8 or mono16 ones."""
    height, width = pixels.shape[:2]
    wide = pixels.dtype == np.uint16
    grey = "mono16" if wide else "mono8"
    return Image(
        header=header,
        height=height,
        width=width,
        encoding=grey if pixels.ndim == 2 else "rgb8",
        is_bigendian=0,
        step=pixels.itemsize * (1 if pixels.ndim == 2 else 3) * width,
        data=_bytes(pixels.astype("<u2", copy=False) if wide else pixels),
    )


def jpeg_message(header: Header, pixels: NDArray[np.uint8]) -> CompressedImage:
    """Returns uint8 [H, W, 3] RGB as a JPEG message, as image_transport sends it."""
    data = np.frombuffer(encode_jpeg(pixels), np.uint8)
    return CompressedImage(header=header, format="rgb8; jpeg compressed bgr8", data=_bytes(data))


def _bytes(values: NDArray[Any]) -> array[int]:
    # rclpy checks bytes one by one, but takes an array as it is.
    return array("B", np.ascontiguousarray(values).tobytes())
