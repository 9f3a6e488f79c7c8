# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A bag as its files: which there are, what they hold, and what of it is missing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from vit_perception.bags.compression import is_packed, unpack_file
from vit_perception.bags.mcap import McapStorage
from vit_perception.bags.mcap_records import MAGIC as MCAP_MAGIC
from vit_perception.bags.metadata import FILE_NAME, Metadata, MetadataError, read_metadata
from vit_perception.bags.rosbag1 import MAGIC as ROSBAG1_MAGIC
from vit_perception.bags.rosbag1 import Rosbag1Storage
from vit_perception.bags.sqlite import MAGIC as SQLITE_MAGIC
from vit_perception.bags.sqlite import SqliteStorage
from vit_perception.bags.storage import Channel, Part, Record, Storage, StorageError, in_order
from vit_perception.wording import one_line, shown_path

_STORAGE_NAME = re.compile(r"\.(mcap|db3)(\.(zstd|zst|lz4))?$")
_BAG_NAME = re.compile(r"\.(mcap|db3)(\.(zstd|zst|lz4))?$|\.bag(\.active)?$")


def holds_bag(path: Path) -> bool:
    """Returns whether a path is named as a bag is, or is a folder with files of one."""
    if path.is_dir():
        return (path / FILE_NAME).is_file() or bool(_files_in(path))
    return bool(_BAG_NAME.search(path.name))


class Recording:
    """The files of a bag.

    Args:
        path: a file, or a folder of rosbag2.
        resources: gets the folder of unpacked files.

    Attributes:
        storages: the files that can be read.
        notes: what was left out or ends early, one line each.

    Raises:
        StorageError: nothing can be read.
        OSError: the path cannot be opened.
    """

    def __init__(self, path: Path, resources: ExitStack) -> None:
        """Reads what the files hold."""
        self.path = path
        self.storages: list[Storage] = []
        self.notes: list[str] = []
        self._metadata = Metadata()
        self._unreadable: list[tuple[Path, str]] = []
        self._resources = resources
        for file in self._files() if path.is_dir() else [path]:
            try:
                self._open(file)
            except OSError as error:
                if not path.is_dir():
                    raise
                found = error.strerror or one_line(error)
                self._unreadable.append((file, f"expected a bag file, found: {found}"))
            except StorageError as error:
                self._unreadable.append((file, str(error)))
        if not self.storages:
            raise StorageError(self._without_storages())
        self.expected = Counter(self._metadata.topics)
        stored: Counter[str] = Counter()
        for storage in self.storages:
            counted: Counter[str] = Counter()
            for channel in storage.channels:
                counted[channel.topic] += channel.count
            stored += counted | storage.announced
        self.expected |= stored
        for storage in self.storages:
            self._note(storage)

    @property
    def is_rosbag1(self) -> bool:
        """Whether messages are those of ROS 1."""
        return any(isinstance(storage, Rosbag1Storage) for storage in self.storages)

    def channels(self) -> Iterator[Channel]:
        """Yields the channels of all files."""
        for storage in self.storages:
            yield from storage.channels

    def records(self, chosen: Callable[[Channel], bool]) -> Iterator[Record]:
        """Yields the messages of some channels in the order of recording."""
        parts: list[Part] = []
        for storage in self.storages:
            keys = {channel.key for channel in storage.channels if chosen(channel)}
            if keys:
                parts.append((storage.start, partial(storage.records, keys)))
        return in_order(parts)

    def shortfall(self, topics: Collection[str], found: Counter[str]) -> str:
        """Returns one line about the messages that are missing, "" if none are.

        Args:
            topics: those that were read to the end.
            found: messages by topic.
        """
        short = [topic for topic in topics if self.expected[topic] > found[topic]]
        troubles = self._troubles()
        if short:
            where, reason = self._cause(troubles)
            expected = sum(self.expected[topic] for topic in short)
            there = sum(found[topic] for topic in short)
            return (
                f"{shown_path(where)}: expected {expected} messages on {_listed(short)}, "
                f"found {there}{reason}"
            )
        if not troubles or all(topic in self._metadata.topics for topic in topics):
            return ""
        where, reason = troubles[0]
        more = f"; {len(troubles) - 1} more files are damaged" if len(troubles) > 1 else ""
        return f"{shown_path(where)}: {reason}; {sum(found.values())} messages were read{more}"

    def _files(self) -> list[Path]:
        """Returns the files of the folder that are to be read."""
        there = self._unpacked_first(_files_in(self.path))
        description = self.path / FILE_NAME
        if not description.is_file():
            return there
        try:
            self._metadata = read_metadata(description)
        except MetadataError as error:
            self.notes.append(f"{shown_path(description)}: {error}; the files are read without it")
            return there
        named = [self.path / name for name in dict.fromkeys(self._metadata.files)]
        absent = [file for file in named if not file.exists()]
        others = [file for file in there if file not in named]
        if absent and others:  # a bag whose files were renamed
            names = ", ".join(shown_path(file.name) for file in others)
            self.notes.append(
                f"{shown_path(description)}: does not name {names}, read all the same"
            )
            return [*named, *others]
        if others:
            names = ", ".join(shown_path(file.name) for file in others)
            self.notes.append(f"{shown_path(description)}: does not name {names}, left out")
        return named

    def _unpacked_first(self, files: list[Path]) -> list[Path]:
        """Returns the files without those that also stand there unpacked."""
        twice = [file for file in files if file.with_suffix("") in files]
        self.notes += [
            f"{shown_path(file)}: left out, as {shown_path(file.stem)} is there" for file in twice
        ]
        return [file for file in files if file not in twice]

    def _open(self, file: Path) -> None:
        path, cut = file, ""
        if is_packed(file):
            path, cut = unpack_file(file, self._folder())
        with path.open("rb") as opened:
            magic = opened.read(16)
        storage: Storage
        if magic.startswith(MCAP_MAGIC):
            storage = McapStorage(path, name=file)
        elif magic.startswith(SQLITE_MAGIC):
            storage = SqliteStorage(path, name=file, folder=self._folder)
        elif magic.startswith(ROSBAG1_MAGIC):
            storage = Rosbag1Storage(path, name=file)
        else:
            found = f"one beginning with {magic[:8]!r}" if magic else "an empty file"
            raise StorageError(f"expected a bag file (mcap, sqlite3, rosbag1), found {found}")
        storage.cut = cut or storage.cut
        self.storages.append(storage)

    def _folder(self) -> Path:
        """Returns a new folder that lasts as long as the recording."""
        return Path(self._resources.enter_context(TemporaryDirectory(prefix="vit_perception_")))

    def _note(self, storage: Storage) -> None:
        count = sum(channel.count for channel in storage.channels)
        if storage.cut:
            self.notes.append(
                f"{shown_path(storage.path)}: not closed properly ({storage.cut}), "
                f"read up to there: {count} messages; {storage.advice}"
            )
        self.notes += [f"{shown_path(storage.path)}: {note}" for note in storage.notes]

    def _troubles(self) -> list[tuple[Path, str]]:
        return self._unreadable + [
            (each.path, each.lost[0]) for each in self.storages if each.lost
        ]

    def _cause(self, troubles: list[tuple[Path, str]]) -> tuple[Path, str]:
        """Returns the file that lacks messages, if it is known, and why, in brackets."""
        suspects = troubles + [(each.path, each.cut) for each in self.storages if each.cut]
        if not suspects:
            suspects = [
                (each.path, "")
                for each in self.storages
                if self._metadata.counts.get(each.path.name, 0)
                > sum(channel.count for channel in each.channels)
            ]
        if not suspects and len(self.storages) == 1:
            suspects = [(self.storages[0].path, "")]
        if not suspects:
            return self.path, ""
        where, reason = suspects[0]
        if len(suspects) > 1:
            return (
                self.path,
                f" ({len(suspects)} files, the first {shown_path(where.name)}: {reason})",
            )
        return where, f" ({reason})" if reason else ""

    def _without_storages(self) -> str:
        if not self._unreadable:
            return "expected a bag, found a folder without .mcap or .db3 files"
        file, reason = self._unreadable[0]
        return reason if file == self.path else f"{shown_path(file.name)}: {reason}"


def _files_in(folder: Path) -> list[Path]:
    named = sorted(each for each in folder.iterdir() if _STORAGE_NAME.search(each.name))
    return [each for each in named if not each.is_dir()]


def _listed(topics: list[str]) -> str:
    more = f" and {len(topics) - 2} more" if len(topics) > 2 else ""
    return ", ".join(shown_path(topic) for topic in sorted(topics)[:2]) + more
