# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The fastest of a bundle's graphs is opened, measured once on each machine."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from pathlib import Path

import pytest

from vit_perception.api import load
from vit_perception.bundle.bundle import Bundle
from vit_perception.engine import factory
from vit_perception.engine.calls import EngineTimeoutError, within
from vit_perception.engine.session import SessionError
from vit_perception.perceiver import opening
from vit_perception.perceiver.perceiver import Perceiver

from ..bundle.damaged_bundle import edit
from ..measured import Measured
from ..refusals import refusal_of
from ..toy_bundle import (
    FAILED,
    SQUARES,
    names_found,
    toy_graph,
    toy_picture,
    write_toy_bundle,
    write_toy_int8_bundle,
    write_toy_region_bundle,
)
from ..toy_loops import loops_always

WORDS = re.compile(r"(int8|fp32) \d+\.\d ms; (int8|fp32) \d+\.\d ms")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of this test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "vit_perception" / "fastest.json"


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return write_toy_int8_bundle(tmp_path / "toy")


def auto(bundle: Bundle, *, threads: int = 1, provider: str = "cpu") -> Perceiver:
    return Perceiver(bundle, precision="auto", provider=provider, threads=threads)


def test_real_graphs_are_measured(bundle: Bundle, cache: Path) -> None:
    perceiver = auto(bundle)
    words = WORDS.fullmatch(perceiver.choice.words)
    assert words and {*words.groups()} == {"int8", "fp32"}
    assert perceiver.precision == words[1]
    assert perceiver.choice.asked.precision == "auto"
    assert perceiver.choice.engine.precision == words[1]
    found = names_found(perceiver, toy_picture(64, 96, SQUARES)[0])
    assert sorted(found) == ["blue", "green", "red"]
    [rows] = json.loads(cache.read_text()).values()
    assert [row["precision"] for row in rows] == ["fp32", "int8"]
    assert auto(bundle).choice == perceiver.choice


def test_graphs_of_version_2_are_measured(tmp_path: Path) -> None:
    graph = toy_graph(regions=True)
    bundle = write_toy_region_bundle(tmp_path / "toy", graphs={"fp32": graph, "int8": graph})
    quality = {"metric": "AP", "reference": 0.5, "value": 0.5, "limit": 0, "pictures": 1}
    edit(bundle.directory, quality={"int8": quality | {"data": "squares"}})
    assert WORDS.fullmatch(auto(Bundle.load(bundle.directory)).choice.words)


def test_the_fastest_is_opened_and_measured_once(bundle: Bundle, measured: Measured) -> None:
    for _ in range(2):
        perceiver = auto(bundle)
        assert perceiver.precision == "int8"
        assert perceiver.choice.words == "int8 13.1 ms; fp32 29.4 ms"
    assert measured.count == 1
    measured.milliseconds["fp32"] = 1.0
    assert auto(bundle).precision == "int8"
    assert auto(bundle, threads=2).precision == "fp32"
    assert auto(bundle).precision == "int8"
    assert measured.count == 2


def test_what_is_named_is_not_measured(bundle: Bundle, measured: Measured, cache: Path) -> None:
    perceiver = Perceiver(bundle, precision="int8", threads=1)
    assert (perceiver.precision, perceiver.choice.words) == ("int8", "")
    assert measured.count == 0 and not cache.exists()


def test_one_candidate_is_not_measured(tmp_path: Path, measured: Measured, cache: Path) -> None:
    perceiver = auto(write_toy_int8_bundle(tmp_path / "toy", FAILED))
    assert perceiver.precision == "fp32"
    assert perceiver.choice.words == (
        "fp32: nothing else to choose from; "
        "int8 not chosen: AP 0.4 of 0.5, a drop of 0.02 is allowed"
    )
    assert measured.count == 0 and not cache.exists()


@pytest.mark.parametrize("what", ["machine", "version", "graph", "threads", "names"])
def test_what_times_depend_on_is_measured_again(
    what: str, bundle: Bundle, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    auto(bundle)
    if what == "machine":
        monkeypatch.setattr(opening, "machine", lambda: "another")
    elif what == "version":
        monkeypatch.setattr("onnxruntime.__version__", "9.9.9")
    elif what == "threads":
        monkeypatch.setattr(opening, "engine_threads", lambda _: 99)
    elif what == "names":
        bundle = Bundle.load(bundle.directory)
        object.__setattr__(bundle, "default_names", ("red",))
    else:
        bundle = write_toy_int8_bundle(bundle.directory, graph=toy_graph() + b"\x72\0")
    auto(bundle)
    auto(bundle)
    assert measured.count == 2


def test_a_damaged_file_is_measured_again_and_mended(
    bundle: Bundle, measured: Measured, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("{")
    with caplog.at_level(logging.INFO, "vit_perception"):
        assert auto(bundle).precision == "int8"
    assert "not readable, measured again" in caplog.text
    caplog.clear()
    auto(bundle)
    assert measured.count == 1 and not caplog.records


def test_a_file_that_cannot_be_written_is_no_error(
    bundle: Bundle, measured: Measured, cache: Path
) -> None:
    cache.parent.parent.write_text("in the way")
    for count in (1, 2):
        assert auto(bundle).precision == "int8"
        assert measured.count == count


def test_one_that_opens_no_more_is_measured_again(
    bundle: Bundle, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    auto(bundle)
    network, failed = opening.Network, []

    def failing(bundle: Bundle, engine: object) -> object:
        if not failed:
            failed.append(engine)
            raise SessionError("no memory")
        return network(bundle, engine)  # type: ignore[arg-type]

    monkeypatch.setattr(opening, "Network", failing)
    assert auto(bundle).precision == "int8"
    assert len(failed) == 1 and measured.count == 2


def test_a_graph_that_the_engine_refuses_is_passed_over(
    bundle: Bundle, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its reason, which is kept too."""
    network = opening.Network

    def refusing(bundle: Bundle, engine: object) -> object:
        if engine.precision == "int8":  # type: ignore[attr-defined]
            raise SessionError("no kernel")
        return network(bundle, engine)  # type: ignore[arg-type]

    monkeypatch.setattr(opening, "Network", refusing)
    for _ in range(2):
        perceiver = auto(bundle)
        assert perceiver.precision == "fp32"
        assert perceiver.choice.words == "fp32 29.4 ms; int8 not chosen: no kernel"
    assert measured.count == 1


def test_where_none_runs_all_reasons_are_told(
    bundle: Bundle, measured: Measured, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*_: object) -> object:
        raise SessionError("no kernel")

    monkeypatch.setattr(opening, "Network", refusing)
    assert refusal_of(SessionError, lambda: auto(bundle)) == (
        f"{bundle.directory}: expected a graph and an engine that run here, found none: "
        "fp32 on cpu: no kernel; int8 on cpu: no kernel"
    )
    assert not cache.exists()


def test_a_graph_that_breaks_the_contract_is_passed_over(tmp_path: Path) -> None:
    """As it was added by hand; the measuring is a real one."""
    bundle = write_toy_int8_bundle(tmp_path / "toy", graph=toy_graph(masks=True, regions=True))
    perceiver = auto(bundle)
    assert perceiver.precision == "fp32"
    assert re.fullmatch(
        r"fp32 \d+\.\d ms; int8 not chosen: \S+/model\.int8\.onnx: .*expected.*",
        perceiver.choice.words,
    )


def test_an_engine_that_is_told_to_give_up_ends_it(tmp_path: Path, cache: Path) -> None:
    """It has refused nothing: neither is the other graph taken, nor is that kept."""
    bundle = write_toy_int8_bundle(tmp_path / "toy", graph=loops_always())
    with pytest.raises(EngineTimeoutError):
        within(1.0, lambda: auto(bundle), late="late", name="measuring", watch=lambda: None)
    end = time.monotonic() + 60
    while "measuring" in {each.name for each in threading.enumerate()}:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert not cache.exists()


def test_all_engines_are_tried(
    bundle: Bundle, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is listed whose libraries are not there."""
    names = ("CUDAExecutionProvider", "CPUExecutionProvider")
    monkeypatch.setattr(factory, "available_providers", lambda: names)
    perceiver = auto(bundle, provider="auto")
    assert (perceiver.precision, perceiver.provider) == ("int8", "CPUExecutionProvider")
    first, second, *reasons = perceiver.choice.words.split("; ")
    assert (first, second) == ("int8 on cpu 13.1 ms", "fp32 on cpu 29.4 ms")
    assert reasons[0] == "not installed: tensorrt, openvino"
    assert reasons[1].startswith("fp32 on cuda not chosen: ")


def test_the_face_for_python_takes_it(tmp_path: Path, measured: Measured) -> None:
    bundle = write_toy_bundle(tmp_path / "toy")
    perceiver = load(bundle.directory, precision="auto", threads=1)
    assert (perceiver.precision, measured.count) == ("fp32", 0)
