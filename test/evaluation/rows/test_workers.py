# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""All sequences of a measurement: the same files from one process and from several."""

from __future__ import annotations

import signal
import subprocess
import sys
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest

from vit_perception.bags.reader import BagReader
from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.bundle.samples import sample_bag
from vit_perception.evaluation.rows.account import Account
from vit_perception.evaluation.rows.looker import Engine, Looker, run_of
from vit_perception.evaluation.rows.workers import look_at_all
from vit_perception.output.failure import OutputError
from vit_perception.perceiver.settings import Settings
from vit_perception.perceiver.stages import StageTimes

from ...processes.living import children, living_after_a_while
from .sequences import NAMES, Squares, rows_on_disk, runs_of

ONE = Engine(threads=1)
_MEASURE = """
import sys
from dataclasses import replace
from pathlib import Path
from test.evaluation.rows.sequences import NAMES, Squares, runs_of
from vit_perception.bundle.bundle import Bundle
from vit_perception.evaluation.rows.workers import look_at_all
if __name__ == "__main__":
    sequences = [Squares(key=key, count=5000) for key in "ab"]
    runs = runs_of(Bundle.load(sys.argv[1]))
    tell = lambda pictures: print(pictures, flush=True)
    look_at_all(sequences, runs, NAMES, Path(sys.argv[2]), jobs=2, progress=tell)
"""


def _sequences() -> list[Squares]:
    return [
        Squares(key="first", count=70, broken=frozenset({3})),
        Squares(key="damaged", count=10, damage="a.mcap: expected 80 messages, found 10"),
        Squares(key="broken", count=70, error="frame 69: expected a box, found none"),
        Squares(key="last", count=130),
    ]


@pytest.fixture(scope="module")
def alone(
    toy_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, bytes], tuple[Account, ...]]:
    """Files and accounts of one process."""
    folder = tmp_path_factory.mktemp("alone")
    met: list[int] = []
    accounts = look_at_all(
        _sequences(), runs_of(toy_bundle), NAMES, folder, engine=ONE, progress=met.append
    )
    assert met == sorted(met) and met[-1] >= 210
    return rows_on_disk(folder), accounts


def test_a_broken_source_is_told_and_the_rest_goes_on(
    alone: tuple[dict[str, bytes], tuple[Account, ...]],
) -> None:
    first, damaged, broken, last = alone[1]
    assert (first.looked_at, first.left_out, first.error) == (69, {"message": 1}, "")
    assert (damaged.looked_at, damaged.error) == (10, "")
    assert damaged.damage == "a.mcap: expected 80 messages, found 10"
    assert (broken.looked_at, broken.with_truth) == (0, 0)
    assert broken.error == broken.as_entry()["damage"] == "frame 69: expected a box, found none"
    assert (last.looked_at, last.error, last.damage) == (130, "", "")


def test_several_processes_give_the_same(
    alone: tuple[dict[str, bytes], tuple[Account, ...]], toy_bundle: Bundle, tmp_path: Path
) -> None:
    met: list[int] = []
    accounts = look_at_all(
        _sequences(), runs_of(toy_bundle), NAMES, tmp_path, jobs=3, progress=met.append
    )
    assert rows_on_disk(tmp_path) == alone[0]
    assert accounts == alone[1]
    assert met[-1] >= 210
    assert active_children() == []


def test_a_killed_process_is_replaced(toy_bundle: Bundle, tmp_path: Path) -> None:
    """One dies at its last picture, and what it had written is gone on with."""
    plain = [Squares(key="a"), Squares(key="b")]
    look_at_all(plain, runs_of(toy_bundle), NAMES, tmp_path / "plain", engine=ONE)
    killed = [plain[0], Squares(key="b", killed_once=tmp_path / "was killed")]
    accounts = look_at_all(killed, runs_of(toy_bundle), NAMES, tmp_path / "killed", jobs=2)
    assert (tmp_path / "was killed").exists()
    assert [(each.looked_at, each.error) for each in accounts] == [(150, ""), (150, "")]
    assert rows_on_disk(tmp_path / "killed") == rows_on_disk(tmp_path / "plain")


def test_a_source_that_kills_all_processes_is_told(toy_bundle: Bundle, tmp_path: Path) -> None:
    deadly = [Squares(key="a", always_killed=True), Squares(key="b")]
    a, b = look_at_all(deadly, runs_of(toy_bundle), NAMES, tmp_path, jobs=2)
    assert a.error.startswith("squares of a test: expected a worker to finish, found 3 of them")
    assert (a.looked_at, b.looked_at, b.error) == (0, 150, "")


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_folder_that_cannot_be_written_ends_all(
    jobs: int, toy_bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "rows").write_text("a file")
    with pytest.raises(OutputError, match="rows"):
        look_at_all(_sequences(), runs_of(toy_bundle), NAMES, tmp_path, jobs=jobs)
    assert active_children() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_whole_blocks_stay_and_no_process(
    number: signal.Signals, toy_bundle: Bundle, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", _MEASURE, str(toy_bundle.directory), str(tmp_path / "out")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        for line in run.stdout:
            if int(line) > 300:
                break
        workers = children(run.pid)
        run.send_signal(number)
        run.communicate(timeout=60)
    assert len(workers) >= 2
    assert living_after_a_while(workers) == set()
    there = {
        name: content
        for name, content in rows_on_disk(tmp_path / "out").items()
        if not Path(name).name.startswith(".")
    }
    assert len(there) >= 3
    shorter = [Squares(key=key, count=64 * 3) for key in "ab"]
    look_at_all(shorter, runs_of(toy_bundle), NAMES, tmp_path / "alone", engine=ONE)
    expected = rows_on_disk(tmp_path / "alone")
    both = there.keys() & expected.keys()
    assert both and all(there[name] == expected[name] for name in both)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_number_of_threads_changes_no_bit(precision: str) -> None:
    """Of the shipped bundle; workers with fewer cores each find the same."""
    directory = find_bundle("tabletop_nano")
    names = Bundle.load(directory).default_names
    run = run_of("a", directory, precision, names, Settings())
    with BagReader(sample_bag()) as bag:
        frames = [frame for index, (_, frame) in enumerate(bag.frames()) if index % 20 == 0]

    def outputs(threads: int) -> list[dict[str, bytes]]:
        looker = Looker(run, names, Engine(threads=threads))
        laid = [looker.lay(frame, StageTimes()) for frame in frames]
        seen = [looker.see(each, StageTimes()).named for each in laid]
        return [{name: np.asarray(each[name]).tobytes() for name in each} for each in seen]

    expected = outputs(1)
    assert len(expected) == 3
    for threads in (2, 3):
        assert outputs(threads) == expected
