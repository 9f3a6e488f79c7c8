# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes a recording of any length from a short one, whose messages it repeats at later stamps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from vit_perception.bags.messages import TF, header_stamp, make_header
from vit_perception.bags.reader import BagMessage, BagReader
from vit_perception.bags.writer import BagWriter

PERIOD = 100_000_000
"""Nanoseconds between the last message of one round and the first of the next."""


def lengthened(source: Path, target: Path, topic: str, images: int) -> Path:
    """Writes a recording with so many images; returns its folder.

    Args:
        source: recording; all its topics are taken.
        target: folder to make.
        topic: of the images.
        images: how many.
    """
    with BagReader(source) as bag:
        messages = list(bag.messages())
    span = messages[-1].time - messages[0].time + PERIOD
    with BagWriter(target) as out:
        for message in messages:
            out.add_topic(message.topic, message.msgtype, latched=_is_static(message))
        written = 0
        for message, later in _rounds(messages, span):
            if message.topic == topic:
                if written == images:
                    break
                written += 1
            out.write(message.topic, message.time + later, _moved(message.value, later))
    return target


def _rounds(messages: list[BagMessage], span: int) -> Iterator[tuple[BagMessage, int]]:
    later = 0
    while True:
        for message in messages:
            if not (later and _is_static(message)):
                yield message, later
        later += span


def _is_static(message: BagMessage) -> bool:
    return message.msgtype == TF and message.topic.endswith("_static")


def _moved(value: Any, later: int) -> Any:
    """Returns a message with all its stamps so many nanoseconds later."""
    changes: dict[str, Any] = {}
    if hasattr(value, "header"):
        header = value.header
        changes["header"] = make_header(header_stamp(header) + later, header.frame_id)
    for name in ("transforms", "detections"):
        if hasattr(value, name):
            changes[name] = [_moved(each, later) for each in getattr(value, name)]
    return replace(value, **changes)
