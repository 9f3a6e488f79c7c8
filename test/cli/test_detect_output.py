# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`detect` writes over nothing that is not its own, and leaves nothing half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vit_perception.cli.__main__ import main
from vit_perception.images import video_writer
from vit_perception.images.media import VideoReader, write_picture
from vit_perception.images.video_writer import VideoWriter
from vit_perception.output import lock, partial
from vit_perception.output.lock import sole_writer_in

from ..output.killed import killed
from ..small_disk import on_small_disk
from ..toy_bundle import toy_picture

RED = toy_picture(128, 192, {"red": (1, 1)})[0]
EARLIER = "expected what an earlier run wrote, with run.json beside it, found none; "


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def detect(toy_bundle_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(partial, "_swept", set())

    def run(*arguments: str) -> int:
        return main(["detect", *arguments, "--bundle", str(toy_bundle_dir)])

    return run


@pytest.fixture
def refused(detect: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `detect`, which changes nothing, and returns its one line."""

    def line(*arguments: str) -> str:
        before = tree(tmp_path)
        assert detect(*arguments) == 2
        assert tree(tmp_path) == before
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        return error.removeprefix("vit-perception detect: ").rstrip("\n")

    return line


def clip(path: Path, frames: int = 3) -> None:
    with VideoWriter(path, rate=10) as video:
        for _ in range(frames):
            video.write(RED)


def test_photographs_in_a_folder_called_annotated_stay(tmp_path: Path, refused: Any) -> None:
    write_picture(tmp_path / "annotated" / "a.png", RED)
    write_picture(tmp_path / "a.png", RED)
    assert "annotated: expected a place outside the annotated copies" in refused(
        "annotated", "--out", "."
    )
    for given in ("a.png", "."):
        assert refused(given, "--out", ".") == f"annotated: {EARLIER}choose another folder"


def test_results_of_others_stay(tmp_path: Path, refused: Any) -> None:
    write_picture(tmp_path / "a.png", RED)
    (tmp_path / "out").mkdir()
    results = tmp_path / "out" / "detections.json"
    results.write_text("[]")
    assert refused("a.png", "--out", "out") == (
        f"out/detections.json: {EARLIER}choose another folder"
    )
    (tmp_path / "out" / "run.json").write_text('{"frames": 3}')
    assert refused("a.png", "--out", "out") == (
        "out/run.json: expected the file of an earlier run, found another; choose another folder"
    )


def test_a_file_that_came_between_two_runs_stays(
    tmp_path: Path, detect: Any, refused: Any
) -> None:
    write_picture(tmp_path / "a.png", RED)
    assert detect("a.png", "--out", "out") == 0
    write_picture(tmp_path / "b.png", RED)
    place = tmp_path / "out" / "annotated" / "b.png"
    expected = "out/annotated/b.png: expected nothing or a copy that an earlier run wrote, found "
    place.symlink_to(tmp_path / "b.png")
    assert refused("b.png", "--out", "out") == (
        "out/annotated/b.png: expected a file to write, found the input b.png"
    )
    place.unlink()
    place.symlink_to("nowhere")
    assert refused("b.png", "--out", "out") == expected + "a link"
    place.unlink()
    place.mkdir()
    assert refused("b.png", "--out", "out") == expected + "a folder"
    place.rmdir()
    place.write_text("mine")
    assert refused("b.png", "--out", "out") == expected + "another file"


def test_an_input_by_another_name_is_not_written(
    tmp_path: Path, detect: Any, refused: Any
) -> None:
    write_picture(tmp_path / "a.png", RED)
    assert detect("a.png", "--out", "out") == 0
    (tmp_path / "a.png").unlink()
    os.link(tmp_path / "out" / "annotated" / "a.png", tmp_path / "a.png")
    assert refused("a.png", "--out", "out") == (
        "out/annotated/a.png: expected a file to write, found the input a.png"
    )


def test_copies_of_earlier_runs_are_replaced_or_stay(tmp_path: Path, detect: Any) -> None:
    for name in ("a.png", "b.png"):
        write_picture(tmp_path / name, RED)
        assert detect(name, "--out", "out") == 0
    about = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (about["copies"], about["earlier_copies"]) == ({"b.png": "b.png"}, ["a.png"])
    assert sorted(os.listdir(tmp_path / "out" / "annotated")) == ["a.png", "b.png"]
    assert detect("a.png", "--out", "out") == 0
    # What version 0.2 wrote did not list its copies.
    del about["copies"], about["earlier_copies"]
    (tmp_path / "out" / "run.json").write_text(json.dumps(about))
    assert detect("a.png", "--out", "out") == 0
    about = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (about["copies"], about["earlier_copies"]) == ({"a.png": "a.png"}, ["b.png"])


def test_each_file_has_a_copy_of_its_own_on_any_file_system(
    tmp_path: Path, detect: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    names = [
        "A.png",
        "a.png",
        "e\u0301.png",
        "\u00e9.png",
        "x" * 251 + ".gif",
        "y.bmp.png/deep.png",
    ]
    for name in names:
        write_picture(tmp_path / "b.png", RED)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((tmp_path / "b.png").read_bytes())
    (folder / "y.bmp").write_bytes((tmp_path / "b.png").read_bytes())
    clip(folder / "c.avi.mp4")
    (folder / "c.avi").write_bytes((folder / "c.avi.mp4").read_bytes())
    assert detect("in", "--out", "out") == 0
    about = json.loads((tmp_path / "out" / "run.json").read_text())
    copies = about["copies"]
    assert len(copies) == 9
    assert copies["A.png"] == "A.png" and copies["a.png"] == "a_2.png"
    assert {copies["c.avi"], copies["c.avi.mp4"]} == {"c.avi.mp4", "c.avi_2.mp4"}
    assert copies["x" * 251 + ".gif"] == "x" * 251 + ".png"
    assert {copies["y.bmp"], copies["y.bmp.png/deep.png"]} in (
        {"y.bmp.png", "y.bmp_2.png/deep.png"},
        {"y.bmp_2.png", "y.bmp.png/deep.png"},
    )
    written = tree(tmp_path / "out" / "annotated")
    assert sorted(written) == sorted(copies.values())
    printed = capsys.readouterr().out
    assert printed.count("renamed copy of in/") == 5
    assert "renamed copy of in/a.png: a_2.png" in printed


def test_what_cannot_be_written_is_refused_before_the_model_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_picture(tmp_path / "a.png", RED)
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "out", Path("/proc/out")):
        options = ["--bundle", str(tmp_path / "absent"), "--out", str(out)]
        assert main(["detect", str(tmp_path / "a.png"), *options]) == 2
        assert f"{out}/detections.json: expected to write here, found " in capsys.readouterr().err


def test_a_second_run_in_a_folder_is_refused(
    tmp_path: Path, refused: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    write_picture(tmp_path / "a.png", RED)
    with sole_writer_in(tmp_path / "out"):
        assert refused("a.png", "--out", "out") == (
            f"out: expected one writer, found process {os.getpid()} writing there"
        )


@pytest.mark.parametrize("size", ["12k", "40k", "150k"])
def test_a_full_disk_is_one_line_and_leaves_whole_files(
    tmp_path: Path, toy_bundle_dir: Path, size: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 96, 128, 3)).astype(np.uint8)
    with VideoWriter(tmp_path / "z.mp4", rate=10) as video:
        for image in noise:
            video.write(image)
    write_picture(tmp_path / "a.png", noise[0])
    disk = tmp_path / "disk"
    outcome = on_small_disk(
        disk, size, "-m", "vit_perception.cli", "detect", str(tmp_path / "a.png"),
        str(tmp_path / "z.mp4"), "--out", str(disk / "out"), "--bundle", str(toy_bundle_dir),
    )  # fmt: skip
    assert outcome.code == 2
    assert outcome.stderr.count("\n") == 1
    assert f"{disk}/out" in outcome.stderr and "No space left on device" in outcome.stderr
    whole = {"out", "out/annotated", "out/annotated/a.png", "out/run.json", "out/detections.json"}
    assert set(outcome.left) <= whole


def test_an_interrupted_video_keeps_what_was_seen(
    tmp_path: Path, detect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vit_perception.cli.detect_report import Report

    clip(tmp_path / "c.mp4", frames=5)
    add = Report.add

    def adding(self: Report, name: str, *others: Any) -> None:
        add(self, name, *others)
        if name == "c.mp4#000002":
            raise KeyboardInterrupt

    monkeypatch.setattr(Report, "add", adding)
    assert detect("c.mp4", "--out", "out") == 130
    with VideoReader(tmp_path / "out" / "annotated" / "c.mp4") as video:
        assert len(list(video)) == 3
    about = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (about["finished"], about["frames"]) == (False, 3)
    assert about["read_in_part"] == [
        {"file_name": "c.mp4", "reason": "c.mp4: interrupted after 3 frames"}
    ]


_KILL = """
from vit_perception.cli.__main__ import main
moments = int(sys.argv[2])
def counted(function):
    def call(*arguments, **options):
        global moments
        moments -= 1
        if moments == 0:
            die()
        result = function(*arguments, **options)
        moments -= 1
        if moments == 0:
            die()
        return result
    return call
import vit_perception.cli.detect_report as report
import vit_perception.images.video_writer as video
Path.replace = counted(Path.replace)
Path.write_bytes = counted(Path.write_bytes)
video.VideoWriter.write = counted(video.VideoWriter.write)
main(["detect", "a.png", "c.mp4", "--out", "out", "--bundle", str(target)])
"""


@pytest.mark.parametrize("moment", [1, 4, 5, 8, 10, 13, 14, 17, 18, 20])
def test_a_killed_run_leaves_whole_files_and_the_next_gives_the_same(
    tmp_path: Path, detect: Any, toy_bundle_dir: Path, moment: int
) -> None:
    write_picture(tmp_path / "a.png", RED)
    clip(tmp_path / "c.mp4")
    assert detect("a.png", "c.mp4", "--out", "whole") == 0
    killed(_KILL, toy_bundle_dir, moment)
    left = tree(tmp_path / "out")
    finals = {"run.json", "detections.json", "annotated/a.png", "annotated/c.mp4"}
    assert all(name in finals or Path(name).name.startswith(".") for name in left)
    whole = tree(tmp_path / "whole")
    for name in finals & left.keys() - {"run.json"}:
        assert left[name] == whole[name]
    assert detect("a.png", "c.mp4", "--out", "out") == 0
    again = tree(tmp_path / "out")
    assert again.keys() == whole.keys() == finals
    assert again["detections.json"] == whole["detections.json"]


def test_an_interrupt_is_not_lost_when_the_video_cannot_be_finished(
    tmp_path: Path, detect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(writer: VideoWriter, image: np.ndarray) -> None:
        if writer.count:
            raise KeyboardInterrupt
        write(writer, image)

    write = VideoWriter.write
    clip(tmp_path / "c.mp4")
    write_picture(tmp_path / "d.png", RED)
    monkeypatch.setattr(VideoWriter, "write", interrupted)
    monkeypatch.setattr(video_writer, "_frames_in", lambda path: 0)
    assert detect("c.mp4", "d.png", "--out", "out") == 130
    assert set(tree(tmp_path / "out")) == {"run.json", "detections.json"}


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_leaves_whole_files_and_the_next_run_gives_the_same(
    tmp_path: Path, detect: Any, toy_bundle_dir: Path, kind: signal.Signals
) -> None:
    write_picture(tmp_path / "a.png", RED)
    clip(tmp_path / "c.mp4", frames=400)
    given = ("a.png", "c.mp4")
    command: Sequence[str] = (
        sys.executable, "-m", "vit_perception.cli", "detect", *given, "--out", "out",
        "--bundle", str(toy_bundle_dir),
    )  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    process = subprocess.Popen(command, env=environment, stdout=-3, stderr=-3)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "out").glob("annotated/.c.mp4.*")) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(kind)
    assert process.wait(timeout=30) != 0
    copy = tmp_path / "out" / "annotated" / "c.mp4"
    if copy.exists():
        with VideoReader(copy) as video:
            assert len(list(video)) == video.count > 0
    assert detect(*given, "--out", "out") == 0
    assert detect(*given, "--out", "whole") == 0
    again, whole = tree(tmp_path / "out"), tree(tmp_path / "whole")
    assert again.keys() == whole.keys()
    assert again["detections.json"] == whole["detections.json"]
