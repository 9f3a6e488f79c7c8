# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameter files in which a key has no value, which ROS's own parser does not take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

_OPTION = "--params-file"


@contextmanager
def without_empty_values(arguments: Sequence[str]) -> Iterator[list[str]]:
    """Gives the arguments of a program with copies of such files in place of them.

    A key without a value means its default, so the copy leaves the key out. Other files stay,
    and what is wrong with them is left to ROS to say.
    """
    with TemporaryDirectory(prefix="vit_perception_parameters_") as folder:
        result = list(arguments)
        for index, (option, path) in enumerate(zip(arguments, arguments[1:], strict=False)):
            if option == _OPTION and (text := _completed(Path(path))) is not None:
                copy = Path(folder) / f"{index}_{Path(path).name}"
                copy.write_text(text, encoding="utf-8")
                result[index + 1] = str(copy)
        yield result


def _completed(path: Path) -> str | None:
    """Returns a file's text without keys that have no value; None where all have one."""
    try:
        values = yaml.safe_load(path.read_bytes())
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    kept = _kept(values)
    return None if kept == values else yaml.safe_dump(kept, default_flow_style=None)


def _kept(values: dict[Any, Any]) -> dict[Any, Any]:
    return {
        key: _kept(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if value is not None
    }
