# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What disturbs a run: another one, kills, signals, damaged files, full disks and memory."""

from __future__ import annotations

import io
import multiprocessing.connection
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

torch = pytest.importorskip("torch")

from test.training import toy  # noqa: E402
from vit_perception.cli.__main__ import main  # noqa: E402
from vit_perception.output import lock  # noqa: E402
from vit_perception.output.lock import sole_writer_in  # noqa: E402
from vit_perception.training import loader  # noqa: E402
from vit_perception.training.annotations import load_pictures  # noqa: E402
from vit_perception.training.checkpoint import read_checkpoint, write_checkpoint  # noqa: E402
from vit_perception.training.failure import TrainingError  # noqa: E402
from vit_perception.training.phrases import build_phrase_book  # noqa: E402
from vit_perception.training.recipe import Recipe  # noqa: E402
from vit_perception.training.trainer import Trainer  # noqa: E402

from ..processes.living import living_after_a_while  # noqa: E402
from ..refusals import refusal_of  # noqa: E402
from ..small_disk import on_small_disk  # noqa: E402

pytestmark = pytest.mark.torch

torch.set_num_threads(1)

TINY: dict[str, Any] = {"size": 64, "batch": 2, "texts": 16, "warmup": 1, "steps": 2}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.write_pictures(tmp_path_factory.mktemp("data") / "train", 24)


def trainer(data: Path, folder: Path, workers: int = 0, **options: Any) -> Trainer:
    recipe = Recipe(data=(str(data),), **{**TINY, **options})
    pictures, described = load_pictures(recipe.data)
    book = build_phrase_book(described, toy.encode)
    return Trainer(recipe, pictures, book, folder, workers=workers)


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    trainer(data, folder).run()
    return folder


def command(data: Path, run: Path, *options: str, **recipe: Any) -> list[str]:
    file = data.parent / f"{run.name}.yaml"
    file.write_text(yaml.safe_dump({**TINY, "data": ["train"], **recipe}))
    return ["train", str(file), "--out", str(run), "--threads", "1", *options]


# The log


def test_a_run_killed_before_its_first_checkpoint_begins_anew(
    data: Path, whole: Path, tmp_path: Path
) -> None:
    (tmp_path / "log.jsonl").write_bytes((whole / "log.jsonl").read_bytes() + b'{"step": 3, "cl')
    begun = trainer(data, tmp_path)
    assert (tmp_path / "log.jsonl").read_bytes() == b""
    begun.run()
    assert (tmp_path / "log.jsonl").read_bytes() == (whole / "log.jsonl").read_bytes()


# The checkpoint


def _saved(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def _changed(**entries: object) -> Callable[[bytes], bytes]:
    def change(whole: bytes) -> bytes:
        state = torch.load(io.BytesIO(whole), weights_only=True)
        return _saved({**state, **entries})

    return change


def _with_other_moments(whole: bytes) -> bytes:
    state = torch.load(io.BytesIO(whole), weights_only=True)
    state["optimizer"]["state"][0]["exp_avg"] = torch.zeros(3)
    return _saved(state)


def _with_a_bit_turned(whole: bytes) -> bytes:
    at = len(whole) // 2
    return whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda whole: b"", "File is not a zip file"),
        (lambda whole: whole[: len(whole) // 2], "File is not a zip file"),
        (lambda whole: whole[:-4096] + bytes(4096), "File is not a zip file"),
        (lambda whole: bytes(len(whole)), "File is not a zip file"),
        (lambda whole: b"step 12", "File is not a zip file"),
        (_with_a_bit_turned, "damaged"),
        (lambda whole: _saved([1, 2]), "a list"),
        (
            lambda whole: _saved({"state_dict": {}, "meta": {}}),
            "none of its entries recipe, step,",
        ),
        (lambda whole: _saved({"a": print}), "Weights only load failed"),
        (_changed(step=-1), "step -1"),
        (_changed(step="12"), "step '12'"),
        (_changed(step=True), "step True"),
        (_changed(recipe="[]"), "a recipe or an optimizer of another kind"),
        (_changed(recipe="{"), "Expecting property name"),
        (_changed(model={"a": 1}), "an entry model that is no state dict"),
        (_changed(model={}), "Error(s) in loading state_dict for DOSOD"),
        (_changed(optimizer={}), "'param_groups'"),
        (_with_other_moments, "an optimizer with [3] for weights"),
    ],
)
def test_a_damaged_checkpoint_is_one_line(
    data: Path, whole: Path, tmp_path: Path, damage: Callable[[bytes], bytes], found: str
) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(damage((whole / "checkpoint.pt").read_bytes()))
    before = path.read_bytes()
    line = refusal_of(TrainingError, lambda: trainer(data, tmp_path))
    assert line.startswith(f"{path}: expected a ")
    assert found in line
    assert path.read_bytes() == before


def test_a_checkpoint_that_is_no_file_is_one_line(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    os.mkfifo(path)
    line = refusal_of(TrainingError, lambda: trainer(data, tmp_path))
    assert line == f"{path}: expected a file, found a pipe"


def test_ctrl_c_while_a_checkpoint_is_written_keeps_the_one_before(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes((whole / "checkpoint.pt").read_bytes())
    state = read_checkpoint(path)

    def interrupted(number: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_checkpoint(path, state)
    assert os.listdir(tmp_path) == ["checkpoint.pt"]
    assert read_checkpoint(path).step == 2


# Disks and memory


def test_a_full_disk_keeps_the_last_checkpoint(data: Path, tmp_path: Path) -> None:
    """There is room for one checkpoint, and for two never."""
    disk = tmp_path / "disk"
    arguments = command(data, disk / "run", "--workers", "0", steps=4, checkpoint_minutes=0.0)
    script = f"""
import sys
from pathlib import Path
from vit_perception.cli.__main__ import main
from vit_perception.training.checkpoint import read_checkpoint
code = main({arguments!r})
print(read_checkpoint(Path({str(disk / "run" / "checkpoint.pt")!r})).step)
sys.exit(code)
"""
    outcome = on_small_disk(disk, "80m", "-c", script)
    assert outcome.stderr == (
        f"vit-perception train: {disk}/run/checkpoint.pt: expected to write here, "
        "found No space left on device\n"
    )
    assert outcome.code == 2
    assert outcome.stdout.splitlines()[-1] == "1"
    assert {"run", "run/checkpoint.pt", "run/log.jsonl"} <= set(outcome.left)
    assert set(outcome.left) <= {
        *("run", "run/checkpoint.pt", "run/log.jsonl", "run/curves.png", "run/curves.json")
    }


def _with_shared_memory(size: str, data: Path, folder: Path) -> tuple[int, str]:
    """Status and errors of a run in `folder` / "run" where /dev/shm has that size."""
    run = folder / "run"
    arguments = command(data, run, "--workers", "2", batch=8)  # one has 96 KiB of pixels
    script = f"""
import subprocess, sys
subprocess.run(["mount", "-t", "tmpfs", "-o", "size={size}", "tmpfs", "/dev/shm"], check=True)
from vit_perception.cli.__main__ import main
sys.exit(main({arguments!r}))
"""
    outcome = on_small_disk(folder / "disk", "1m", "-c", script)
    return outcome.code, outcome.stderr


@pytest.mark.slow
def test_batches_need_no_shared_memory(data: Path, tmp_path: Path) -> None:
    """A container has little of it, and its end must not leave the training waiting."""
    (tmp_path / "little").mkdir()
    assert _with_shared_memory("96k", data, tmp_path / "little") == (0, "")
    (tmp_path / "much").mkdir()
    assert _with_shared_memory("1g", data, tmp_path / "much") == (0, "")
    runs = [
        read_checkpoint(tmp_path / name / "run" / "checkpoint.pt") for name in ("little", "much")
    ]
    for key, value in runs[0].average.items():
        assert torch.equal(value, runs[1].average[key])


def test_no_shared_memory_at_all_is_one_line(data: Path, tmp_path: Path) -> None:
    assert _with_shared_memory("4k", data, tmp_path) == (
        2,
        "vit-perception train: data loader: expected to start 2 processes, found No space left "
        "on device (shared memory may be full; without workers none is needed)\n",
    )


def test_a_loader_process_that_ends_is_one_line(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(worker: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(loader, "end_with_parent", end)
    run = trainer(data, tmp_path, workers=1)
    line = refusal_of(TrainingError, run.run)
    assert line.startswith("data loader: expected batches from its processes, found one that ")


# Other runs, and signals


def test_two_runs_in_one_folder_are_refused(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    run = tmp_path / "run"
    with sole_writer_in(run):
        assert main(command(data, run)) == 2
    assert capsys.readouterr().err == (
        f"vit-perception train: {run}: expected one writer, found process {os.getpid()} "
        "writing there\n"
    )
    assert os.listdir(run) == []


def test_an_interrupt_while_a_batch_arrives_is_not_told_by_its_sender(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted(address: Any, **_: object) -> None:
        client(address).close()
        time.sleep(0.5)  # for a process that would tell
        raise KeyboardInterrupt

    client = multiprocessing.connection.Client
    monkeypatch.setattr("multiprocessing.connection.Client", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trainer(data, tmp_path / "run", workers=1).run()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_all_processes_ends_the_run_at_once_in_one_line(
    data: Path, tmp_path: Path, number: signal.Signals
) -> None:
    run = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "vit_perception.cli",
         *command(data, run, "--workers", "2", steps=100_000, batch=8)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    with process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().endswith("step 0 of 100000 on cpu\n")
        while not (run / "log.jsonl").exists() or not (run / "log.jsonl").stat().st_size:
            time.sleep(0.01)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        begun = time.monotonic()
        os.killpg(process.pid, number)
        # Two seconds, and as much again for a busy machine.
        assert process.stderr.readline() == "vit-perception train: interrupted\n"
        assert time.monotonic() - begun < 4
        assert process.wait(timeout=60) == 128 + number
        assert process.stderr.read() == ""
    assert len(children) == 2
    assert not living_after_a_while(map(int, children))
    assert os.listdir(run) == ["log.jsonl"]
