# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever the terminal's encoding is, and where nothing more can be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vit_perception.cli.__main__ import main
from vit_perception.wording import printable

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "vit_perception.cli")
FULL = ": expected to write, found No space left on device\n"


def run(
    *arguments: str, stdout: int = subprocess.PIPE, **environment: str
) -> tuple[int, str, str]:
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "", **environment}, check=False, timeout=120,
    )  # fmt: skip
    return done.returncode, (done.stdout or b"").decode("latin-1"), done.stderr.decode()


@pytest.mark.parametrize("arguments", [["info"], ["--help"], ["info", "--help"], ["--version"]])
def test_a_full_output_is_one_line(arguments: list[str]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        status, _, complaint = run(*arguments, stdout=full)
    finally:
        os.close(full)
    assert status == 2
    assert complaint.startswith("vit-perception") and complaint.endswith(FULL)
    assert "standard output" in complaint
    assert complaint.count("\n") == 1


def test_a_full_output_is_one_line_in_the_middle_of_a_run(toy_bundle_dir: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        status, _, complaint = run(
            "info", str(toy_bundle_dir), "--names", stdout=full, PYTHONUNBUFFERED="1"
        )
    finally:
        os.close(full)
    assert status == 2
    assert complaint.startswith("vit-perception info: standard output") and FULL in complaint
    assert complaint.count("\n") == 1


def test_a_closed_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        status, _, complaint = run("info", stdout=writer)
    finally:
        os.close(writer)
    assert (status, complaint) == (0, "")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_an_encoding_lacks_is_escaped(encoding: str, toy_bundle_dir: Path) -> None:
    names = ("vocabulary", "--check", "--names", "杯, ü", "--bundle", str(toy_bundle_dir))
    status, printed, complaint = run(*names, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert (status, complaint) == (1, "")
    assert r"\u676f" in printed


def test_a_name_of_bytes_that_are_no_text_is_escaped() -> None:
    status, _, complaint = run("info", os.fsdecode(b"g\xff\x1b[2J"))
    assert status == 2
    assert complaint.isprintable() or complaint.count("\n") == 1
    assert r"\udcff\x1b[2J" in complaint


@pytest.mark.parametrize(
    "arguments", [["info", "--\x1b[2J"], ["\x1b[2J"], ["evaluate", "a", "--limit", "1\x1b[2J"]]
)
def test_options_do_not_reach_the_terminal_raw(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert "\x1b" not in capsys.readouterr().err


def test_an_error_is_one_line_whatever_its_file_is_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "a\nb\x1b[2J"
    for arguments in (["info", str(place)], ["detect", str(place)], ["evaluate", str(place)]):
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and printable(error) == error.rstrip("\n")


_NEXT_NUMBER = """
import os, subprocess, sys
from vit_perception.cli.__main__ import main
status = main(["info", sys.argv[1]])
file = os.open(sys.argv[2], os.O_CREAT | os.O_WRONLY)
child = subprocess.run(["sh", "-c", "echo complaint >&2"])
os.write(file, f"{status} {file > 2} {child.returncode}".encode())
"""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_no_file_takes_the_number_of_a_closed_stream(
    closed: str, toy_bundle_dir: Path, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", _NEXT_NUMBER,
         str(toy_bundle_dir), str(file)],
        cwd=ROOT, capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    assert file.read_text() == "0 True 0"


def test_an_output_that_is_open_for_reading_alone_is_one_line() -> None:
    with open(os.devnull, encoding="ascii") as unwritable:
        status, _, complaint = run("info", stdout=unwritable.fileno(), PYTHONUNBUFFERED="1")
    assert status == 2
    assert "standard output" in complaint and complaint.count("\n") == 1
