# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One writer at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from vit_perception.output import lock
from vit_perception.output.failure import OutputError
from vit_perception.output.lock import sole_writer_in, sole_writer_of

from ..refusals import refusal_of
from .killed import killed

Holder = Callable[[Path], AbstractContextManager[None]]

_HOLD = """
import sys
from pathlib import Path
from vit_perception.output import lock
with getattr(lock, sys.argv[1])(Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def _enter(context: AbstractContextManager[None]) -> None:
    with context:
        pass


@pytest.mark.parametrize("holder", [sole_writer_in, sole_writer_of])
def test_a_second_writer_is_refused_and_a_third_is_not(
    tmp_path: Path, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a" / "out"
    first = subprocess.Popen(
        [sys.executable, "-c", _HOLD, holder.__name__, str(target)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with first:
        assert first.stdout is not None and first.stdin is not None
        assert first.stdout.readline() == "held\n"
        monkeypatch.setattr(lock, "PATIENCE", 0.1)
        assert refusal_of(OutputError, lambda: _enter(holder(target))) == (
            f"{target}: expected one writer, found process {first.pid} writing there"
        )
        monkeypatch.setattr(lock, "PATIENCE", 10)
        first.stdin.close()
        _enter(holder(target))  # waits
    assert not target.exists() or os.listdir(target) == []
    assert set(os.listdir(target.parent)) <= {"out"}


@pytest.mark.parametrize("name", ["sole_writer_in", "sole_writer_of"])
def test_a_killed_writer_leaves_the_place_free(tmp_path: Path, name: str) -> None:
    target = tmp_path / "out"
    killed(f"from vit_perception.output.lock import {name}\nwith {name}(target): die()\n", target)
    _enter(getattr(lock, name)(target))
    assert set(os.listdir(tmp_path)) <= {"out"}


def test_of_many_writers_one_is_at_work(tmp_path: Path) -> None:
    """Each adds one to a number in a file, many times, without losing one."""
    script = """
import sys
from pathlib import Path
from vit_perception.output import lock
lock.PATIENCE, lock._PAUSE = 60, 0.0005
folder = Path(sys.argv[1])
for _ in range(100):
    with lock.sole_writer_in(folder):
        number = folder / "number"
        number.write_text(str(int(number.read_text()) + 1))
"""
    (tmp_path / "number").write_text("0")
    processes = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path)]) for _ in range(4)]
    assert [process.wait(timeout=60) for process in processes] == [0] * 4
    assert (tmp_path / "number").read_text() == "400"


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for holder in (sole_writer_in, sole_writer_of):
        target = tmp_path / "file" / "out"
        line = refusal_of(OutputError, lambda holder=holder, target=target: _enter(holder(target)))
        assert line.startswith(f"{target}: expected to write here, found ")
