# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the SQLite files of rosbag2, also those whose recorder was killed."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from vit_perception.bags.storage import (
    CDR,
    Channel,
    Record,
    Storage,
    StorageError,
    normalized_type,
)
from vit_perception.output.failure import copying
from vit_perception.wording import one_line

MAGIC = b"SQLite format 3\0"
_JOURNALS = {"-wal": "a write-ahead log", "-journal": "a rollback journal"}


class SqliteStorage(Storage):
    """A `.db3` file; see `Storage`.

    A file with a journal was not closed. It is read from a copy, in which SQLite completes or
    takes back what the recorder had begun; the file itself is never changed.

    Args:
        path: the file.
        name: of the file, for messages.
        folder: makes a folder for the copy.

    Raises:
        StorageError: the file is no recording.
    """

    advice = "'sqlite3 FILE .recover' may get more out of it"

    def __init__(self, path: Path, *, name: Path, folder: Callable[[], Path]) -> None:
        """Reads what the file holds."""
        super().__init__(path, name=name)
        self._only_read = True
        self._damaged = False
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
        if magic != MAGIC:
            raise StorageError(
                f"expected an SQLite file, found {'another' if magic else 'an empty one'}"
            )
        self._settle(folder)
        try:
            counts = self._read_channels()
        except sqlite3.DatabaseError:
            self._damaged = True
            try:
                counts = self._read_channels()
            except sqlite3.DatabaseError as error:
                raise StorageError(f"expected a recording, found {one_line(error)}") from error
        unknown = sum((counts - Counter({c.key: c.count for c in self.channels})).values())
        if unknown:
            self.notes.append(f"left out {unknown} messages of topics not declared")

    def records(self, keys: Collection[int]) -> Iterator[Record]:
        """Yields the messages of some channels in the order of recording."""
        wanted = {each.key: each for each in self.channels if each.key in keys}
        marks = ",".join("?" * len(wanted))
        # The index may be what is damaged; recorders write nearly in order.
        table = "messages NOT INDEXED" if self._damaged else "messages"
        order = "" if self._damaged else "ORDER BY timestamp, id"
        try:
            with closing(self._connect()) as database:
                for key, time, raw in database.execute(
                    f"SELECT topic_id, timestamp, data FROM {table} "
                    f"WHERE topic_id IN ({marks}) {order}",
                    tuple(wanted),
                ):
                    data = raw if isinstance(raw, bytes) else b""
                    yield Record(int(time), wanted[key], data)
        except sqlite3.Error as error:
            self._say_lost(error)

    def _settle(self, folder: Callable[[], Path]) -> None:
        """Copies a file that was not closed."""
        for suffix, what in _JOURNALS.items():
            journal = Path(f"{self._file}{suffix}")
            if not journal.is_file() or not journal.stat().st_size:
                continue
            copy = folder() / self._file.name
            with copying(copy):
                shutil.copyfile(self._file, copy)
                shutil.copyfile(journal, f"{copy}{suffix}")
            self._file, self._only_read = copy, False
            self.cut = what
            return

    def _connect(self) -> sqlite3.Connection:
        options = "immutable=1" if self._only_read else "mode=rw"
        database = sqlite3.connect(f"file:{quote(str(self._file.absolute()))}?{options}", uri=True)
        database.text_factory = lambda text: text.decode("utf-8", "replace")
        if self._damaged:  # else SQLite refuses a file that was cut
            database.execute("PRAGMA writable_schema=ON")
        return database

    def _read_channels(self) -> Counter[int]:
        """Sets the channels; returns messages by topic id."""
        with closing(self._connect()) as database:
            counts = self._count(database)
            self.channels = tuple(_channels(database, counts))
        return counts

    def _count(self, database: sqlite3.Connection) -> Counter[int]:
        """Returns messages by topic id; of a damaged file, those before the damage."""
        counts: Counter[int] = Counter()
        if not self._damaged:
            for key, count, first in database.execute(
                "SELECT topic_id, count(*), min(timestamp) FROM messages GROUP BY topic_id"
            ):
                counts[key] = count
                self.start = min(self.start or first, first)
            return counts
        try:
            for key, time in database.execute(
                "SELECT topic_id, timestamp FROM messages NOT INDEXED"
            ):
                counts[key] += 1
                self.start = min(self.start or time, time)
        except sqlite3.DatabaseError as error:
            if "no such" in str(error):
                raise
            self._say_lost(error)
        return counts

    def _say_lost(self, error: sqlite3.Error) -> None:
        line = f"damaged: {one_line(error)}; {self.advice}"
        if line not in self.lost:
            self.lost.append(line)


def _channels(database: sqlite3.Connection, counts: Counter[int]) -> Iterator[Channel]:
    definitions: dict[str, tuple[str, str]] = {}
    if _columns(database, "message_definitions"):
        for name, language, text in database.execute(
            "SELECT topic_type, encoding, encoded_message_definition "
            "FROM message_definitions ORDER BY id DESC"
        ):
            definitions[str(name)] = (str(language or ""), str(text or ""))
    # The first version of the format had fewer columns.
    encoded = "serialization_format" in _columns(database, "topics")
    encoding = "serialization_format" if encoded else f"'{CDR}'"
    for key, topic, kind, encoding_found in database.execute(
        f"SELECT id, name, type, {encoding} FROM topics ORDER BY id"
    ):
        language, text = definitions.get(str(kind), ("", ""))
        yield Channel(
            key=int(key),
            topic=str(topic),
            msgtype=normalized_type(str(kind)),
            encoding=str(encoding_found),
            language=language,
            definition=text,
            count=counts[key],
        )


def _columns(database: sqlite3.Connection, table: str) -> set[str]:
    return {str(row[1]) for row in database.execute(f"PRAGMA table_info({table})")}
