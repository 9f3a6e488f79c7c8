# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Looking at a sequence: what is kept and counted, interruptions, and what does not fit."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from vit_perception.bundle.bundle import Bundle
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.rows.looker import Engine, Looker, run_of
from vit_perception.evaluation.rows.looking import look
from vit_perception.evaluation.rows.reading import read_all, times_of
from vit_perception.evaluation.rows.times import summarised
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import Settings
from vit_perception.rle import decode_mask

from ...toy_bundle import toy_vocabulary
from .sequences import NAMES, Squares, lookers_of, rows_on_disk, runs_of

# The pictures that cannot be looked at leave a block without any.
_BROKEN = frozenset({3, 70, *range(128, 192)})
_UNKNOWN = frozenset({5, 6})
_LOOK = """
import sys, time
from pathlib import Path
from test.evaluation.rows.sequences import NAMES, Squares, lookers_of
from vit_perception.bundle.bundle import Bundle
from vit_perception.evaluation.rows.looking import look
def progress(pictures):
    print(pictures, flush=True)
    if pictures == int(sys.argv[3]):
        time.sleep(600)
look(Squares(), lookers_of(Bundle.load(sys.argv[1])), Path(sys.argv[2]), progress)
"""


def _squares() -> Squares:
    return Squares(count=210, broken=_BROKEN, unknown=_UNKNOWN)


@pytest.fixture(scope="module")
def whole(
    toy_bundle: Bundle, toy_segmentation_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A measurement of two bundles without an interruption."""
    folder = tmp_path_factory.mktemp("whole")
    look(_squares(), lookers_of(toy_bundle, toy_segmentation_bundle), folder)
    return folder


def test_all_pictures_are_counted_and_kept(
    toy_bundle: Bundle, toy_segmentation_bundle: Bundle, tmp_path: Path
) -> None:
    met: list[int] = []
    account = look(
        _squares(), lookers_of(toy_bundle, toy_segmentation_bundle), tmp_path, met.append
    )
    assert met == list(range(1, 211))
    entry = account.as_entry()
    assert entry.pop("left_out_lines") == [
        f"picture {number} is broken" for number in [3, 70, *range(128, 136)]
    ]
    assert entry == {
        "key": "squares",
        "title": "squares of a test",
        "pictures": 210,
        "looked_at": 144,
        "with_truth": 142,
        "left_out": {"message": 66},
        "unused_truth": {"no_image": 2},
        "notes": ["a note"],
        "damage": "",
    }
    frames = list(read_all(tmp_path, ["squares"]))
    assert [each.number for each in frames] == [n for n in range(210) if n not in _BROKEN]
    assert [each.number for each in frames if each.truth is None] == [5, 6]
    assert all(each.stamp == 1000 + each.number and each.size == (64, 96) for each in frames)


def test_the_rows_are_what_the_bundles_find(
    whole: Path, toy_bundle: Bundle, toy_segmentation_bundle: Bundle
) -> None:
    settings = Settings(score_threshold=0.001, max_detections=100)
    frames = {frame.number: frame for frame in read_all(whole, ["squares"])}
    pictures = [each for each in _squares().samples() if each.number in (0, 100)]
    for run, bundle in enumerate((toy_bundle, toy_segmentation_bundle)):
        perceiver = Perceiver(
            bundle, vocabulary=toy_vocabulary(NAMES), settings=settings, threads=1
        )
        for picture in pictures:
            rows, found = frames[picture.number].rows[run], perceiver(picture.frame)
            assert len(rows) == 100
            for name in ("boxes", "scores", "labels"):
                np.testing.assert_array_equal(getattr(rows, name), getattr(found, name))
            if found.masks is None:
                assert rows.masks is None
                continue
            for index, mask in enumerate(rows.masks):
                np.testing.assert_array_equal(decode_mask(mask), found.masks.one(index))


def test_no_thread_is_left(toy_bundle: Bundle, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    sequence = _squares()
    look(sequence, lookers_of(toy_bundle), tmp_path)
    assert set(threading.enumerate()) <= before
    assert threading.current_thread().name not in sequence.threads


def test_times_stand_beside_the_rows(whole: Path) -> None:
    found = summarised(times_of(whole, ["squares"]), ["a", "b"])
    assert found["frames"] == 144
    assert list(found["shared_ms"]) == ["read"]
    a, b = found["runs"].values()
    assert list(a["stages_ms"]) == ["letterbox", "inference", "nms", "rows"]
    assert list(b["stages_ms"]) == ["letterbox", "inference", "nms", "masks", "rows"]
    assert 0 < a["session_ms"]["p50"] <= a["session_ms"]["max"] < 1e3 * found["session_s"]


@pytest.mark.parametrize("number", [1, 64, 65, 100, 209])
def test_interrupted_and_resumed_the_files_are_the_same(
    number: int,
    whole: Path,
    toy_bundle: Bundle,
    toy_segmentation_bundle: Bundle,
    tmp_path: Path,
) -> None:
    lookers = lookers_of(toy_bundle, toy_segmentation_bundle)
    before = set(threading.enumerate())

    def interrupt(pictures: int) -> None:
        if pictures == number:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look(_squares(), lookers, tmp_path, interrupt)
    assert set(threading.enumerate()) <= before
    there = rows_on_disk(tmp_path)
    expected = rows_on_disk(whole)
    assert there.items() <= expected.items() and there != expected
    account = look(_squares(), lookers, tmp_path)
    assert account.looked_at == 144 and account.with_truth == 142
    assert account.left_out == {"message": 66}
    assert rows_on_disk(tmp_path) == expected


def test_what_is_there_is_not_looked_at_again(whole: Path, toy_bundle: Bundle) -> None:
    there = rows_on_disk(whole)
    looked: list[int] = []

    class Asked(Looker):
        def see(self, *arguments):
            looked.append(1)
            return super().see(*arguments)

    run = runs_of(toy_bundle)[0]
    lookers = tuple(Asked(run, NAMES, Engine(threads=1)) for _ in range(2))
    look(_squares(), lookers, whole)
    assert looked == []
    assert rows_on_disk(whole) == there


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_process_that_is_ended_is_resumed(
    number: signal.Signals, toy_bundle: Bundle, tmp_path: Path
) -> None:
    """Ended at a picture of the second block, while the first is written or has been."""
    look(Squares(), lookers_of(toy_bundle), tmp_path / "whole")
    expected = rows_on_disk(tmp_path / "whole")
    command = [sys.executable, "-c", _LOOK, str(toy_bundle.directory), str(tmp_path / "out"), "70"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        for line in run.stdout:
            if line == "70\n":
                break
        run.send_signal(number)
        run.communicate(timeout=60)
    assert run.returncode != 0
    there = rows_on_disk(tmp_path / "out")
    assert {name for name in there if not Path(name).name.startswith(".")} < set(expected)
    look(Squares(), lookers_of(toy_bundle), tmp_path / "out")
    assert rows_on_disk(tmp_path / "out") == expected


def test_damage_is_told_and_what_is_there_counts(toy_bundle: Bundle, tmp_path: Path) -> None:
    damaged = Squares(count=70, damage="a.mcap: expected 80 messages, found 70")
    for _ in range(2):
        account = look(damaged, lookers_of(toy_bundle), tmp_path)
        assert account.damage == "a.mcap: expected 80 messages, found 70"
        assert account.looked_at == 70
    assert len(list(read_all(tmp_path, ["squares"]))) == 70


def test_an_error_of_the_source_comes_and_whole_blocks_stay(
    toy_bundle: Bundle, tmp_path: Path
) -> None:
    spoiled = Squares(error="frame 149: expected a box, found none")
    for _ in range(2):
        with pytest.raises(EvaluationError, match="^frame 149: expected a box, found none$"):
            look(spoiled, lookers_of(toy_bundle), tmp_path)
    assert sorted(rows_on_disk(tmp_path)) == [
        f"rows/squares/{number:08d}.npz" for number in (0, 64)
    ]


def test_a_folder_that_cannot_be_written_ends_it(toy_bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "rows").write_text("a file")
    before = set(threading.enumerate())
    with pytest.raises(ValueError, match="rows"):
        look(Squares(), lookers_of(toy_bundle), tmp_path)
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (Squares(broken=frozenset({7})), "found picture 8;"),
        (Squares(count=60), "found more;"),
        (Squares(count=140), "found more;"),
        (Squares(count=151), "found picture 150;"),
        (Squares(unknown=frozenset({7})), "found other labels of picture 7;"),
    ],
)
def test_files_of_other_pictures_are_refused(
    other: Squares, found: str, toy_bundle: Bundle, tmp_path: Path
) -> None:
    look(Squares(), lookers_of(toy_bundle), tmp_path)
    with pytest.raises(EvaluationError, match=found) as told:
        look(other, lookers_of(toy_bundle), tmp_path)
    assert ".npz: expected results of the pictures that are read now" in str(told.value)


def test_files_of_other_runs_are_refused(toy_bundle: Bundle, tmp_path: Path) -> None:
    look(Squares(), lookers_of(toy_bundle), tmp_path)
    with pytest.raises(EvaluationError, match="found other runs"):
        look(Squares(), lookers_of(toy_bundle, toy_bundle), tmp_path)


def test_a_graph_that_has_changed_is_refused(toy_bundle: Bundle) -> None:
    run = run_of("a", toy_bundle.directory, "fp32", NAMES, Settings())
    other = Bundle.load(toy_bundle.directory)
    assert run.sha256 == other.sha256[other.graph_file("fp32")]
    changed = type(run)(
        run.key, run.bundle, "fp32", "0" * 64, run.thresholds, run.iou_threshold, 100
    )
    with pytest.raises(EvaluationError, match="expected the graph of this measurement, sha256 0"):
        Looker(changed, NAMES, Engine(threads=1))


def test_a_run_has_the_thresholds_of_a_robot(toy_bundle: Bundle) -> None:
    settings = Settings(class_thresholds={"red": 0.75}, max_detections=20)
    run = run_of("a", toy_bundle.directory, "fp32", NAMES, settings)
    common = toy_bundle.score_threshold
    assert run.thresholds == (0.75, common, common, common)
    assert (run.iou_threshold, run.max_detections) == (toy_bundle.iou_threshold, 20)


def test_no_file_no_pictures(tmp_path: Path) -> None:
    found: list[LookedAt] = list(read_all(tmp_path, ["nothing"]))
    assert found == []


def test_what_a_killed_process_left_is_not_read(whole: Path) -> None:
    frames = len(list(read_all(whole, ["squares"])))
    left = whole / "rows" / "squares" / ".00000064.npz.0123abcd.partial.npz"
    left.write_bytes(b"half")
    try:
        assert len(list(read_all(whole, ["squares"]))) == frames
    finally:
        left.unlink()
