# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes rosbag2 folders in mcap, with chunks compressed by zstd.

The format version is 8, which Humble and later distributions read.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType

from rosbags.interfaces import (
    Connection,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from vit_perception.bags.messages import Message, typestore
from vit_perception.bags.reader import BagError
from vit_perception.output.failure import writing
from vit_perception.output.lock import sole_writer_of
from vit_perception.output.partial import partial_folder
from vit_perception.wording import shown_path


class BagWriter:
    """A bag that appears under its name only when it is complete.

    The same messages give the same bytes, on any machine at any time.

    Raises:
        BagError: the folder exists.
        OutputError: it cannot be written, or another process writes it.
    """

    def __init__(self, path: Path | str) -> None:
        """Takes the name of the folder to make."""
        self.path = Path(path)
        self._stack = ExitStack()
        self._scratch = self.path
        self._writer: Writer | None = None
        self._connections: dict[str, Connection] = {}

    def __enter__(self) -> BagWriter:
        # Before it is held: a path such as "." has no name to hold.
        self._refuse_another()
        with ExitStack() as stack, writing(self.path):
            stack.enter_context(sole_writer_of(self.path))
            self._refuse_another()
            self._scratch = stack.enter_context(partial_folder(self.path))
            writer = Writer(
                self._scratch / self.path.name, version=8, storage_plugin=StoragePlugin.MCAP
            )
            writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
            writer.open()
            self._writer = writer
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        writer, self._writer = self._writer, None
        with self._stack, self._writing():
            if writer is not None:
                writer.__exit__(kind, error, trace)
                if kind is None:
                    self._refuse_another()
                    (self._scratch / self.path.name).rename(self.path)

    def add_topic(self, topic: str, msgtype: str, *, latched: bool = False) -> None:
        """Declares a topic; latched ones are transient local (`/tf_static`)."""
        writer = self._open()
        if topic in self._connections:
            return
        if msgtype not in typestore().fielddefs:
            raise BagError(
                f"{shown_path(self.path)}: expected a known message type, found {msgtype}"
            )
        with self._writing():
            self._connections[topic] = writer.add_connection(
                topic, msgtype, typestore=typestore(), offered_qos_profiles=[_qos(latched)]
            )

    def write(self, topic: str, time: int, message: Message) -> None:
        """Appends a message of a declared topic; `time` is its recording in nanoseconds."""
        cdr = typestore().serialize_cdr(message, message.__msgtype__, little_endian=True)
        self.write_cdr(topic, time, bytes(cdr))

    def write_cdr(self, topic: str, time: int, cdr: bytes) -> None:
        """Appends a serialized message."""
        with self._writing():
            self._open().write(self._connections[topic], time, cdr)

    def _writing(self) -> AbstractContextManager[None]:
        return writing(self.path, self._scratch)

    def _refuse_another(self) -> None:
        if self.path.exists():
            raise BagError(
                f"{shown_path(self.path)}: expected a new folder, found one that is there already"
            )

    def _open(self) -> Writer:
        if self._writer is None:
            raise BagError(f"{shown_path(self.path)}: expected an open bag, found a closed one")
        return self._writer


def _qos(latched: bool) -> Qos:
    never = QosTime(sec=0, nsec=0)
    return Qos(
        history=QosHistory.KEEP_LAST,
        depth=10,
        reliability=QosReliability.RELIABLE,
        durability=QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        deadline=never,
        lifespan=never,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=never,
        avoid_ros_namespace_conventions=False,
    )
