# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Fuzzing that does the same in every run, and small damage to the bytes of a file for it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Change = tuple[str, int, int, bytes]
"""What is done, where it begins and how far it goes (in 1/1024 of the file), what is put in."""

_KINDS = ("nothing", "overwrite", "insert", "delete", "repeat", "truncate", "append")

_part = st.integers(0, 1023)
_content = st.binary(min_size=1, max_size=4)
changes = st.lists(
    st.tuples(st.sampled_from(_KINDS), _part, _part, _content), min_size=1, max_size=3
)
overwrites = st.lists(
    st.tuples(st.just("overwrite"), _part, st.just(0), st.binary(min_size=1, max_size=2)),
    min_size=1,
    max_size=3,
)


def changed(data: bytes, sequence: list[Change]) -> bytes:
    """The bytes after one change after the other."""
    for kind, begin, size, content in sequence:
        at = begin * len(data) // 1024
        end = at + 1 + (size * len(data) // 1024 - at if size > begin else 0)
        if kind == "overwrite":
            data = data[:at] + content + data[at + len(content) :]
        elif kind == "insert":
            data = data[:at] + content + data[at:]
        elif kind == "delete":
            data = data[:at] + data[end:]
        elif kind == "repeat":
            data = data[:end] + data[at:]
        elif kind == "truncate":
            data = data[:at]
        elif kind == "append":
            data += content
    return data


def fuzz(case: st.SearchStrategy[Any], check: Callable[[Any], None], examples: int) -> None:
    """Run a check on so many cases, the same ones each time; a warning is a failure."""

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case)
    def run(each: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check(each)

    run()
