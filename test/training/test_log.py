# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The log of a run: what kills, losses of power and other hands leave of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("torch")

from vit_perception.output.failure import OutputError  # noqa: E402
from vit_perception.training.failure import TrainingError  # noqa: E402
from vit_perception.training.log import StepLog, cut_log, read_log  # noqa: E402
from vit_perception.training.run import write_curves  # noqa: E402

from ..refusals import refusal_of  # noqa: E402
from ..small_disk import on_small_disk  # noqa: E402

pytestmark = pytest.mark.torch

LINES = [json.dumps({"step": n, "classes": 1.5, "box": n / 2}).encode() + b"\n" for n in (1, 2, 3)]


def log_of(folder: Path, content: bytes) -> Path:
    path = folder / "log.jsonl"
    path.write_bytes(content)
    return path


def test_what_is_appended_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    assert read_log(path) == []
    for step in (1, 2, 3):
        with StepLog(path) as log:
            log.append(step, {"classes": 1.5, "box": step / 2})
            log.to_disk()
    assert path.read_bytes() == b"".join(LINES)
    assert [(row.step, row.losses["box"]) for row in read_log(path)] == [
        (1, 0.5),
        (2, 1),
        (3, 1.5),
    ]


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"".join(LINES), [1, 2, 3]),
        (b"".join(LINES)[:-1], [1, 2, 3]),
        (b"".join(LINES)[:-9], [1, 2]),
        (b"".join(LINES[:2]) + bytes(4096), [1, 2]),
        (LINES[0] + b"\0" * 40 + LINES[1] + LINES[2], [1, 2, 3]),
        (LINES[0] + b'{"step": 2, "classes"\n' + LINES[2], [1, 3]),
        (LINES[0] + b"\xff\xfe\n" + b"[" * 100_000 + b"\n" + LINES[2], [1, 3]),
        (LINES[0] + b'{"step": 2, "classes": NaN, "box": 1}\n' + LINES[2], [1, 3]),
        (LINES[0] + b'{"step": 2, "classes": 1}\n[2]\n{"step": "2"}\n' + LINES[2], [1, 3]),
        (LINES[0] + b'{"step": 2, "classes": ' + b"9" * 9999 + b', "box": 1}\n', [1]),
        (LINES[0] + LINES[1] + LINES[1] + LINES[0] + LINES[2], [1, 2, 3]),
        (b"", []),
        (bytes(4096), []),
        (b'{"st', []),
    ],
)
def test_damaged_lines_are_passed_over_and_told(
    tmp_path: Path, content: bytes, kept: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    path = log_of(tmp_path, content)
    curves = write_curves(tmp_path)
    assert (curves is None) == (not kept)
    if kept:
        assert json.loads((tmp_path / "curves.json").read_text())["step"] == kept
    cut_log(path, 3)
    assert path.read_bytes() == b"".join(LINES[step - 1] for step in kept)
    told = [] if kept == [1, 2, 3] else [
        f"{path}: expected a row for each of 3 steps, found {len(kept)}; the others are lost"
    ]  # fmt: skip
    assert [record.getMessage() for record in caplog.records] == told


@pytest.mark.parametrize("steps", [0, 2])
def test_rows_behind_the_checkpoint_go(tmp_path: Path, steps: int) -> None:
    path = log_of(tmp_path, b"".join(LINES) + b'{"step')
    cut_log(path, steps)
    assert path.read_bytes() == b"".join(LINES[:steps])
    assert os.listdir(tmp_path) == ["log.jsonl"]


def test_a_log_of_another_program_is_not_emptied(tmp_path: Path) -> None:
    path = log_of(tmp_path, b"10:00 started\n10:01 done\n")
    assert refusal_of(TrainingError, lambda: cut_log(path, 0)) == (
        f"{path}: expected the log of a training run, found other content"
    )
    assert path.read_bytes() == b"10:00 started\n10:01 done\n"


def test_a_log_that_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log.jsonl")
    line = refusal_of(TrainingError, lambda: cut_log(tmp_path / "log.jsonl", 0))
    assert line == f"{tmp_path}/log.jsonl: expected a file, found a pipe"
    (tmp_path / "folder").mkdir()
    line = refusal_of(OutputError, lambda: StepLog(tmp_path / "folder"))
    assert line == f"{tmp_path}/folder: expected to write here, found Is a directory"


def test_a_folder_of_any_name_gets_curves(tmp_path: Path) -> None:
    for name in (b"a $x^{ b", b"\xff\x1b[31m", "眼".encode(), b"[red]"):
        folder = tmp_path / os.fsdecode(name)
        folder.mkdir()
        log_of(folder, b"".join(LINES))
        assert write_curves(folder) == folder / "curves.png"


def test_a_full_disk_leaves_whole_rows(tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
from vit_perception.output.failure import OutputError
from vit_perception.training.log import StepLog, read_log
path = Path({str(tmp_path / "disk")!r}) / "log.jsonl"
step = 0
try:
    with StepLog(path) as log:
        while True:
            log.append(step + 1, {{"classes": 1.0}})
            step += 1
except OutputError as error:
    print(error)
print(len(read_log(path)) == step > 100, path.read_bytes().endswith(b"}}\\n"))
"""
    outcome = on_small_disk(tmp_path / "disk", "16k", "-c", script)
    assert outcome.stdout.splitlines() == [
        f"{tmp_path}/disk/log.jsonl: expected to write here, found No space left on device",
        "True True",
    ]
    assert outcome.left == ("log.jsonl",)
