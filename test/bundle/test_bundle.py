# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vit_perception.bundle.bundle import Bundle, BundleError
from vit_perception.output.failure import OutputError

from ..refusals import refusal_of
from ..toy_bundle import (
    DEFAULT_NAMES,
    DIMENSION,
    toy_adaptor,
    toy_graph,
    toy_vocabulary,
    write_toy_bundle,
)

# What is written comes back


def test_a_bundle_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = write_toy_bundle(
        tmp_path / "new" / "toy", graphs={"fp32": toy_graph(), "int8": toy_adaptor()}
    )
    bundle = Bundle.load(tmp_path / "new" / "toy")
    for found in (written, bundle):
        assert found.directory == tmp_path / "new" / "toy"
        assert (found.name, found.task, found.architecture) == (
            "toy",
            "detection",
            "colour_squares",
        )
        assert (found.input_height, found.input_width, found.pad_value) == (64, 96, 114)
        assert found.graphs == {"fp32": "model.onnx", "int8": "model.int8.onnx"}
        assert (found.text_encoder_id, found.text_dimension) == ("all-MiniLM-L6-v2", DIMENSION)
        assert (found.score_threshold, found.iou_threshold) == (0.6, 0.3)
        assert not found.fixed_vocabulary
        assert found.default_names == DEFAULT_NAMES
        assert found.metrics[0]["value"] == 1.0
        assert (found.licence, found.source) == ("Apache-2.0", "test/toy_bundle.py")
        assert found.graph() == toy_graph()
        assert found.graph("int8") == toy_adaptor()
        assert found.text_adaptor() == toy_adaptor()
    assert set(bundle.sha256) == {
        "model.onnx",
        "model.int8.onnx",
        "text_adaptor.onnx",
        "vocabulary.npz",
        "MODEL_CARD.md",
    }


def test_vocabularies_come_back(toy_bundle: Bundle) -> None:
    expected = toy_vocabulary()
    ready_made = toy_bundle.ready_made()
    assert (ready_made.names, ready_made.version) == (expected.names, 0)
    np.testing.assert_array_equal(ready_made.embeddings, expected.embeddings)
    default = toy_bundle.default_vocabulary()
    assert (default.names, default.version) == (DEFAULT_NAMES, 0)
    np.testing.assert_array_equal(default.embeddings, toy_vocabulary(DEFAULT_NAMES).embeddings)


def test_default_names_keep_their_own_order(tmp_path: Path) -> None:
    bundle = write_toy_bundle(tmp_path / "toy", default_names=("cyan", "red"))
    default = bundle.default_vocabulary()
    assert default.names == ("cyan", "red")
    np.testing.assert_array_equal(default.embeddings, toy_vocabulary(("cyan", "red")).embeddings)


def test_a_bundle_without_adaptor(tmp_path: Path) -> None:
    bundle = write_toy_bundle(tmp_path / "toy", text_adaptor=None)
    assert bundle.text_adaptor() is None


def test_equal_input_writes_equal_bytes(tmp_path: Path) -> None:
    first = write_toy_bundle(tmp_path / "a")
    second = write_toy_bundle(tmp_path / "b")
    assert first.sha256 == second.sha256
    manifests = [(tmp_path / name / "bundle.yaml").read_bytes() for name in "ab"]
    assert manifests[0] == manifests[1]


def test_shared_values_in_metrics_are_written_out(tmp_path: Path) -> None:
    shared = [1, 2]
    bundle = write_toy_bundle(tmp_path / "toy", metrics=[{"a": shared}, {"b": shared}])
    assert bundle.metrics == [{"a": [1, 2]}, {"b": [1, 2]}]


def test_names_of_any_script_survive(tmp_path: Path) -> None:
    names = ("rote Tasse", "コップ", "yes", "1.5", "null", "# comment", "a: b")
    bundle = write_toy_bundle(
        tmp_path / "toy", vocabulary=toy_vocabulary(names), default_names=names
    )
    assert bundle.default_vocabulary().names == names


def test_extra_files_are_hashed_too(tmp_path: Path) -> None:
    bundle = write_toy_bundle(tmp_path / "toy", extra_files={"docs/picture.png": b"123"})
    assert bundle.sha256["docs/picture.png"] == hashlib.sha256(b"123").hexdigest()
    (tmp_path / "toy/docs/picture.png").write_bytes(b"124")
    assert "picture.png: expected sha256" in refusal_of(
        BundleError, lambda: Bundle.load(tmp_path / "toy")
    )


def test_a_shown_name_is_worth_what_a_said_one_is(tmp_path: Path) -> None:
    bundle = write_toy_bundle(tmp_path / "toy", score_threshold=0.2, shown_threshold=0.5)
    assert bundle.shown_threshold == 0.5
    assert bundle.shown_threshold**bundle.shown_power == pytest.approx(bundle.score_threshold)
    assert write_toy_bundle(tmp_path / "toy").shown_power == 1.0


@pytest.mark.parametrize("threshold", [0.0, 1.0, 2.0])
def test_a_shown_threshold_that_no_power_could_move_is_refused(
    threshold: float, tmp_path: Path
) -> None:
    target = tmp_path / "toy"
    message = refusal_of(BundleError, lambda: write_toy_bundle(target, shown_threshold=threshold))
    assert message == (
        f"{target}/bundle.yaml: thresholds.shown: expected a number 0.01..0.99, found {threshold}"
    )


# Replacing what is there


def test_an_older_bundle_and_an_empty_folder_are_replaced(tmp_path: Path) -> None:
    target = tmp_path / "toy"
    target.mkdir()
    write_toy_bundle(target, name="first", extra_files={"old.txt": b""})
    write_toy_bundle(target, name="second")
    assert Bundle.load(target).name == "second"
    assert not (target / "old.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


def test_other_content_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    message = refusal_of(BundleError, lambda: write_toy_bundle(tmp_path))
    assert message == (
        f"{tmp_path}: expected a bundle or an empty folder to replace, found other content"
    )
    assert "found other content" in refusal_of(
        BundleError, lambda: write_toy_bundle(tmp_path / "thesis.tex")
    )
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_bundle_that_would_be_refused_replaces_nothing(tmp_path: Path) -> None:
    target = tmp_path / "toy"
    write_toy_bundle(target)
    message = refusal_of(BundleError, lambda: write_toy_bundle(target, score_threshold=1.5))
    assert message == f"{target}/bundle.yaml: thresholds.score: expected a number 0..1, found 1.5"
    assert Bundle.load(target).score_threshold == 0.6
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"extra_files": {"../out.txt": b""}}, "expected files inside the folder"),
        ({"extra_files": {"/tmp/out.txt": b""}}, "expected files inside the folder"),
        ({"extra_files": {"model.onnx": b""}}, "expected other names than the bundle's"),
        ({"extra_files": {"bundle.yaml": b""}}, "expected other names than the bundle's"),
        ({"metrics": [{"value": np.float32(1)}]}, "expected plain values for bundle.yaml"),
        ({"graphs": {}}, "graphs: expected 1..32 precisions, found 0"),
        ({"default_names": ("violet",)}, "expected names of vocabulary.npz, found 'violet'"),
        ({"default_names": ()}, "default_names: names: expected 1..4096, found 0"),
        ({"text_dimension": 512}, "embeddings: expected float32 [6, 512], found float32 [6, 384]"),
        ({"graphs": {"fp32": b"\x00\x01"}}, "model.onnx: expected an ONNX graph"),
    ],
)
def test_what_cannot_be_a_bundle_is_not_written(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    assert message in refusal_of(
        BundleError, lambda: write_toy_bundle(tmp_path / "toy", **changes)
    )
    assert list(tmp_path.iterdir()) == []


def test_a_destination_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    message = refusal_of(OutputError, lambda: write_toy_bundle(tmp_path / "file" / "toy"))
    assert message.startswith(f"{tmp_path}/file/toy: expected to write here, found ")


def test_others_may_read_what_was_written(tmp_path: Path) -> None:
    write_toy_bundle(tmp_path / "toy")
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "toy").stat().st_mode & 0o777 == 0o777 & ~umask


def test_an_unknown_precision_is_refused(toy_bundle: Bundle) -> None:
    assert refusal_of(BundleError, lambda: toy_bundle.graph("int4")) == (
        f"{toy_bundle.directory}: expected precision fp32, found 'int4'"
    )
