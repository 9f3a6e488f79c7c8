# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Bundles of version 2 of the graph contract beside those of version 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto

from vit_perception.engine.factory import open_session
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import PerceiverError

from ..refusals import refusal_of
from ..toy_bundle import (
    DIMENSION,
    SQUARES,
    toy_graph,
    toy_picture,
    toy_regions,
    write_toy_bundle,
    write_toy_region_bundle,
    write_toy_segmentation_bundle,
)
from ..toy_graphs import changed, redone


@pytest.mark.parametrize("masks", [False, True])
def test_names_find_what_they_found(tmp_path: Path, masks: bool) -> None:
    writer = write_toy_segmentation_bundle if masks else write_toy_bundle
    before = Perceiver(writer(tmp_path / "one"))
    after = Perceiver(write_toy_region_bundle(tmp_path / "two", masks=masks))
    image, _ = toy_picture(64, 96, SQUARES)
    first, second = before(image), after(image)
    assert len(first) == len(SQUARES)
    np.testing.assert_array_equal(first.boxes, second.boxes)
    np.testing.assert_array_equal(first.scores, second.scores)
    np.testing.assert_array_equal(first.labels, second.labels)
    if masks:
        assert first.to_coco() == second.to_coco()


def test_rows_of_anything_have_embeddings(tmp_path: Path) -> None:
    bundle = write_toy_region_bundle(tmp_path / "two")
    assert bundle.regions is not None
    image, _ = toy_picture(64, 96, SQUARES)
    found = open_session(bundle.graph()).run(
        {
            "image": image[None],
            "class_thresholds": np.ones(1, np.float32),
            "class_embeddings": np.zeros((1, DIMENSION), np.float32),
            "anything_embedding": bundle.regions.anything[None],
        }
    )
    anything = found["labels"][0] == -1
    assert found["embeddings"].shape == (1, found["labels"].shape[1], DIMENSION)
    rows = found["embeddings"][0][anything][:, :3]
    assert {tuple(np.flatnonzero(row > 0.9)) for row in rows} >= {(0,), (1,), (2,)}


def test_a_graph_of_version_1_in_a_bundle_of_version_2_is_refused(tmp_path: Path) -> None:
    bundle = write_toy_bundle(tmp_path / "two", regions=toy_regions())
    assert "inputs: expected anything_embedding, class_embeddings" in refusal_of(
        PerceiverError, lambda: Perceiver(bundle)
    )


def test_a_graph_of_version_2_in_a_bundle_of_version_1_is_refused(tmp_path: Path) -> None:
    bundle = write_toy_bundle(tmp_path / "one", graphs={"fp32": toy_graph(regions=True)})
    line = refusal_of(PerceiverError, lambda: Perceiver(bundle))
    assert "inputs: expected class_embeddings, class_thresholds, image, found anything" in line


def test_a_row_of_anything_among_the_rows_of_names_is_refused(tmp_path: Path) -> None:
    def mix(model: ModelProto) -> None:
        mixed = np.zeros((1, 377), np.int64)
        mixed[0, 0] = -9
        redone(model, "labels", "Add", mixed, [1, 377])

    graph = changed(mix, toy_graph(regions=True))
    bundle = write_toy_region_bundle(tmp_path / "two", graphs={"fp32": graph})
    image, _ = toy_picture(64, 96, SQUARES)
    perceiver = Perceiver(bundle)
    assert "labels: expected 0..2, found -9..2" in refusal_of(
        PerceiverError, lambda: perceiver(image)
    )
