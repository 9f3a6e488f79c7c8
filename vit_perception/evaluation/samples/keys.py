# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How sources of pictures are called: for people, for folders, and without absolute paths."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
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


def shown_sources(paths: Sequence[Path]) -> list[str]:
    """Returns sources for people: see `shown_source`; those of one name with their folders.

    An absolute path whose name another one has gets as many folders before it as tell them apart.
    """
    parts = list(dict.fromkeys(path.parts[1:] for path in paths if path.is_absolute()))
    kept = dict.fromkeys(parts, 1)
    while True:
        ends = {each: each[-count:] for each, count in kept.items()}
        counts = Counter(ends.values())
        alike = [each for each in parts if counts[ends[each]] > 1 and kept[each] < len(each)]
        if not alike:
            break
        for each in alike:
            kept[each] += 1
    return [
        shown_path("/".join(ends[path.parts[1:]]) or "/")
        if path.is_absolute()
        else shown_source(path)
        for path in paths
    ]


def without_folders(line: str, path: Path, name: str | None = None) -> str:
    """Returns a line about a source in which its absolute path is a name.

    Args:
        line: about the source.
        path: of the source.
        name: of `shown_sources`; None: that of `shown_source`.
    """
    name = shown_source(path) if name is None else name
    return line.replace(shown_path(path), name) if path.is_absolute() else line
