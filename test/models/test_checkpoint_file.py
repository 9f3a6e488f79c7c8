# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of torch.save, of anybody: read in another process, or refused in one line."""

from __future__ import annotations

import struct
import subprocess
import tempfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from vit_perception.models import checkpoint_file  # noqa: E402
from vit_perception.models.checkpoint_file import CheckpointError, read_state_dict  # noqa: E402

from ..fuzzed_bytes import changed, changes, fuzz  # noqa: E402
from ..input.places import NO_FILES  # noqa: E402
from .checkpoint_archives import (  # noqa: E402
    STORAGE,
    assert_equal,
    pickled,
    tensor,
    weights,
    write_archive,
)
from .hostile_pickles import fatal_pickles, hostile_pickles, nothing_happens  # noqa: E402

pytestmark = pytest.mark.torch

STATE = pickled({"w": tensor(STORAGE, 0, (6,), (1,))})


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a file is given to the reader."""
    monkeypatch.setattr(checkpoint_file, "_read_apart", lambda path: pytest.fail("read"))


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_state_dict(path)
    message = str(caught.value)
    assert message.isprintable()
    assert message.startswith(f"{path}: ")
    assert len(message) < 600
    return message.removeprefix(f"{path}: ")


def test_tensors_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a relative path, with modules beside it that nobody should import."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    for module in ("torch", "safetensors", "resource"):
        Path(f"{module}.py").write_text("raise SystemExit(3)")
    torch.save({"state_dict": weights(), "epoch": 3}, "-odd näme.pth")
    found = read_state_dict(Path("-odd näme.pth"))
    assert list((tmp_path / "temporary").iterdir()) == []
    assert_equal(found, weights())
    found["scalar"].fill_(2.0)
    assert found["scalar"] == 2


@pytest.mark.parametrize("name", fatal_pickles())
def test_fatal_files_are_refused(name: str, tmp_path: Path) -> None:
    message = refusal(write_archive(tmp_path / "a.pth", fatal_pickles()[name]))
    expected = {
        "tuples in tuples as a key": "found one that its reader did not survive (exit status -11)",
        "two gigabytes asked for": "found one that takes more",
        "text that doubles": "found one that takes more",
    }
    assert expected[name] in message
    assert [each.name for each in tmp_path.iterdir()] == ["a.pth"]


def test_a_hostile_file_is_refused(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    data = hostile_pickles(str(touched))["a command"]
    path = write_archive(tmp_path / "a.pth", data)
    assert refusal(path) == "expected a state dict, found 'subprocess.getoutput'"
    assert not touched.exists()


def test_a_slow_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_file, "TIMEOUT_SECONDS", 0.1)
    message = refusal(write_archive(tmp_path / "a.pth", STATE))
    assert "found one that takes more than 0.1 s to read" in message


@pytest.mark.parametrize(
    ("status", "output", "expected"),
    [
        (1, b"refused: one\nline \x1b[1m\xff", "one line ?[1m\N{REPLACEMENT CHARACTER}"),
        (1, b"refused: " + b"x" * 9999, "xxxx"),
        (1, b"Traceback", "expected a checkpoint of torch.save, found one that its reader did"),
        (-9, b"", "expected a checkpoint of torch.save, found one that its reader did"),
        (0, b"", "expected tensors from the reader of the file, found "),
    ],
)
def test_what_the_reader_says_is_not_trusted(
    status: int, output: bytes, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
        options["stdout"].write(output)  # type: ignore[attr-defined]
        return subprocess.CompletedProcess(command, status)

    monkeypatch.setattr(subprocess, "run", run)
    assert refusal(write_archive(tmp_path / "a.pth", STATE)).startswith(expected)


@pytest.mark.parametrize("protocol", [4, 5])
def test_later_protocols_are_refused(tmp_path: Path, protocol: int, unread: None) -> None:
    torch.save(weights(), tmp_path / "a.pth", pickle_protocol=protocol)
    expected = f"expected pickle protocol 2, as torch.save writes by default, found {protocol}"
    assert refusal(tmp_path / "a.pth") == expected


@pytest.mark.parametrize(
    "name", ["../data.pkl", "/etc/passwd", "archive/../../x", "archive\\..\\x", "C:/x"]
)
def test_members_outside_of_the_archive_are_refused(tmp_path: Path, name: str) -> None:
    path = write_archive(tmp_path / "a.pth", pickled({}))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"x")
    assert refusal(path).startswith("expected members inside the archive, found ")
    assert [each.name for each in tmp_path.iterdir()] == ["a.pth"]


def test_a_member_twice_is_refused(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.pth", pickled({}))
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("archive/data.pkl", b"x")
    assert "each member once, found 'archive/data.pkl' twice" in refusal(path)


@pytest.mark.parametrize(
    "names", [[], ["a/data.pkl", "b/data.pkl"], ["data.pkl"], ["a/b/data.pkl"]]
)
def test_an_archive_has_one_pickle(tmp_path: Path, names: list[str]) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in [*names, "else"]:
            archive.writestr(name, b"x")
    assert "expected one data.pkl" in refusal(path)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(2**26))
    assert "found 'archive/data.pkl' compressed" in refusal(path)


def central_directory(path: Path, change: Callable[[bytearray, int], None]) -> Path:
    """Change the first entry of an archive's directory, which begins at the given byte."""
    data = bytearray(path.read_bytes())
    change(data, data.index(b"PK\x01\x02"))
    path.write_bytes(data)
    return path


def test_a_declared_size_that_is_not_there_is_refused(tmp_path: Path) -> None:
    def swell(data: bytearray, at: int) -> None:
        data[at + 20 : at + 28] = struct.pack("<II", 2**31, 2**31)

    path = central_directory(write_archive(tmp_path / "a.pth", pickled({})), swell)
    assert "declared" in refusal(path)


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    def encrypt(data: bytearray, at: int) -> None:
        data[at + 8] |= 1

    path = central_directory(write_archive(tmp_path / "a.pth", pickled({})), encrypt)
    assert refusal(path).startswith("expected a checkpoint of torch.save, found ")


def test_a_huge_directory_is_not_read(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.pth", pickled({}))
    end = path.read_bytes()[-22:]
    size = 2**25
    with path.open("wb") as file:
        file.write(b"PK")
        file.truncate(size)
        file.seek(size)
        file.write(end[:12] + struct.pack("<II", size, 0) + end[20:])
    tracemalloc.start()
    try:
        assert "central directory" in refusal(path)
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()


def test_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_file, "MAX_MEMBERS", 5)
    members = {f"data/{index}": b"" for index in range(9)}
    path = write_archive(tmp_path / "a.pth", pickled({}), **members)
    assert "expected at most 5 members, found 11" in refusal(path)


def test_a_large_pickle_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_file, "MAX_PICKLE_BYTES", 100)
    path = write_archive(tmp_path / "a.pth", pickled({"a": "x" * 200}))
    assert "expected a pickle of 100 bytes at most" in refusal(path)


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    with path.open("wb") as file:
        file.truncate(checkpoint_file.MAX_FILE_BYTES + 1)
    assert "expected at most" in refusal(path)


def test_the_old_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save(weights(), path, _use_new_zipfile_serialization=False)
    assert "expected the zip format of torch.save, found another" in refusal(path)


def test_files_that_are_none(tmp_path: Path) -> None:
    assert refusal(tmp_path / "absent.pth").startswith("expected a readable file, found No such")
    assert refusal(tmp_path).startswith("expected a file, found a folder")
    for content in (b"", b"P", b"PK", b"PK\x05\x06", b"\x80\x02.", b"PK" * 1000):
        (tmp_path / "a.pth").write_bytes(content)
        assert refusal(tmp_path / "a.pth").startswith("expected ")


def test_damage_is_refused(tmp_path: Path, unread: None) -> None:
    torch.save({"w": torch.ones(30)}, tmp_path / "a.pth")
    data = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(data.replace(b"\x80\x3f", b"\x80\x3e"))
    assert refusal(tmp_path / "a.pth") == "expected intact members, found 'a/data/0' damaged"


def test_changed_files_are_read_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader's own test changes them again."""
    monkeypatch.setattr(checkpoint_file, "_read_apart", lambda path: {})
    path = tmp_path / "a.pth"
    torch.save({"state_dict": {"w": torch.ones(3), "v": torch.zeros(2)}}, path)
    data = path.read_bytes()

    def check(sequence: object) -> None:
        path.write_bytes(changed(data, sequence))
        try:
            with nothing_happens():
                read_state_dict(path)
        except CheckpointError as error:
            assert str(error).isprintable()

    fuzz(changes, check, 300)


@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "given.pth"
    NO_FILES[kind](path)
    assert refusal(path).startswith("expected a ")
