# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads a recording as far as it can be read."""

from __future__ import annotations

from pathlib import Path

from rosbags.rosbag2 import StoragePlugin

from vit_perception.bags.reader import BagDamageError, BagReader

PLUGINS = (StoragePlugin.MCAP, StoragePlugin.SQLITE3)


def read(path: Path) -> tuple[list[int], tuple[str, ...], str]:
    """Stamps of the frames, the notes, and the damage."""
    found = []
    with BagReader(path) as bag:
        try:
            for _, frame in bag.frames():
                found.append(frame.stamp)
        except BagDamageError as error:
            return found, bag.notes, str(error)
        assert not bag.broken
        return found, bag.notes, ""


def storages(path: Path) -> list[Path]:
    """The files of a folder but its metadata."""
    return sorted(each for each in path.iterdir() if each.suffix != ".yaml")
