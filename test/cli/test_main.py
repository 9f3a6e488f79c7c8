# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from vit_perception.cli.__main__ import COMMANDS, build_parser, main

from ..bags.squares import record_squares


def test_help_is_there_for_each_command_with_an_example(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in COMMANDS:
        with pytest.raises(SystemExit) as caught:
            main([command.NAME, "--help"])
        assert caught.value.code == 0
        text = capsys.readouterr().out
        assert "example:" in text
        assert f"vit-perception {command.NAME}" in text.partition("example:")[2]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from vit_perception.cli.__main__ import build_parser\n"
        "build_parser().format_help()\n"
        "print([m for m in ('numpy', 'cv2', 'onnxruntime', 'torch', 'rclpy') if m in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_version_and_unknown_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("vit-perception ")
    for arguments in (["paint"], []):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["info", "no_such_bundle"], "no_such_bundle: expected a bundle folder"),
        (["info", "{tmp}/broken.mcap"], "broken.mcap: expected a bag"),
        (["detect", "{tmp}/absent.jpg"], "absent.jpg: expected a picture"),
        (["detect", "{tmp}/a.jpg", "--bundle", "{tmp}"], "bundle.yaml"),
        (["detect", "{tmp}/a.jpg", "--bundle", "{toy}", "--vocabulary", ","], "name"),
        (["detect", "{tmp}/a.jpg", "--bundle", "{toy}", "--vocabulary", "x.txt"], "x.txt"),
        (["detect", "{tmp}/a.jpg", "--bundle", "{toy}", "--precision", "int4"], "int4"),
        (["detect", "{tmp}/a.jpg", "--bundle", "{toy}", "--provider", "abacus"], "abacus"),
        (["detect", "{tmp}/a.jpg", "--bundle", "{toy}", "--out", "{tmp}/a.jpg"], "a.jpg"),
        (["replay", "{tmp}/none", "--bundle", "{toy}", "--out", "{tmp}/o"], "expected a bag"),
        (
            ["replay", "{bag}", "--bundle", "{toy}", "--out", "{bag}"],
            "expected a place outside the input",
        ),
        (["replay", "{bag}", "--bundle", "{toy}", "--out", "{tmp}/o", "--topic", "/x"], "/x"),
        (["evaluate", "{toy}", "--bundle", "{toy}"], "annotations.json: expected a readable file"),
    ],
)
def test_user_errors_are_one_line(
    arguments: list[str],
    complaint: str,
    tmp_path: Path,
    toy_bundle_dir: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "broken.mcap").write_text("no bag")
    (tmp_path / "a.jpg").write_bytes(b"")
    bag = record_squares(tmp_path / "bag", count=1, height=64, width=96)
    places = {"tmp": tmp_path, "toy": toy_bundle_dir, "bag": bag}
    assert main([argument.format(**places) for argument in arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"vit-perception {arguments[0]}: ")
    assert complaint in lines[0]


@pytest.mark.parametrize(
    "option", [("--score-threshold", "2"), ("--max-detections", "0"), ("--iou-threshold", "x")]
)
def test_options_out_of_range_are_refused_by_the_parser(option: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args(["detect", "a.jpg", *option])
    assert caught.value.code == 2


def test_an_interrupt_ends_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("vit_perception.cli.info.run", interrupted)
    assert main(["info"]) == 130
    assert capsys.readouterr().err == "vit-perception info: interrupted\n"


@pytest.mark.parametrize("status", [130, 143])
def test_an_interrupted_command_ends_before_its_libraries_do(status: int) -> None:
    script = (
        "import atexit, sys, time; from vit_perception.cli import __main__ as cli\n"
        "atexit.register(time.sleep, 60); cli.main = lambda: int(sys.argv[1])\n"
        "print('told'); cli.program()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(status)],
        stdout=subprocess.PIPE, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (status, "told\n")


def test_a_deleted_current_folder_is_one_line(tmp_path: Path, toy_bundle_dir: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    record_squares(tmp_path / "bag")
    root = Path(__file__).resolve().parents[2]
    script = 'cd "$1" && rmdir "$1" && shift && exec "$@"'
    command = [sys.executable, "-m", "vit_perception.cli"]
    result = subprocess.run(
        ["sh", "-c", script, "sh", str(folder), *command, "replay", str(tmp_path / "bag"),
         "--out", "out", "--bundle", str(toy_bundle_dir)],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == (
        "vit-perception replay: current folder: expected one to begin paths in, found that it was "
        "deleted"
    )
    assert "Traceback" not in result.stderr


def test_a_lack_of_memory_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for error, found in (
        (MemoryError("Unable to allocate 10. TiB"), "Unable to allocate 10. TiB"),
        (MemoryError(), "MemoryError"),
        (cv2.error("std::bad_alloc"), "std::bad_alloc"),
    ):

        def fail(_: object, error: Exception = error) -> int:
            raise error

        monkeypatch.setattr("vit_perception.cli.info.run", fail)
        assert main(["info"]) == 2
        assert capsys.readouterr().err == (
            f"vit-perception info: memory: expected enough for this, found none left ({found})\n"
        )
