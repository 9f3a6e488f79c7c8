# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One writer at a time."""

from __future__ import annotations

import errno
import os
import shutil
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

_AS_ANOTHER = """
import os, sys
from pathlib import Path
from vit_perception.output.lock import sole_writer_in
if os.getuid():
    sys.exit(99)
folder = Path(sys.argv[1])
os.chmod(folder, 0o777)
os.chdir(folder)
os.setuid(65534)
with sole_writer_in(Path(".")):
    pass
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


def test_a_folder_that_is_moved_or_deleted_meanwhile_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    told = (
        f"{folder}: expected the folder to stay until the end, found it or its .lock moved or "
        "deleted: files may be missing"
    )

    def held(meanwhile: Callable[[], object]) -> None:
        with sole_writer_in(folder):
            meanwhile()

    def move() -> None:
        folder.rename(tmp_path / "moved")
        folder.mkdir()

    assert refusal_of(OutputError, lambda: held(move)) == told
    assert refusal_of(OutputError, lambda: held(lambda: shutil.rmtree(folder))) == told
    with pytest.raises(KeyError):  # an error of its own comes first
        held(lambda: [shutil.rmtree(folder), {}["x"]])


@pytest.mark.parametrize("holder", [sole_writer_in, sole_writer_of])
def test_what_no_writer_left_stays_as_it_is(tmp_path: Path, holder: Holder) -> None:
    target, theirs = tmp_path / "out", tmp_path / "theirs"
    target.mkdir()
    theirs.write_text("precious")
    place = target / ".lock" if holder is sole_writer_in else tmp_path / ".out.lock"
    expected = f"{place}: expected nothing or a file that an earlier run left, found "
    for put, found in (
        (lambda: place.symlink_to(theirs), "no regular file"),
        (lambda: os.mkfifo(place), "no regular file"),
        (lambda: place.mkdir(), "no regular file"),
        (lambda: place.write_text("theirs"), "another file"),
    ):
        put()
        assert refusal_of(OutputError, lambda: _enter(holder(target))) == expected + found
        assert os.path.lexists(place)
        if place.is_dir():
            place.rmdir()
        else:
            place.unlink()
    assert theirs.read_text() == "precious"


def test_the_lock_that_a_killed_process_of_another_user_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("1")
    (tmp_path / ".lock").chmod(0o444)
    done = subprocess.run(
        [sys.executable, "-c", _AS_ANOTHER, str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode == 99:
        pytest.skip("only root can become another user")
    assert (done.returncode, done.stderr, os.listdir(tmp_path)) == (0, "", [])


def test_a_file_system_without_locks_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    assert refusal_of(OutputError, lambda: _enter(sole_writer_in(tmp_path))) == (
        f"{tmp_path}: expected a file system with locks, found No locks available"
    )
    assert os.listdir(tmp_path) == []
