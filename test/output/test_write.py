# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

import pytest

from vit_perception.output import exchange, partial
from vit_perception.output.failure import OutputError
from vit_perception.output.write import (
    new_file,
    new_folder,
    try_new_folder,
    try_writing,
    write,
)

from ..refusals import refusal_of
from ..small_disk import on_small_disk
from .killed import killed


@pytest.fixture(autouse=True)
def _sweeps_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial, "_swept", set())


def test_a_file_is_written_with_its_folders_and_the_usual_mode(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.json"
    write(path, b"new")
    assert path.read_bytes() == b"new"
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode
    assert os.listdir(path.parent) == ["b.json"]


def test_the_old_file_stays_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write(path, b"old")
    with pytest.raises(ZeroDivisionError), new_file(path) as new:
        new.write_bytes(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.json"]


def test_the_partial_name_keeps_the_suffix(tmp_path: Path) -> None:
    with new_file(tmp_path / "clip.mp4") as new:
        assert new.suffix == ".mp4"
        assert new.parent == tmp_path


def test_a_link_is_followed(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    write(real, b"old")
    link.symlink_to(real)
    write(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_a_device_is_written_straight() -> None:
    write(Path("/dev/null"), b"anything")
    assert not Path("/dev/null").is_file()


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    script = f"""
from pathlib import Path
from vit_perception.output.failure import OutputError
from vit_perception.output.write import new_folder, write
disk = Path({str(disk)!r})
write(disk / "kept", b"old")
def fill_folder():
    with new_folder(disk / "b") as new:
        (new / "c").write_bytes(bytes(10**6))
for one in (lambda: write(disk / "kept", bytes(10**6)), fill_folder):
    try:
        one()
    except OutputError as error:
        print(error)
print((disk / "kept").read_bytes())
"""
    outcome = on_small_disk(disk, "64k", "-c", script)
    full = "expected to write here, found No space left on device"
    assert outcome.stdout.splitlines() == [f"{disk}/kept: {full}", f"{disk}/b: {full}", "b'old'"]
    assert outcome.left == ("kept",)


def test_a_limit_on_files_is_one_line(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        line = refusal_of(OutputError, lambda: write(tmp_path / "a", bytes(5000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert line == f"{tmp_path}/a: expected to write here, found File too large"
    assert os.listdir(tmp_path) == []


def test_an_error_about_another_file_passes_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), new_file(tmp_path / "a") as new:
        new.write_bytes((tmp_path / "elsewhere" / "absent").read_bytes())


@pytest.mark.parametrize("place", ["file/a.json", "folder", "/proc/a.json", "x" * 300, "loop/a"])
def test_a_place_that_cannot_be_written_is_refused_beforehand(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    line = refusal_of(OutputError, lambda: try_writing(tmp_path / place))
    assert line.startswith(f"{tmp_path / place}: expected ")
    refusal_of(OutputError, lambda: write(tmp_path / place, b""))


def test_trying_leaves_nothing(tmp_path: Path) -> None:
    try_writing(tmp_path / "a" / "b" / "c.json")
    try_writing(Path("/dev/stdout"))
    assert os.listdir(tmp_path) == []


def test_what_a_killed_writer_left_is_swept_and_what_a_living_one_writes_is_not(
    tmp_path: Path,
) -> None:
    killed(
        """
from vit_perception.output.write import new_file
with new_file(target / "a.json") as new:
    new.write_text("half")
    die()
""",
        tmp_path,
    )
    assert len(os.listdir(tmp_path)) == 1
    with new_file(tmp_path / "b.json") as living:
        assert os.listdir(tmp_path) == [living.name]
        partial._swept.clear()
        write(tmp_path / "a.json", b"whole")
        living.write_bytes(b"also whole")
    assert sorted(os.listdir(tmp_path)) == ["a.json", "b.json"]


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    for content in (b"old", b"new"):
        with new_folder(target) as new:
            (new / "a").write_bytes(content)
    assert (target / "a").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["bundle"]


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_folder_stays_when_putting_in_place_fails(
    tmp_path: Path, can_exchange: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, new = tmp_path / "bundle", tmp_path / "new"
    target.mkdir()
    (target / "old").touch()
    if not can_exchange:
        monkeypatch.setattr(exchange, "_exchange", lambda *_: False)
    with pytest.raises(FileNotFoundError):
        exchange.put_in_place(new, target)
    assert os.listdir(target) == ["old"]


@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("replaced", [True, False])
def test_a_folder_is_there_after_a_kill_between_the_renames(
    tmp_path: Path, call: int, replaced: bool
) -> None:
    """Where folders cannot be exchanged; the next run recovers what the kill hid."""
    target = tmp_path / "bundle"
    target.mkdir()
    (target / "old").touch()
    killed(
        """
from vit_perception.output import exchange
from vit_perception.output.write import new_folder
exchange._exchange = lambda *_: False
left, rename = int(sys.argv[2]), Path.rename
def counted(self, to):
    global left
    if left == 1:
        die()
    left -= 1
    return rename(self, to)
Path.rename = counted
with new_folder(target) as new:
    (new / "new").touch()
""",
        target,
        call,
    )
    if replaced:
        with new_folder(target) as new:
            (new / "newer").touch()
        assert os.listdir(target) == ["newer"]
    else:
        with pytest.raises(ZeroDivisionError), new_folder(target):
            raise ZeroDivisionError
        assert os.listdir(target) == (["new"] if call == 3 else ["old"])
    assert os.listdir(tmp_path) == ["bundle"]


def test_a_folder_is_the_old_or_the_new_one_at_every_moment(tmp_path: Path) -> None:
    """A process replaces it without pause; another looks."""
    import subprocess
    import sys

    target = tmp_path / "bundle"
    script = """
import sys
from pathlib import Path
from vit_perception.output.write import new_folder
while True:
    with new_folder(Path(sys.argv[1])) as new:
        (new / "a").touch()
"""
    with subprocess.Popen([sys.executable, "-c", script, str(target)]) as process:
        try:
            while not target.exists():
                pass
            assert all((target / "a").exists() for _ in range(50_000))
        finally:
            process.kill()


def test_the_current_folder_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def replace() -> None:
        with new_folder(Path(".")):
            pass

    assert refusal_of(OutputError, replace) == (
        ".: expected a folder to replace, found the current one"
    )


@pytest.mark.parametrize("place", ["file/a", "/proc/a", "x" * 300, "loop/a", "/dev", "."])
def test_a_folder_that_cannot_be_written_is_refused_beforehand(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("loop").symlink_to("loop")
    line = refusal_of(OutputError, lambda: try_new_folder(Path(place)))
    assert line.startswith(f"{place}: expected ")


def test_trying_a_folder_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    try_new_folder(tmp_path / "a" / "b")
    try_new_folder(tmp_path / "old")
    assert os.listdir(tmp_path) == ["old"]


def test_other_errors_of_the_system_are_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught, new_file(tmp_path / "a"):
        raise OSError(errno.EIO, "Input/output error")
    assert str(caught.value) == f"{tmp_path}/a: expected to write here, found Input/output error"
