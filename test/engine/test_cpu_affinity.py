# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vit_perception.engine.cpu_affinity import (
    AffinityError,
    engine_threads,
    format_cores,
    keep_process_to,
    parse_cores,
    usable_cores,
)

from ..toy_bundle import toy_graph

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("0", {0}),
        ("0-3,6", {0, 1, 2, 3, 6}),
        (" 6 , 0-3 ", {0, 1, 2, 3, 6}),
        ("2,2,1-2", {1, 2}),
        ("07", {7}),
        ("9999", {9999}),
    ],
)
def test_cores_are_read(text: str, cores: set[int]) -> None:
    assert parse_cores(text) == cores


@pytest.mark.parametrize(
    "text", ["", ",", "0,", "a", "-1", "3-1", "0-", "1.5", "0x1", "0--2", "99999", "٣", "1\n2"]
)
def test_what_is_no_list_of_cores_is_refused(text: str) -> None:
    with pytest.raises(AffinityError) as refusal:
        parse_cores(text)
    assert str(refusal.value) == f"cpu_affinity: expected cores such as '0-3,6', found {text!r}"


@given(st.frozensets(st.integers(0, 9999), min_size=1))
def test_what_is_written_is_read(cores: frozenset[int]) -> None:
    assert parse_cores(format_cores(cores)) == cores


@pytest.mark.parametrize(
    ("cores", "text"), [({0}, "0"), ({3, 1, 2}, "1-3"), ({0, 1, 5, 7, 8}, "0-1,5,7-8")]
)
def test_cores_are_written_as_short_as_can_be(cores: set[int], text: str) -> None:
    assert format_cores(cores) == text


def test_cores_that_are_not_there_are_refused_and_nothing_changes() -> None:
    before = usable_cores()
    first = min(before)
    with pytest.raises(AffinityError) as refusal:
        keep_process_to(f"{first},9998-9999")
    assert str(refusal.value) == (
        f"cpu_affinity: expected cores out of {format_cores(before)}, those that this process "
        "may use, found 9998-9999"
    )
    assert usable_cores() == before


def test_engines_get_the_threads_asked_for() -> None:
    assert [engine_threads(asked) for asked in (1, 2, 7)] == [1, 2, 7]


_RESTRICTED = """
import os, pathlib, sys, threading
import numpy  # starts threads of its own
from vit_perception.engine.cpu_affinity import engine_threads, keep_process_to, usable_cores
from vit_perception.engine.factory import open_session

core, graph, provider = int(sys.argv[1]), sys.argv[2], sys.argv[3]
stop = threading.Event()
early = threading.Thread(target=stop.wait)
early.start()
print(keep_process_to(str(core)) == usable_cores() == {core})
session = open_session(pathlib.Path(graph).read_bytes(), provider=provider)
late = threading.Thread(target=stop.wait)
late.start()
threads = [int(name) for name in os.listdir("/proc/self/task")]
print(all(os.sched_getaffinity(thread) == {core} for thread in threads))
print(engine_threads(0) == (0 if os.cpu_count() == 1 else 1))
stop.set()
"""


@pytest.mark.parametrize("which", [min, max])
@pytest.mark.parametrize("provider", ["cpu", "openvino"])
def test_all_threads_of_a_process_keep_to_its_cores(
    which: Callable[[frozenset[int]], int], provider: str, tmp_path: Path
) -> None:
    if provider == "openvino":
        pytest.importorskip("openvino")
    graph = tmp_path / "toy.onnx"
    graph.write_bytes(toy_graph())
    core = str(which(usable_cores()))
    command = [sys.executable, "-c", _RESTRICTED, core, str(graph), provider]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": path}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.stdout.split() == ["True"] * 3, result.stderr
