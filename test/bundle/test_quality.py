# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a manifest says of how exact its graphs are."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.quality import Quality

from ..toy_bundle import toy_graph, write_toy_bundle
from .damaged_bundle import edit

ENTRY: dict[str, Any] = {
    "metric": "AP",
    "reference": 0.5,
    "value": 0.49,
    "limit": 0.01,
    "pictures": 500,
    "data": "squares, seed 7",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    graphs = {name: toy_graph() for name in ("fp32", "int8", "v1.5")}
    return write_toy_bundle(tmp_path / "toy", graphs=graphs).directory


def test_without_it_fp32_alone_passes(folder: Path) -> None:
    bundle = Bundle.load(folder)
    assert bundle.quality == {}
    assert [each for each in bundle.graphs if bundle.passed(each)] == ["fp32"]


def test_it_is_read(folder: Path) -> None:
    worse = ENTRY | {"metric": "agreement", "reference": 1, "value": 0.98}
    edit(folder, quality={"int8": ENTRY, "v1.5": worse})
    bundle = Bundle.load(folder)
    assert bundle.quality == {
        "int8": Quality("AP", 0.5, 0.49, 0.01, 500, "squares, seed 7"),
        "v1.5": Quality("agreement", 1.0, 0.98, 0.01, 500, "squares, seed 7"),
    }
    assert [each for each in bundle.graphs if bundle.passed(each)] == ["fp32", "int8"]
    assert str(bundle.quality["v1.5"]) == "agreement 0.98 of 1, a drop of 0.01 is allowed"


def test_an_empty_one_says_nothing(folder: Path) -> None:
    edit(folder, quality={})
    assert Bundle.load(folder).quality == {}


def test_fp32_always_passes(folder: Path) -> None:
    edit(folder, quality={"fp32": ENTRY | {"value": 0.1}})
    bundle = Bundle.load(folder)
    assert not bundle.quality["fp32"].passed
    assert bundle.passed("fp32")


@pytest.mark.parametrize(
    ("value", "passed"), [(0.6, True), (0.5, True), (0.49, True), (0.4899, False), (0.0, False)]
)
def test_what_passes(value: float, passed: bool) -> None:
    """0.5 - 0.49 is a little more than 0.01 for a computer."""
    assert Quality("AP", 0.5, value, 0.01, 1, "squares").passed is passed


def test_it_does_not_change(folder: Path) -> None:
    edit(folder, quality={"int8": ENTRY})
    bundle = Bundle.load(folder)
    with pytest.raises(FrozenInstanceError):
        bundle.quality["int8"].value = 0.5  # type: ignore[misc]
    with pytest.raises(TypeError):
        bundle.quality["fp32"] = bundle.quality["int8"]  # type: ignore[index]
