# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A bundle with a text encoder of its own, and one without, which stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from onnx import TensorProto, helper

from vit_perception.bundle.bundle import Bundle, BundleError
from vit_perception.bundle.files import TextEncoderFiles
from vit_perception.compression.added_graph import with_graph

from ..refusals import refusal_of
from ..toy_bundle import toy_adaptor, toy_graph, write_toy_bundle
from .damaged_bundle import edit, put

# Nothing here runs it.
FILES = TextEncoderFiles(toy_adaptor(), b"any tokenizer")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_toy_bundle(tmp_path / "toy", text_encoder=FILES)
    return tmp_path / "toy"


def test_the_encoder_comes_back(folder: Path) -> None:
    bundle = Bundle.load(folder)
    assert bundle.text_encoder_files == ("text_encoder.onnx", "tokenizer.json")
    assert bundle.text_encoder() == FILES
    assert {"text_encoder.onnx", "tokenizer.json"} <= set(bundle.sha256)
    manifest = yaml.safe_load((folder / "bundle.yaml").read_text())
    assert manifest["text_encoder"] == {
        "id": "all-MiniLM-L6-v2",
        "dimension": 384,
        "graph": "text_encoder.onnx",
        "tokenizer": "tokenizer.json",
    }


def test_a_bundle_without_says_nothing_of_it(toy_bundle: Bundle) -> None:
    assert toy_bundle.text_encoder_files is None
    assert toy_bundle.text_encoder() is None
    manifest = yaml.safe_load((toy_bundle.directory / "bundle.yaml").read_text())
    assert manifest["text_encoder"] == {"id": "all-MiniLM-L6-v2", "dimension": 384}


def test_another_graph_keeps_it(folder: Path, tmp_path: Path) -> None:
    """As quantization makes it."""
    made = with_graph(
        Bundle.load(folder), tmp_path / "more", precision="int8", model=toy_graph(), remark="same"
    )
    assert made.text_encoder() == FILES


@pytest.mark.parametrize("key", ["graph", "tokenizer"])
def test_one_file_without_the_other_is_refused(folder: Path, key: str) -> None:
    edit(folder, **{f"text_encoder__{key}": None})
    message = refusal_of(BundleError, lambda: Bundle.load(folder))
    assert message == f"{folder}/bundle.yaml: text_encoder.{key}: expected a text, found nothing"


@pytest.mark.parametrize("value", [3, ["a"], "../tokenizer.json", "absent.json"])
def test_files_that_are_none_are_refused(folder: Path, value: object) -> None:
    edit(folder, text_encoder__tokenizer=value)
    refusal_of(BundleError, lambda: Bundle.load(folder))


@pytest.mark.parametrize("file", ["text_encoder.onnx", "tokenizer.json"])
def test_a_changed_file_is_refused(folder: Path, file: str) -> None:
    bundle = Bundle.load(folder)
    (folder / file).write_bytes(b"other")
    assert f"{file}: expected sha256" in refusal_of(BundleError, lambda: Bundle.load(folder))
    assert f"{file}: expected sha256" in refusal_of(BundleError, bundle.text_encoder)


def test_a_graph_with_weights_elsewhere_is_refused(folder: Path) -> None:
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    graph = helper.make_graph([], "outside", [], [], [tensor])
    put(folder, "text_encoder.onnx", helper.make_model(graph).SerializeToString())
    message = refusal_of(BundleError, lambda: Bundle.load(folder))
    assert message.endswith("expected all weights inside the file, found external data")
