# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Files of a bundle that are missing, changed, elsewhere or of another kind."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest
import yaml
from onnx import ModelProto, TensorProto

from vit_perception.bundle.bundle import Bundle, BundleError
from vit_perception.bundle.files import replace_folder

from ..refusals import refusal_of
from ..toy_bundle import (
    toy_adaptor,
    toy_graph,
)
from .damaged_bundle import edit, listed, put


def test_a_truncated_graph_is_refused(bundle_copy: Path) -> None:
    graph = bundle_copy / "model.onnx"
    listed = hashlib.sha256(graph.read_bytes()).hexdigest()
    graph.write_bytes(graph.read_bytes()[:1000])
    found = hashlib.sha256(graph.read_bytes()).hexdigest()
    assert refusal_of(BundleError, lambda: Bundle.load(bundle_copy)) == (
        f"{graph}: expected sha256 {listed}, found {found}"
    )


def test_a_truncated_graph_with_the_right_hash_is_refused(bundle_copy: Path) -> None:
    put(bundle_copy, "model.onnx", toy_graph()[:1000])
    assert refusal_of(BundleError, lambda: Bundle.load(bundle_copy)).startswith(
        f"{bundle_copy}/model.onnx: expected an ONNX graph, found a field of "
    )


@pytest.mark.parametrize("file", ["model.onnx", "text_adaptor.onnx", "vocabulary.npz"])
def test_a_wrong_or_missing_hash_is_refused(bundle_copy: Path, file: str) -> None:
    document = yaml.safe_load((bundle_copy / "bundle.yaml").read_text())
    document["sha256"][file] = "0" * 64
    (bundle_copy / "bundle.yaml").write_text(yaml.safe_dump(document))
    assert f"{file}: expected sha256 000000" in refusal_of(
        BundleError, lambda: Bundle.load(bundle_copy)
    )
    del document["sha256"][file]
    (bundle_copy / "bundle.yaml").write_text(yaml.safe_dump(document))
    assert refusal_of(BundleError, lambda: Bundle.load(bundle_copy)) == (
        f"{bundle_copy}/bundle.yaml: sha256: expected an entry for '{file}', found none"
    )


def test_a_missing_file_is_named(bundle_copy: Path) -> None:
    (bundle_copy / "text_adaptor.onnx").unlink()
    assert refusal_of(BundleError, lambda: Bundle.load(bundle_copy)) == (
        f"{bundle_copy}/text_adaptor.onnx: expected a file, found No such file or directory"
    )


def test_a_file_changed_after_loading_is_not_used(bundle_copy: Path) -> None:
    bundle = Bundle.load(bundle_copy)
    (bundle_copy / "model.onnx").write_bytes(toy_adaptor())
    (bundle_copy / "text_adaptor.onnx").write_bytes(b"")
    assert "model.onnx: expected sha256" in refusal_of(BundleError, bundle.graph)
    assert "text_adaptor.onnx: expected sha256" in refusal_of(BundleError, bundle.text_adaptor)


@pytest.mark.parametrize("spelling", ["../secret.onnx", "a/../../secret.onnx", "{outside}"])
def test_a_path_out_of_the_folder_is_refused(bundle_copy: Path, spelling: str) -> None:
    secret = bundle_copy.parent / "secret.onnx"
    secret.write_bytes(toy_graph())
    file = spelling.format(outside=secret)
    digest = hashlib.sha256(secret.read_bytes()).hexdigest()
    edit(bundle_copy, graphs={"fp32": file}, sha256=listed(bundle_copy) | {file: digest})
    message = refusal_of(BundleError, lambda: Bundle.load(bundle_copy))
    assert message.startswith(
        f"{bundle_copy}/bundle.yaml: expected files inside the folder, found "
    )


@pytest.mark.parametrize("file", ["a\nb.onnx", "a\0b", "a" * 1001, "a\u202eb"])
def test_a_name_that_no_file_should_have_is_refused(bundle_copy: Path, file: str) -> None:
    hashes = listed(bundle_copy)
    hashes[file] = hashes["model.onnx"]
    edit(bundle_copy, sha256=hashes)
    message = refusal_of(BundleError, lambda: Bundle.load(bundle_copy))
    assert message.startswith(
        f"{bundle_copy}/bundle.yaml: expected files inside the folder, found "
    )


def test_a_manifest_that_links_to_another_file_is_not_read(bundle_copy: Path) -> None:
    secret = bundle_copy.parent / "secret"
    secret.write_text("password\n")
    (bundle_copy / "bundle.yaml").unlink()
    (bundle_copy / "bundle.yaml").symlink_to(secret)
    assert refusal_of(BundleError, lambda: Bundle.load(bundle_copy)) == (
        f"{bundle_copy}/bundle.yaml: expected bundle.yaml, found a link to {secret}"
    )


def test_a_path_that_is_too_long_is_no_folder(tmp_path: Path) -> None:
    message = refusal_of(BundleError, lambda: Bundle.load(tmp_path / ("x" * 300)))
    assert message.endswith("expected a folder with bundle.yaml, found no such folder")


def test_a_link_out_of_the_folder_is_refused(bundle_copy: Path) -> None:
    secret = bundle_copy.parent / "secret.onnx"
    shutil.move(bundle_copy / "model.onnx", secret)
    (bundle_copy / "model.onnx").symlink_to(secret)
    assert refusal_of(BundleError, lambda: Bundle.load(bundle_copy)) == (
        f"{bundle_copy}/model.onnx: expected a file inside the folder, found a link to {secret}"
    )


def test_a_folder_linked_out_of_the_folder_is_refused(bundle_copy: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.move(bundle_copy / "model.onnx", outside / "model.onnx")
    (bundle_copy / "in").symlink_to(outside)
    hashes = listed(bundle_copy)
    hashes["in/model.onnx"] = hashes.pop("model.onnx")
    edit(bundle_copy, graphs={"fp32": "in/model.onnx"}, sha256=hashes)
    assert "expected a file inside the folder" in refusal_of(
        BundleError, lambda: Bundle.load(bundle_copy)
    )


def test_links_that_colcon_makes_are_followed(bundle_copy: Path, tmp_path: Path) -> None:
    installed = tmp_path / "share" / "toy"
    installed.mkdir(parents=True)
    for path in bundle_copy.iterdir():
        (installed / path.name).symlink_to(path)
    linked_folder = tmp_path / "linked"
    linked_folder.symlink_to(bundle_copy)
    for directory in (installed, linked_folder):
        assert Bundle.load(directory).graph() == toy_graph()


def test_a_pipe_or_folder_in_place_of_a_file_is_refused(bundle_copy: Path) -> None:
    (bundle_copy / "model.onnx").unlink()
    os.mkfifo(bundle_copy / "model.onnx")
    assert "model.onnx: expected a file, found something else" in refusal_of(
        BundleError, lambda: Bundle.load(bundle_copy)
    )
    (bundle_copy / "model.onnx").unlink()
    (bundle_copy / "model.onnx").mkdir()
    assert "found something else" in refusal_of(BundleError, lambda: Bundle.load(bundle_copy))


def test_external_data_is_refused(bundle_copy: Path) -> None:
    model = ModelProto()
    model.ParseFromString(toy_graph())
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")
    put(bundle_copy, "model.onnx", model.SerializeToString())
    assert refusal_of(BundleError, lambda: Bundle.load(bundle_copy)) == (
        f"{bundle_copy}/model.onnx: expected all weights inside the file, found external data"
    )


def test_what_another_command_put_at_the_destination_meanwhile_stays(tmp_path: Path) -> None:
    target = tmp_path / "run"

    def check(new: Path) -> None:
        target.mkdir()
        (target / "checkpoint.pt").write_text("hours of work")

    with pytest.raises(BundleError, match="expected a bundle or an empty folder to replace"):
        replace_folder(target, lambda: {"bundle.yaml": b"name: x"}, check)
    assert (target / "checkpoint.pt").read_text() == "hours of work"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]
