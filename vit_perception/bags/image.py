# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One message of a camera's topic: a frame, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vit_perception.bags.definitions import DECODING_ERRORS
from vit_perception.bags.pictures import frame_of, stamp_of
from vit_perception.bags.storage import Record
from vit_perception.frame import Frame, FrameError
from vit_perception.images.bits import BitDepth
from vit_perception.images.raw import ImageError
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
