# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One message of a camera's topic: a frame, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vit_perception.bags.definitions import DECODING_ERRORS
from vit_perception.bags.messages import COMPRESSED_IMAGE, IMAGE
from vit_perception.bags.pictures import frame_of, stamp_of
from vit_perception.bags.storage import Record
from vit_perception.frame import Frame, FrameError
from vit_perception.images.bits import BitDepth, UsedBits
from vit_perception.images.encodings import SIXTEEN_BITS
from vit_perception.images.headers import JPEG_MAGIC
from vit_perception.images.raw import ImageError, bytes_of
from vit_perception.wording import one_line, shown_path

if TYPE_CHECKING:
    from vit_perception.bags.reader import BagMessage


@dataclass(frozen=True, slots=True, eq=False)
class BagImage:
    """An image of a bag.

    Attributes:
        index: place among the messages of its topic, from 0.
        time: of the recording, ns.
        stamp: of its header, ns; None where that cannot be read.
        frame_id: of its header; "" where that cannot be read.
        message: None where it cannot be decoded.
        frame: None where there is no picture in it.
        cause: short key to count broken ones by; "" for whole ones.
        line: what is wrong; "" for whole ones.
    """

    index: int
    time: int
    stamp: int | None
    frame_id: str
    message: BagMessage | None
    frame: Frame | None
    cause: str = ""
    line: str = ""


def bag_images(
    records: Iterable[Record],
    decode: Callable[[Record], BagMessage],
    wanted: Container[int] | None = None,
) -> Iterator[BagImage]:
    """Yields the messages of a topic as a camera's images.

    The bits in use of 16-bit channels are measured over all of them.

    Args:
        records: all messages of the topic.
        decode: of one message.
        wanted: places of those to yield; None: all. Another one is decoded only if its bits count.
    """
    bits = UsedBits().measured
    for index, record in enumerate(records):
        if wanted is None or index in wanted:
            yield bag_image(index, record, decode, bits)
        elif _may_have_16_bits(record, decode):
            bag_image(index, record, decode, bits)


def _may_have_16_bits(record: Record, decode: Callable[[Record], BagMessage]) -> bool:
    try:
        message = decode(record)
        if message.msgtype == IMAGE:
            return str(message.value.encoding) in SIXTEEN_BITS
        content = bytes_of(np.asarray(message.value.data)[: len(JPEG_MAGIC)]).tobytes()
        return message.msgtype == COMPRESSED_IMAGE and content != JPEG_MAGIC
    except DECODING_ERRORS:
        return False


def bag_image(
    index: int, record: Record, decode: Callable[[Record], BagMessage], bits: BitDepth
) -> BagImage:
    """Decodes a message as a camera's image; `bits` are those of 16-bit channels."""
    message: BagMessage | None = None
    fault: Exception
    try:
        message = decode(record)
        frame = frame_of(message.msgtype, message.value, bits)
        return BagImage(index, record.time, frame.stamp, frame.frame_id, message, frame)
    except ImageError as error:
        cause, fault = error.cause, error
    except FrameError as error:
        cause, fault = "frame", error
    except DECODING_ERRORS as error:
        cause, fault = "message", error
    stamp = None if message is None else stamp_of(message.value)
    header = None if message is None else getattr(message.value, "header", None)
    when = "recorded at" if stamp is None else "stamp"
    seconds, nanoseconds = divmod(record.time if stamp is None else stamp, 1_000_000_000)
    line = (
        f"{shown_path(record.channel.topic)}: frame {index}, "
        f"{when} {seconds}.{nanoseconds:09d}: {one_line(fault)}"
    )
    frame_id = str(getattr(header, "frame_id", ""))
    return BagImage(index, record.time, stamp, frame_id, message, None, cause, line)
