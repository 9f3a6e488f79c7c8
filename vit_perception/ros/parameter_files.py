# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameter files of ROS: for whom they are, and keys without a value. Needs no ROS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from vit_perception.document import Document, DocumentError

_OPTION = "--params-file"
_PARAMETERS = "ros__parameters"


def nodes_named(path: Path) -> tuple[str, ...]:
    """Returns the nodes that a file has parameters for, as it names them, wildcards too.

    Raises:
        DocumentError: the file cannot be read, or is no safe YAML mapping.
    """
    return tuple(_nodes_in(Document.load(path).values, ""))


def is_for(pattern: str, node: str) -> bool:
    """Returns whether a name in a file stands for a node.

    Args:
        pattern: e.g. "detector", "/front/detector", "/**", "/*/detector".
        node: its full name, e.g. "/front/detector".
    """
    parts = [re.escape(part) for part in pattern.strip("/").split("/")]
    tokens = {re.escape("**"): "(?:[^/]+(?:/[^/]+)*)?", re.escape("*"): "[^/]+"}
    expression = "/".join(tokens.get(part, part) for part in parts)
    # "/**/detector" is also "/detector".
    expression = expression.replace(f"{tokens[re.escape('**')]}/", "(?:[^/]+/)*")
    return re.fullmatch(expression, node.strip("/")) is not None


def _nodes_in(values: dict[Any, Any], prefix: str) -> Iterator[str]:
    for key, value in values.items():
        name = f"{prefix}/{str(key).strip('/')}"
        if isinstance(value, dict) and _PARAMETERS in value:
            yield name
        elif isinstance(value, dict):
            yield from _nodes_in(value, name)


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
        values = Document.load(path).values
    except DocumentError:
        return None
    kept = _kept(values)
    return None if kept == values else yaml.safe_dump(kept, default_flow_style=None)


def _kept(values: dict[Any, Any]) -> dict[Any, Any]:
    return {
        key: _kept(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if value is not None
    }
