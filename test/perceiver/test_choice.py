# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What may be taken where the fastest is asked for, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from vit_perception.bundle.bundle import Bundle, BundleError
from vit_perception.engine import factory
from vit_perception.engine.session import SessionError
from vit_perception.perceiver.choice import Candidate, Candidates, Choice, Timed
from vit_perception.perceiver.settings import EngineSettings, PerceiverError

from ..refusals import refusal_of
from ..toy_bundle import FAILED, toy_graph, write_toy_bundle, write_toy_int8_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return write_toy_int8_bundle(tmp_path / "toy")


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("AzureExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")
    monkeypatch.setattr(factory, "available_providers", lambda: names)


def test_fp32_and_what_passed(bundle: Bundle) -> None:
    found = Candidates.of(bundle, EngineSettings("auto"))
    assert found.ready == (("fp32", "cpu"), ("int8", "cpu"))
    assert found.left_out == ()


def test_what_did_not_pass_is_named(tmp_path: Path) -> None:
    bundle = write_toy_int8_bundle(tmp_path / "toy", FAILED)
    found = Candidates.of(bundle, EngineSettings("auto"))
    assert found.ready == (("fp32", "cpu"),)
    assert found.left_out == ("int8 not chosen: AP 0.4 of 0.5, a drop of 0.02 is allowed",)


def test_what_was_not_measured_is_named(tmp_path: Path) -> None:
    bundle = write_toy_int8_bundle(tmp_path / "toy", None)
    found = Candidates.of(bundle, EngineSettings("auto"))
    assert found.ready == (("fp32", "cpu"),)
    assert found.left_out == ("int8 not chosen: its quality was not measured",)
    assert found.words_for_only() == (
        "fp32: nothing else to choose from",
        "int8 not chosen: its quality was not measured",
    )


def test_a_bundle_without_any_is_refused(tmp_path: Path) -> None:
    bundle = write_toy_bundle(tmp_path / "toy", graphs={"int8": toy_graph()})
    line = refusal_of(PerceiverError, lambda: Candidates.of(bundle, EngineSettings("auto")))
    assert line == (
        f"{tmp_path}/toy: precision: expected a graph fp32 or one whose quality passed, found "
        "int8 not chosen: its quality was not measured"
    )


def test_installed_engines(bundle: Bundle) -> None:
    """Those without a short name, such as Azure's, are not tried."""
    both = Candidates.of(bundle, EngineSettings("auto", "auto"))
    assert both.ready == tuple(
        (precision, provider) for precision in ("fp32", "int8") for provider in ("cpu", "cuda")
    )
    assert both.left_out == ("not installed: tensorrt, openvino",)
    one = Candidates.of(bundle, EngineSettings("int8", "auto"))
    assert one.ready == (("int8", "cpu"), ("int8", "cuda"))


def test_what_is_asked_for_by_name_has_to_be_there(bundle: Bundle) -> None:
    line = refusal_of(BundleError, lambda: Candidates.of(bundle, EngineSettings("int3", "auto")))
    assert line.endswith("expected precision fp32 or int8, found 'int3'")
    line = refusal_of(
        SessionError, lambda: Candidates.of(bundle, EngineSettings("auto", "abacus"))
    )
    assert line.endswith("found 'abacus'")


def test_the_words_name_all_times_the_least_first(tmp_path: Path) -> None:
    bundle = write_toy_int8_bundle(tmp_path / "toy")
    asked = EngineSettings("auto", threads=2)
    candidates = Candidates.of(bundle, asked)
    timed = Timed({Candidate("fp32", "cpu"): 29.41, Candidate("int8", "cpu"): 13.06}, {})
    choice = Choice.of(asked, timed.fastest, candidates.words(timed))
    assert choice.engine == EngineSettings("int8", "cpu", 2)
    assert choice.words == "int8 13.1 ms; fp32 29.4 ms"
    assert choice.line == "auto on cpu: int8 13.1 ms; fp32 29.4 ms"


def test_the_words_name_engines_where_they_differ(bundle: Bundle) -> None:
    asked = EngineSettings("int8", "auto")
    timed = Timed({Candidate("int8", "cpu"): 3.0}, {Candidate("int8", "cuda"): "no memory"})
    assert Candidates.of(bundle, asked).words(timed) == (
        "int8 on cpu 3.0 ms",
        "not installed: tensorrt, openvino",
        "int8 on cuda not chosen: no memory",
    )
