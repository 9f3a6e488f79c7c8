# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Message types as bags define them, and the values of messages."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rosbags.interfaces import Nodetype
from rosbags.serde import SerdeError
from rosbags.typesys import (
    Stores,
    TypesysError,
    get_types_from_idl,
    get_types_from_msg,
    get_typestore,
)
from rosbags.typesys.store import Typestore

from vit_perception.bags.compression import message_bytes
from vit_perception.bags.messages import typestore
from vit_perception.bags.storage import CDR, ROS1, Channel, StorageError
from vit_perception.wording import one_line, shown_path

DECODING_ERRORS = (
    AttributeError,
    LookupError,
    SerdeError,
    StorageError,
    TypeError,
    TypesysError,
    ValueError,
)
_IDL_SEPARATOR = "=" * 80 + "\n"


class Definitions:
    """Decodes messages by the definition that stands in their file, or else by the known one."""

    def __init__(self, *, encoding: str) -> None:
        """Takes the encoding that the bag's messages are to have: CDR or ROS1."""
        self._encoding = encoding

    def fault(self, channel: Channel) -> str:
        """Returns why messages of a channel cannot be read; "" if they can."""
        if channel.encoding != self._encoding or not channel.msgtype:
            encoding = shown_path(channel.encoding) or "no encoding"
            return f"{encoding} ({shown_path(channel.msgtype) or 'no type'})"
        store = self._store(channel)
        return f"{shown_path(channel.msgtype)}, {store}" if isinstance(store, str) else ""

    def decode(self, channel: Channel, raw: bytes) -> tuple[bytes, Any]:
        """Returns a message's bytes, unpacked, and its value.

        Raises: one of DECODING_ERRORS.
        """
        store = self._store(channel)
        if isinstance(store, str) or channel.encoding != self._encoding:
            raise StorageError(self.fault(channel))
        if self._encoding == ROS1:
            return raw, store.deserialize_ros1(raw, channel.msgtype)
        data = message_bytes(raw)
        return data, store.deserialize_cdr(data, channel.msgtype)

    def _store(self, channel: Channel) -> Typestore | str:
        return _store_of(self._encoding, channel.msgtype, channel.language, channel.definition)


@lru_cache(maxsize=256)  # a bag is opened several times: for topics, frames and loops
def _store_of(encoding: str, msgtype: str, language: str, definition: str) -> Typestore | str:
    """Returns the types of a channel, or why there are none."""
    fault = "whose definition is not in the bag"
    known = typestore()
    try:
        types = _parsed(msgtype, language, definition)
        if types:
            store = get_typestore(Stores.EMPTY)
            store.register(types)
            if encoding == CDR:  # some writers leave out the definitions of parts
                store.fielddefs = {**known.fielddefs, **store.fielddefs}
                store.types = {**known.types, **store.types}
            _check_parts(store, msgtype)
            return store
    except Exception as error:  # definitions are untrusted; parsers may raise anything
        fault = f"whose definition cannot be read: {one_line(error, 80)}"
    return known if encoding == CDR and msgtype in known.types else fault


def _check_parts(store: Typestore, msgtype: str) -> None:
    """Looks for the types of all parts of a message.

    Raises:
        StorageError: one is not defined.
    """
    seen: set[str] = set()
    waiting = [msgtype]
    while waiting:
        name = waiting.pop()
        if name not in store.fielddefs:
            raise StorageError(f"{shown_path(name)} is not defined")
        seen.add(name)
        fields: Any = store.fielddefs[name][1]
        for _, (kind, content) in fields:
            if kind in (Nodetype.ARRAY, Nodetype.SEQUENCE):
                kind, content = content[0]
            if kind == Nodetype.NAME and content not in seen:
                waiting.append(str(content))


def _parsed(msgtype: str, language: str, text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    if language in ("ros1msg", "ros2msg"):
        return dict(get_types_from_msg(text, msgtype))
    if language not in ("ros2idl", "omgidl"):
        return {}
    if not text.startswith(f"{_IDL_SEPARATOR}IDL: "):
        return dict(get_types_from_idl(text))
    types: dict[str, Any] = {}
    for part in text.split(_IDL_SEPARATOR)[1:]:
        types.update(get_types_from_idl(part.partition("\n")[2]))
    return types
