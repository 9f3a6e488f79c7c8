# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The network of a bundle gives the graph that the bundle has."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from vit_perception.bundle.bundle import Bundle  # noqa: E402
from vit_perception.engine.factory import open_session  # noqa: E402
from vit_perception.export.asked import of_bundle  # noqa: E402
from vit_perception.export.detector import export_bundle  # noqa: E402
from vit_perception.export.trained import ExportError, Trained  # noqa: E402
from vit_perception.training.recipe import Recipe  # noqa: E402
from vit_perception.training.run import WEIGHTS_FILE  # noqa: E402
from vit_perception.vocabulary import Vocabulary  # noqa: E402

from ..toy_bundle import write_toy_bundle  # noqa: E402
from .test_detector import HEIGHT, WIDTH, lively_model, small_bundle, unit_text  # noqa: E402

pytestmark = pytest.mark.torch


def small(folder: Path, rows: int, seed: int = 0) -> Bundle:
    return export_bundle(
        Trained(lively_model(seed), Recipe(data=("train",)), 12),
        folder,
        name="small",
        vocabulary=Vocabulary(("mug", "spoon"), unit_text(2), 0),
        anything=unit_text(1)[0],
        default_names=("mug",),
        size=(HEIGHT, WIDTH),
        top_k=rows,
    )


@pytest.mark.parametrize("rows", [20, 300, 3000])
def test_it_gives_as_many_rows_and_the_same_ones(tmp_path: Path, rows: int) -> None:
    bundle = small(tmp_path / "small", rows)
    written = of_bundle(bundle).written()
    embeddings = np.random.default_rng(0).normal(size=(30, 256)).astype(np.float32)
    feed = {
        "image": np.random.default_rng(0).integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8),
        "class_thresholds": np.full(30, 0.01, np.float32),
        "class_embeddings": embeddings,
        "anything_embedding": embeddings[:1],
    }
    wanted, found = (open_session(graph).run(feed) for graph in (bundle.graph(), written))
    assert (wanted["labels"] >= 0).sum() == rows
    assert wanted.keys() == found.keys()
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values)


def test_it_takes_pictures_alone(tmp_path: Path) -> None:
    network = of_bundle(small_bundle(tmp_path / "small", prototypes=8))
    with torch.no_grad():
        found = network(torch.zeros(1, HEIGHT, WIDTH, 3, dtype=torch.uint8))
    assert [tuple(each.shape[:1]) for each in found] == [(1,)] * 6


def test_weights_of_another_graph_are_refused(tmp_path: Path) -> None:
    one, other = (small(tmp_path / str(seed), 20, seed) for seed in (0, 1))
    shutil.copy(other.directory / WEIGHTS_FILE, one.directory)
    described = one.directory / "bundle.yaml"
    digests = one.sha256[WEIGHTS_FILE], other.sha256[WEIGHTS_FILE]
    described.write_text(described.read_text().replace(*digests))
    bundle = Bundle.load(one.directory)
    with pytest.raises(ExportError, match="expected the weights of its graph, found others"):
        of_bundle(bundle)


def test_a_graph_of_contract_one_is_refused(tmp_path: Path) -> None:
    bundle = replace(small(tmp_path / "small", 20), regions=None)
    with pytest.raises(ExportError, match="expected a graph of contract 2, found one of"):
        of_bundle(bundle)


def test_a_bundle_without_training_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="expected weights.safetensors in the bundle"):
        of_bundle(write_toy_bundle(tmp_path / "toy"))
