# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A graph is added to a bundle as it is when it is written, or the reason is told."""

from __future__ import annotations

import os
from pathlib import Path

import onnx
import pytest

from vit_perception.bundle.bundle import Bundle, BundleError
from vit_perception.bundle.quality import Quality
from vit_perception.compression.added_graph import with_graph
from vit_perception.output import lock
from vit_perception.output.failure import OutputError
from vit_perception.output.lock import sole_writer_of

from ..refusals import refusal_of
from ..toy_bundle import toy_graph, write_toy_bundle


@pytest.fixture
def source(tmp_path: Path) -> Bundle:
    return write_toy_bundle(tmp_path / "toy")


QUALITY = Quality("AP", 0.5, 0.49, 0.01, 500, "squares")


def _added(
    bundle: Bundle, directory: Path, precision: str, quality: Quality | None = None
) -> Bundle:
    return with_graph(
        bundle,
        directory,
        precision=precision,
        model=bundle.graph(),
        remark=f"for {precision}",
        quality=quality,
    )


def test_of_two_graphs_made_at_the_same_time_none_is_lost(source: Bundle) -> None:
    """Both began with the bundle that has one graph."""
    for precision in ("first", "second"):
        made = _added(source, source.directory, precision)
    assert list(made.graphs) == ["fp32", "first", "second"]
    card = (source.directory / "MODEL_CARD.md").read_text()
    assert "- `first`: for first" in card
    assert "- `second`: for second" in card


def test_a_graph_is_not_added_to_another_float_graph(source: Bundle) -> None:
    graph = source.graph()
    other = {"fp32": toy_graph(masks=True)}
    write_toy_bundle(source.directory, graphs=other, task="instance_segmentation")
    files = {path: path.read_bytes() for path in source.directory.iterdir()}
    assert refusal_of(
        BundleError,
        lambda: with_graph(source, source.directory, precision="int8", model=graph, remark=""),
    ) == (f"{source.directory}: expected the graph fp32 that was read at the start, found another")
    assert files == {path: path.read_bytes() for path in source.directory.iterdir()}


def test_a_destination_that_another_process_writes_is_refused(
    source: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    with sole_writer_of(tmp_path / "out"):
        assert refusal_of(OutputError, lambda: _added(source, tmp_path / "out", "int8")) == (
            f"{tmp_path}/out: expected one writer, found process {os.getpid()} writing there"
        )
    assert _added(source, tmp_path / "out", "int8").graphs.keys() == {"fp32", "int8"}


def test_quality_stays_with_its_graph(source: Bundle, tmp_path: Path) -> None:
    """A copy keeps that of others; another graph has none of the one before it."""
    first = _added(source, tmp_path / "a", "int8", QUALITY)
    assert first.quality == {"int8": QUALITY}
    other = Quality("agreement", 1.0, 0.2, 0.1, 3, "more squares")
    second = _added(first, tmp_path / "b", "int4", other)
    assert second.quality == {"int8": QUALITY, "int4": other}
    assert _added(second, tmp_path / "c", "int8", other).quality == {"int8": other, "int4": other}
    replaced = _added(second, tmp_path / "d", "int8")
    assert replaced.quality == {"int4": other}
    none = _added(replaced, tmp_path / "e", "int4")
    assert none.quality == {}
    assert "quality" not in (tmp_path / "e" / "bundle.yaml").read_text()
    assert first.quality == Bundle.load(tmp_path / "a").quality


@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_a_name_with_another_meaning_is_refused(
    source: Bundle, tmp_path: Path, precision: str
) -> None:
    assert refusal_of(BundleError, lambda: _added(source, tmp_path / "out", precision)) == (
        "precision name: expected at most 40 of a-z, 0-9 and _, other than fp32 and auto, found "
        f"'{precision}'"
    )


def test_a_graph_that_is_there_already_keeps_its_file(source: Bundle) -> None:
    shared = _added(source, source.directory, "same")
    assert shared.graphs["same"] == shared.graphs["fp32"]
    changed = onnx.load_from_string(source.graph())
    changed.doc_string = "another"
    other = changed.SerializeToString()
    replaced = with_graph(shared, source.directory, precision="same", model=other, remark="new")
    assert replaced.graphs["same"] == "model.same.onnx" and replaced.graph("same") == other
    assert replaced.graph() == source.graph()
    # Back again, and the file of its own is gone.
    shared = _added(replaced, source.directory, "same")
    assert not (source.directory / "model.same.onnx").exists()
