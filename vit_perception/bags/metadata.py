# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What the metadata.yaml of a rosbag2 folder announces: files, and numbers of messages."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from vit_perception.input.file import InputError
from vit_perception.input.yaml_file import read_yaml
from vit_perception.wording import one_line, shown, shown_path

FILE_NAME = "metadata.yaml"
MAX_BYTES, MAX_VALUES = 16 * 2**20, 10**6
"""Room for tens of thousands of files."""


class MetadataError(ValueError):
    """A metadata.yaml cannot be used; says what was expected and what was found."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Attributes.

    files: names of the files, in the order of recording.
    topics: messages by topic.
    counts: messages by file; empty before version 5 of the format.
    """

    files: tuple[str, ...] = ()
    topics: Counter[str] = field(default_factory=Counter)
    counts: dict[str, int] = field(default_factory=dict)


def read_metadata(path: Path) -> Metadata:
    """Reads a metadata.yaml; its QoS and times are not used, as storage has its own.

    Raises:
        MetadataError: the file is damaged.
    """
    try:
        document = read_yaml(path, MAX_BYTES, MAX_VALUES)
    except InputError as error:
        raise MetadataError(str(error).removeprefix(f"{shown_path(path)}: ")) from error
    information = (
        document.get("rosbag2_bagfile_information") if isinstance(document, dict) else None
    )
    if not isinstance(information, dict):
        raise MetadataError(f"expected rosbag2_bagfile_information, found {shown(document)}")
    try:
        topics: Counter[str] = Counter()
        for entry in information.get("topics_with_message_count") or ():
            topics[str(entry["topic_metadata"]["name"])] += int(entry["message_count"])
        return Metadata(
            files=tuple(_name(each) for each in information["relative_file_paths"]),
            topics=topics,
            counts={
                _name(each["path"]): int(each["message_count"])
                for each in information.get("files") or ()
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        found = f"no {error}" if isinstance(error, KeyError) else one_line(error, 120)
        raise MetadataError(f"expected the fields of rosbag2, found {found}") from error


def _name(path: Any) -> str:
    # The first versions said the path from the parent folder.
    return PurePath(str(path)).name
