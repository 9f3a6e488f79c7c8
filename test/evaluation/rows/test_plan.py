# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The plan of a measurement: which folders are resumed, and which are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vit_perception.bundle.bundle import Bundle
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.rows.looker import Engine
from vit_perception.evaluation.rows.plan import PLAN, measuring, plan_of
from vit_perception.output.failure import OutputError

from .sequences import NAMES, runs_of


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """A folder of files; the plan does not look into what they mean."""
    (tmp_path / "bags" / "one").mkdir(parents=True)
    (tmp_path / "bags" / "one" / "metadata.yaml").write_text("names the other")
    (tmp_path / "bags" / "one" / "one.mcap").write_bytes(bytes(range(256)) * 4096)
    return tmp_path / "bags" / "one"


@pytest.fixture
def plan(bag: Path, toy_bundle: Bundle) -> Callable[..., dict[str, Any]]:
    def make(**changes: Any) -> dict[str, Any]:
        runs = runs_of(toy_bundle, toy_bundle)
        given = {
            "names": NAMES,
            "runs": runs,
            "sources": {"one": [bag], "two": [bag / "one.mcap"]},
            "engine": Engine(),
        } | changes
        return plan_of(**given)

    return make


def refusal(folder: Path, plan: dict[str, Any]) -> str:
    """The line with which a plan is refused."""
    with pytest.raises((EvaluationError, OutputError)) as told, measuring(folder, plan):
        pytest.fail("it was not refused")
    assert str(told.value).isprintable() and len(str(told.value)) < 400
    return str(told.value)


def test_the_same_plan_gives_the_same_bytes_wherever_the_files_lie(
    plan: Callable[..., dict[str, Any]], bag: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(bag, moved)
    sources = {"one": [moved], "two": [moved / "one.mcap"]}
    for name, given in (("a", plan()), ("b", plan(sources=sources))):
        with measuring(tmp_path / name, given):
            pass
    content = (tmp_path / "a" / PLAN).read_bytes()
    assert content == (tmp_path / "b" / PLAN).read_bytes()
    assert str(tmp_path).encode() not in content
    document = json.loads(content)
    assert [(each["key"], each["files"], each["bytes"]) for each in document["sequences"]] == [
        ("one", 2, 2**20 + 15),
        ("two", 1, 2**20),
    ]
    assert document["names"] == list(NAMES)
    assert [run["key"] for run in document["runs"]] == ["a", "b"]


def test_a_folder_of_the_same_plan_is_resumed(
    plan: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    out = tmp_path / "new" / "out"
    with measuring(out, plan()):
        (out / "rows").mkdir()
        (out / "metrics.json").write_text("{}")
    with measuring(out, plan()):
        assert sorted(each.name for each in out.iterdir()) == [
            ".lock", "metrics.json", PLAN, "rows",
        ]  # fmt: skip
    assert not (out / ".lock").exists()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"names": ("red", "cyan")}, "names: ['red', 'green', 'blue', 'cyan'] there, ['red', 'c"),
        ({"engine": Engine(provider="cuda")}, "provider: 'cpu' there, 'cuda' now"),
        ({"sources": {}}, "sequences: "),
    ],
)
def test_another_plan_is_refused_and_says_what_differs(
    changes: dict[str, Any], line: str, plan: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    with measuring(tmp_path / "out", plan()):
        pass
    content = (tmp_path / "out" / PLAN).read_bytes()
    expected = "out: expected a new folder or one with the same measurement, found another one: "
    assert f"{expected}{line}" in refusal(tmp_path / "out", plan(**changes))
    assert (tmp_path / "out" / PLAN).read_bytes() == content


def test_other_runs_are_told_by_their_keys(
    plan: Callable[..., dict[str, Any]], toy_bundle: Bundle, tmp_path: Path
) -> None:
    with measuring(tmp_path / "out", plan()):
        pass
    runs = runs_of(toy_bundle, toy_bundle)
    for other, line in (
        (runs[:1], "runs: 2 there, 1 now"),
        ((runs[0], replace(runs[1], iou_threshold=0.25)), "runs b iou_threshold: "),
        ((runs[0], replace(runs[1], key="c")), "runs c key: 'b' there, 'c' now"),
    ):
        assert f"found another one: {line}" in refusal(tmp_path / "out", plan(runs=other))


@pytest.mark.parametrize("at", [0, 2**19, 2**20 - 1])
def test_a_file_that_has_changed_is_found(
    at: int, plan: Callable[..., dict[str, Any]], bag: Path, tmp_path: Path
) -> None:
    with measuring(tmp_path / "out", plan()):
        pass
    with (bag / "one.mcap").open("r+b") as opened:
        opened.seek(at)
        opened.write(b"!")
    assert "sequences one digest: " in refusal(tmp_path / "out", plan())


def test_labels_that_were_corrected_are_found(
    plan: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """One digit anywhere in a large file, whose size stays."""
    labels = tmp_path / "truth.json"
    labels.write_bytes(b"1" * 2**22)
    sources = {"one": [labels]}
    with measuring(tmp_path / "out", plan(sources=sources)):
        pass
    labels.write_bytes(b"1" * (2**20 + 1) + b"2" + b"1" * (2**22 - 2**20 - 2))
    assert "sequences one digest: " in refusal(tmp_path / "out", plan(sources=sources))


def test_a_file_that_is_absent_or_added_is_found(
    plan: Callable[..., dict[str, Any]], bag: Path, tmp_path: Path
) -> None:
    with measuring(tmp_path / "out", plan()):
        pass
    (bag / "two.mcap").write_bytes(b"")
    assert "sequences one files: 2 there, 3 now" in refusal(tmp_path / "out", plan())
    (bag / "two.mcap").unlink()
    (bag / "one.mcap").unlink()
    assert "sequences one files: 2 there, 1 now" in refusal(tmp_path / "out", plan())


def test_a_folder_with_other_things_is_refused(
    plan: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    line = "expected a new folder or one with the same measurement, found thesis.tex in it"
    assert line in refusal(tmp_path / "out", plan())
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("content", [b"", b"[1]", b"{}", b"\xff\x00"])
def test_what_is_no_plan_is_refused_in_one_line(
    content: bytes, plan: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / PLAN).write_bytes(content)
    refusal(tmp_path / "out", plan())
    assert (tmp_path / "out" / PLAN).read_bytes() == content


def test_two_measurements_do_not_share_a_folder(
    plan: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vit_perception.output.lock.PATIENCE", 0.1)
    with measuring(tmp_path / "out", plan()):
        assert "expected one writer" in refusal(tmp_path / "out", plan())
