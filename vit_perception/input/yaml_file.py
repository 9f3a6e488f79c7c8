# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""YAML from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as _Safe
except ImportError:  # a PyYAML without libyaml, which takes ten times as long
    from yaml import SafeLoader as _Safe  # type: ignore[assignment]

from vit_perception.input.file import InputError, read_file
from vit_perception.wording import one_line, shown, shown_path

MAX_BYTES = 2**20
"""Room for a vocabulary of 4096 long names."""
MAX_VALUES = 50_000
MAX_DEPTH = 32
"""Lists and mappings inside each other."""
_MAX_NUMBER_LENGTH = 64
_TOO_DEEP = "nesting that is too deep"


class _Loader(_Safe):
    """Safe YAML without constructs that are expensive, or that readers understand differently.

    Merges (<<) and numbers to the base of 60 take quadratic time. Of a duplicate key, some
    readers take the first value.
    """

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Refuses duplicate keys; leaves merges, which then have no constructor."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise yaml.YAMLError(f"the key {shown(key.value)} twice")
                seen.add((key.tag, key.value))

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """Returns a number, if a person might have written its digits."""
        if len(node.value) > _MAX_NUMBER_LENGTH:
            raise yaml.YAMLError(f"a number of {len(node.value)} characters")
        whole = node.tag.endswith(":int")
        return self.construct_yaml_int(node) if whole else self.construct_yaml_float(node)


for _tag in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _Loader.construct_number)


def read_yaml(path: Path, most: int = MAX_BYTES, values: int = MAX_VALUES) -> Any:
    """Returns the value of a YAML file: of plain types, and of times where one is written.

    Args:
        path: of the file.
        most: bytes.
        values: keys, values, lists and mappings.

    Raises:
        InputError: the file cannot be read or is too large, or is no safe YAML: an alias, a key
            twice, a foreign tag, or values that are too many, too deep, or do not fit their tag.
    """
    data = read_file(path, most)
    try:
        _check_events(data, values)
        return yaml.load(data, Loader=_Loader)
    # A tag that does not fit its value (!!int x) raises IndexError, KeyError, AttributeError or
    # ValueError.
    except Exception as error:
        raise InputError(
            f"{shown_path(path)}: expected safe YAML, found {_cause(error)}"
        ) from error


def _check_events(data: bytes, most: int) -> None:
    """Refuses what would be expensive to load; a few aliases can expand to gigabytes."""
    count = depth = 0
    for event in yaml.parse(data, Loader=_Safe):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError("an alias (*name), which is not allowed")
        count += isinstance(event, yaml.NodeEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if count > most:
            raise yaml.YAMLError(f"more than {most} values")
        if depth > MAX_DEPTH:
            raise yaml.YAMLError(_TOO_DEEP)


def _cause(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem:
        line = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
        if "nesting depth" in error.problem:
            return _TOO_DEEP
        said = error.problem
        if said.startswith("but "):
            said = f"{error.context} {said}"
        problem = said.replace("did not find expected", "no").removeprefix("found ")
        return one_line(ValueError(problem)) + line
    if isinstance(error, RecursionError):
        return _TOO_DEEP
    if isinstance(error, (yaml.YAMLError, ValueError)):
        return one_line(error)
    return "a value that does not fit its tag"
