# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C and SIGTERM at every step of writing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from vit_perception.output import partial
from vit_perception.output.write import new_file, new_folder

_MODULES = ("write.py", "partial.py")
_FUNCTIONS = ("_partial", "_make_file", "_make_folder", "_hold")


def _file(path: Path) -> None:
    with new_file(path) as new:
        new.write_bytes(b"new")


def _folder(path: Path) -> None:
    with new_folder(path) as new:
        (new / "a").write_bytes(b"new")


def _interrupted_at(step: int, work: Callable[[], None]) -> bool:
    """Raises KeyboardInterrupt before a line of the modules; returns whether that was reached."""
    left = step

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        if os.path.basename(frame.f_code.co_filename) not in _MODULES:
            return None
        if event == "line" and frame.f_code.co_name in _FUNCTIONS:
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("write", [_file, _folder])
def test_what_is_half_written_is_removed(
    tmp_path: Path, write: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every line until the cleaning up, which a second signal does not interrupt."""
    monkeypatch.setattr(partial, "_swept", {tmp_path})
    step = 1
    while _interrupted_at(step, lambda: write(tmp_path / "target")) and step < 10:
        assert [name for name in os.listdir(tmp_path) if name != "target"] == []
        step += 1
    assert step == 10
