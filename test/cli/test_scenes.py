# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from test.processes.living import children, living_after_a_while
from test.scenes.conftest import pack, rendering  # noqa: F401
from test.scenes.folders import contents
from test.small_disk import on_small_disk
from vit_perception.cli.__main__ import main


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--size", "416"),
        ("--size", "10x10"),
        ("--objects", "5-3"),
        ("--count", "0"),
        ("--seed", "-1"),
        ("--parametric", "-5"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(
    option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["scenes", "--assets", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([*words, f"{option}={value}"]) == 2
    error = capsys.readouterr().err
    assert option in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_without_assets_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scenes", "--assets", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "meta.json" in error
    assert error.count("\n") == 1


def test_a_recipe_file_sets_what_no_option_does(
    pack: Path,  # noqa: F811
    rendering: None,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe, out = tmp_path / "mine.yaml", tmp_path / "out"
    recipe.write_text("count: 50\nsize: 96x64\nviews: 3\nobjects: 2-4\n", encoding="utf-8")
    words = ["scenes", "--assets", str(pack), "--out", str(out), "--recipe", str(recipe)]
    assert main([*words, "--count=2", "--seed=4"]) == 0
    written = json.loads((out / "recipe.json").read_text(encoding="utf-8"))
    wanted = {"count": 2, "seed": 4, "width": 96, "height": 64, "views": 3, "most": 4}
    assert {key: written[key] for key in wanted} == wanted
    text = capsys.readouterr().out
    assert re.search(r"2 pictures, \d+ objects \(\d+% partly hidden\), 3 assets skipped", text)
    assert re.search(r"2 pictures made in \d+ s: [\d.]+ a second", text)


def test_an_unknown_key_names_the_file_and_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("hard_ligth: 0.3\n", encoding="utf-8")
    words = ["scenes", "--assets", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([*words, "--recipe", str(recipe)]) == 2
    error = capsys.readouterr().err
    assert f"{recipe}: expected 'hard_light', found 'hard_ligth'" in error
    assert error.count("\n") == 1


_RUN = [sys.executable, "-m", "vit_perception.cli"]
_SMALL = ["--size", "96x64", "--objects", "2-3", "--views", "2"]


def _until(path: Path, run: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert run.poll() is None, run.communicate()
        time.sleep(0.005)


@pytest.fixture(scope="module")
def alone(
    pack: Path,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
    rendering: None,  # noqa: F811
) -> dict[str, dict[str, bytes]]:
    """What runs that nothing disturbs leave, by kind: two chunks, the second of six pictures."""
    folders = {kind: tmp_path_factory.mktemp(kind) for kind in ("composed", "table")}
    for kind, folder in folders.items():
        assert main([*_words(pack, kind), "--out", str(folder)]) == 0
    return {kind: contents(folder) for kind, folder in folders.items()}


def _words(assets: Path, kind: str) -> list[str]:
    return ["scenes", "--assets", str(assets), "--kind", kind, *_SMALL, "--count", "66"]


@pytest.mark.parametrize(
    ("kind", "number", "status"),
    [
        ("composed", signal.SIGTERM, 143),
        ("composed", signal.SIGINT, 130),
        ("composed", signal.SIGKILL, -9),
        ("table", signal.SIGKILL, -9),
    ],
)
def test_a_run_that_is_ended_goes_on_to_the_same_bytes(
    kind: str,
    number: signal.Signals,
    status: int,
    pack: Path,  # noqa: F811
    tmp_path: Path,
    alone: dict[str, dict[str, bytes]],
) -> None:
    words = [*_words(pack, kind), "--workers", "2", "--out", str(tmp_path)]
    with subprocess.Popen([*_RUN, *words], stderr=subprocess.PIPE, text=True) as run:
        _until(tmp_path / "images" / "0000061.jpg", run)
        workers = children(run.pid)
        assert len(workers) >= 2
        run.send_signal(number)
        _, said = run.communicate(timeout=60)
    assert run.returncode == status
    assert living_after_a_while(workers) == set()
    if number != signal.SIGKILL:
        assert said.splitlines()[-1] == "vit-perception scenes: interrupted"
        assert "Traceback" not in said
        assert list(tmp_path.rglob(".*")) == []
    assert main(words) == 0
    assert contents(tmp_path) == alone[kind]


def test_a_second_run_in_the_folder_is_told_in_one_line(
    pack: Path,  # noqa: F811
    rendering: None,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    words = ["scenes", "--assets", str(pack), "--out", str(out), *_SMALL, "--count", "100000"]
    with subprocess.Popen([*_RUN, *words], stderr=subprocess.DEVNULL, text=True) as run:
        try:
            _until(out / "recipe.json", run)
            assert main(words) == 2
        finally:
            run.kill()
    assert capsys.readouterr().err == (
        f"vit-perception scenes: {out}: expected one writer, found process {run.pid} writing "
        "there\n"
    )


@pytest.mark.parametrize(("size", "workers"), [("4k", "1"), ("24k", "1"), ("200k", "2")])
def test_a_full_disk_is_one_line_and_the_next_run_goes_on(
    size: str,
    workers: str,
    pack: Path,  # noqa: F811
    tmp_path: Path,
    alone: dict[str, dict[str, bytes]],
) -> None:
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    out = disk / "out"
    words = [*_words(pack, "composed"), "--workers", workers, "--out"]
    script = f"""
import os, shutil, subprocess, sys
done = subprocess.run([*{[*_RUN, *words]!r}, {str(out)!r}])
if os.path.isdir({str(out)!r}):
    shutil.copytree({str(out)!r}, {str(copy)!r})
sys.exit(done.returncode)
"""
    outcome = on_small_disk(disk, size, "-c", script)
    assert outcome.code == 2
    assert re.fullmatch(
        f"vit-perception scenes: {out}.*: expected to write here, found No space left on device",
        outcome.stderr.splitlines()[-1],
    )
    assert "Traceback" not in outcome.stderr
    assert [path for path in outcome.left if "/." in path] == []
    assert all(path.stat().st_size for path in copy.rglob("*") if path.is_file())
    assert main([*words, str(copy)]) == 0
    assert contents(copy) == alone["composed"]


def test_commands_that_share_sprites_at_the_same_time_have_their_own_bytes(
    pack: Path,  # noqa: F811
    rendering: None,  # noqa: F811
    tmp_path: Path,
) -> None:
    runs = {"train": ["--seed", "1"], "test": ["--part", "test"], "more": ["--views", "3"]}
    started = []
    for name, own in runs.items():
        words = ["--assets", str(pack), *_SMALL, "--count", "20", *own]
        shared = ["--sprites", str(tmp_path / "sprites"), "--out", str(tmp_path / name)]
        command = [*_RUN, "scenes", *words, *shared]
        started.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
    assert [run.wait(timeout=100) for run in started] == [0] * 3
    for name, own in runs.items():
        single = tmp_path / "single" / name
        words = ["--assets", str(pack), *_SMALL, "--count", "20", *own, "--out", str(single)]
        assert main(["scenes", *words]) == 0
        shutil.rmtree(single / "sprites")
        assert contents(tmp_path / name) == contents(single)


def test_sprites_of_an_older_version_are_named(
    pack: Path,  # noqa: F811
    rendering: None,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sprites = tmp_path / "sprites"
    sprites.mkdir()
    for ending in ("bin", "json"):
        (sprites / f"crate_red.{ending}").touch()
    options = ["--assets", str(pack), *_SMALL, "--count", "2", "--sprites", str(sprites)]
    assert main(["scenes", *options, "--out", str(tmp_path / "out")]) == 0
    line = f"2 files of an older version in {sprites} are not used any more: *.bin and *.json\n"
    assert line in capsys.readouterr().out
