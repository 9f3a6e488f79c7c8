# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How sources of pictures are called: for people, for folders, and without absolute paths."""

from __future__ import annotations

import re
from pathlib import Path

from vit_perception.wording import shown_path

_SUFFIX = re.compile(r"\.(mcap|db3|bag)(\.[A-Za-z0-9]+)?$")
_LONGEST = 60


def plain_name(text: str) -> str:
    """Returns a text as a part of the name of a file: ASCII letters and digits, and ._- inside."""
    return re.sub("[^A-Za-z0-9._-]+", "_", text).strip("._-")[:_LONGEST] or "_"


def recording_name(path: Path) -> str:
    """Returns the name of a bag or folder without what says its kind."""
    name = path.name or path.resolve().name
    return name if path.is_dir() else _SUFFIX.sub("", name)


def shown_source(path: Path) -> str:
    """Returns a path for people: as it was given, of an absolute one the name alone."""
    return shown_path((path.name or path.resolve().name) if path.is_absolute() else path)


def without_folders(line: str, path: Path) -> str:
    """Returns a line about a source in which its absolute path is the name alone."""
    return line.replace(shown_path(path), shown_source(path)) if path.is_absolute() else line
