# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import io
import os
import pickle
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from onnx import ModelProto, TensorProto

from vit_perception.bundle import Bundle, BundleError
from vit_perception.vocabulary import MAX_NAMES

from .toy_bundle import (
    DEFAULT_NAMES,
    DIMENSION,
    toy_adaptor,
    toy_graph,
    toy_vocabulary,
    write_toy_bundle,
)


@pytest.fixture
def copy(toy_bundle_dir: Path, tmp_path: Path) -> Path:
    """A bundle to spoil."""
    return Path(shutil.copytree(toy_bundle_dir, tmp_path / "toy"))


def refusal_of(function: Callable[[], Any]) -> str:
    with pytest.raises(BundleError) as refusal:
        function()
    message = str(refusal.value)
    assert message.isprintable()
    return message


def edit(directory: Path, **changes: Any) -> None:
    """Changes keys of bundle.yaml ("a__b" is key b of a); None removes."""
    path = directory / "bundle.yaml"
    document = yaml.safe_load(path.read_text())
    for key, value in changes.items():
        *sections, last = key.split("__")
        section = document
        for part in sections:
            section = section[part]
        if value is None:
            del section[last]
        else:
            section[last] = value
    path.write_text(yaml.safe_dump(document))


def put(directory: Path, file: str, data: bytes) -> None:
    """Replaces a file and lists its hash."""
    (directory / file).write_bytes(data)
    document = yaml.safe_load((directory / "bundle.yaml").read_text())
    document["sha256"][file] = hashlib.sha256(data).hexdigest()
    (directory / "bundle.yaml").write_text(yaml.safe_dump(document))


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


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
    assert "picture.png: expected sha256" in refusal_of(lambda: Bundle.load(tmp_path / "toy"))


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
    message = refusal_of(lambda: write_toy_bundle(tmp_path))
    assert message == (
        f"{tmp_path}: expected a bundle or an empty folder to replace, found other content"
    )
    assert "found other content" in refusal_of(lambda: write_toy_bundle(tmp_path / "thesis.tex"))
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_bundle_that_would_be_refused_replaces_nothing(tmp_path: Path) -> None:
    target = tmp_path / "toy"
    write_toy_bundle(target)
    message = refusal_of(lambda: write_toy_bundle(target, score_threshold=1.5))
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
        ({"graphs": {}}, "graphs: expected at least one precision, found none"),
        ({"default_names": ("violet",)}, "expected names of vocabulary.npz, found 'violet'"),
        ({"default_names": ()}, "default_names: names: expected 1..4096, found 0"),
        ({"text_dimension": 512}, "embeddings: expected float32 [6, 512], found float32 [6, 384]"),
        ({"graphs": {"fp32": b"\x00\x01"}}, "model.onnx: expected an ONNX graph"),
    ],
)
def test_what_cannot_be_a_bundle_is_not_written(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    assert message in refusal_of(lambda: write_toy_bundle(tmp_path / "toy", **changes))
    assert list(tmp_path.iterdir()) == []


def test_a_destination_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    message = refusal_of(lambda: write_toy_bundle(tmp_path / "file" / "toy"))
    assert message.startswith(f"{tmp_path}/file/toy: expected a folder to write, found ")


def test_others_may_read_what_was_written(tmp_path: Path) -> None:
    write_toy_bundle(tmp_path / "toy")
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "toy").stat().st_mode & 0o777 == 0o777 & ~umask


# Corruption


def test_a_folder_that_is_no_bundle_is_named(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    assert refusal_of(lambda: Bundle.load(absent)) == (
        f"{absent}: expected a folder with bundle.yaml, found no such folder"
    )
    assert refusal_of(lambda: Bundle.load(tmp_path)) == (
        f"{tmp_path}: expected a folder with bundle.yaml, found no bundle.yaml"
    )


def test_a_truncated_graph_is_refused(copy: Path) -> None:
    graph = copy / "model.onnx"
    listed = hashlib.sha256(graph.read_bytes()).hexdigest()
    graph.write_bytes(graph.read_bytes()[:1000])
    found = hashlib.sha256(graph.read_bytes()).hexdigest()
    assert refusal_of(lambda: Bundle.load(copy)) == (
        f"{graph}: expected sha256 {listed}, found {found}"
    )


def test_a_truncated_graph_with_the_right_hash_is_refused(copy: Path) -> None:
    put(copy, "model.onnx", toy_graph()[:1000])
    assert refusal_of(lambda: Bundle.load(copy)).startswith(
        f"{copy}/model.onnx: expected an ONNX graph, found a field of "
    )


@pytest.mark.parametrize("file", ["model.onnx", "text_adaptor.onnx", "vocabulary.npz"])
def test_a_wrong_or_missing_hash_is_refused(copy: Path, file: str) -> None:
    document = yaml.safe_load((copy / "bundle.yaml").read_text())
    document["sha256"][file] = "0" * 64
    (copy / "bundle.yaml").write_text(yaml.safe_dump(document))
    assert f"{file}: expected sha256 000000" in refusal_of(lambda: Bundle.load(copy))
    del document["sha256"][file]
    (copy / "bundle.yaml").write_text(yaml.safe_dump(document))
    assert refusal_of(lambda: Bundle.load(copy)) == (
        f"{copy}/bundle.yaml: sha256: expected an entry for '{file}', found none"
    )


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "text_adaptor.onnx").unlink()
    assert refusal_of(lambda: Bundle.load(copy)) == (
        f"{copy}/text_adaptor.onnx: expected a file, found No such file or directory"
    )


def test_a_file_changed_after_loading_is_not_used(copy: Path) -> None:
    bundle = Bundle.load(copy)
    (copy / "model.onnx").write_bytes(toy_adaptor())
    (copy / "text_adaptor.onnx").write_bytes(b"")
    assert "model.onnx: expected sha256" in refusal_of(bundle.graph)
    assert "text_adaptor.onnx: expected sha256" in refusal_of(bundle.text_adaptor)


@pytest.mark.parametrize("spelling", ["../secret.onnx", "a/../../secret.onnx", "{outside}"])
def test_a_path_out_of_the_folder_is_refused(copy: Path, spelling: str) -> None:
    secret = copy.parent / "secret.onnx"
    secret.write_bytes(toy_graph())
    file = spelling.format(outside=secret)
    digest = hashlib.sha256(secret.read_bytes()).hexdigest()
    edit(copy, graphs={"fp32": file}, sha256=listed(copy) | {file: digest})
    message = refusal_of(lambda: Bundle.load(copy))
    assert message.startswith(f"{copy}/bundle.yaml: expected files inside the folder, found ")


def test_a_link_out_of_the_folder_is_refused(copy: Path) -> None:
    secret = copy.parent / "secret.onnx"
    shutil.move(copy / "model.onnx", secret)
    (copy / "model.onnx").symlink_to(secret)
    assert refusal_of(lambda: Bundle.load(copy)) == (
        f"{copy}/model.onnx: expected a file inside the folder, found a link to {secret}"
    )


def test_a_folder_linked_out_of_the_folder_is_refused(copy: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.move(copy / "model.onnx", outside / "model.onnx")
    (copy / "in").symlink_to(outside)
    hashes = listed(copy)
    hashes["in/model.onnx"] = hashes.pop("model.onnx")
    edit(copy, graphs={"fp32": "in/model.onnx"}, sha256=hashes)
    assert "expected a file inside the folder" in refusal_of(lambda: Bundle.load(copy))


def test_links_that_colcon_makes_are_followed(copy: Path, tmp_path: Path) -> None:
    installed = tmp_path / "share" / "toy"
    installed.mkdir(parents=True)
    for path in copy.iterdir():
        (installed / path.name).symlink_to(path)
    linked_folder = tmp_path / "linked"
    linked_folder.symlink_to(copy)
    for directory in (installed, linked_folder):
        assert Bundle.load(directory).graph() == toy_graph()


def test_a_pipe_or_folder_in_place_of_a_file_is_refused(copy: Path) -> None:
    (copy / "model.onnx").unlink()
    os.mkfifo(copy / "model.onnx")
    assert "model.onnx: expected a file, found something else" in refusal_of(
        lambda: Bundle.load(copy)
    )
    (copy / "model.onnx").unlink()
    (copy / "model.onnx").mkdir()
    assert "found something else" in refusal_of(lambda: Bundle.load(copy))


@pytest.mark.parametrize(
    "key",
    [
        "format",
        "name",
        "task",
        "architecture",
        "input",
        "input__height",
        "input__resize",
        "graphs",
        "text_adaptor",
        "text_encoder__id",
        "text_encoder__dimension",
        "vocabulary",
        "default_names",
        "fixed_vocabulary",
        "thresholds__score",
        "thresholds__iou",
        "metrics",
        "licence",
        "source",
        "sha256",
    ],
)
def test_a_missing_key_is_named(copy: Path, key: str) -> None:
    edit(copy, **{key: None})
    message = refusal_of(lambda: Bundle.load(copy))
    assert message.startswith(f"{copy}/bundle.yaml: {key.replace('__', '.')}")
    assert message.endswith(", found nothing")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "format: expected 1, found 2"),
        ({"format": "1"}, "format: expected an integer, found '1'"),
        ({"task": "dreaming"}, "task: expected detection or instance_segmentation or semantic"),
        ({"name": ""}, "name: expected a text, found ''"),
        ({"name": 5}, "name: expected a text, found 5"),
        ({"input__height": 0}, "input.height: expected an integer 1..8192, found 0"),
        ({"input__width": 10**9}, "input.width: expected an integer 1..8192, found 1000000000"),
        ({"input__resize": "stretch"}, "input.resize: expected letterbox, found 'stretch'"),
        ({"input__pad_value": 256}, "input.pad_value: expected an integer 0..255, found 256"),
        ({"graphs": ["model.onnx"]}, "graphs: expected a mapping of texts, found ['model.onnx']"),
        ({"graphs": {"fp32": 3}}, "graphs: expected a mapping of texts, found {'fp32': 3}"),
        ({"graphs": {"fp32": "new.onnx"}}, "sha256: expected an entry for 'new.onnx', found none"),
        ({"text_encoder__dimension": True}, "text_encoder.dimension: expected an integer 1..4096"),
        ({"default_names": "red"}, "default_names: expected a list of texts, found 'red'"),
        ({"default_names": [1]}, "default_names: expected a list of texts, found [1]"),
        ({"default_names": ["red", "red"]}, "default_names: name 'red' refused: it is there twic"),
        ({"default_names": ["red\n"]}, r"default_names: name 'red\n' refused: it has a control"),
        ({"default_names": ["no"]}, "default_names: expected names of vocabulary.npz, found 'no'"),
        ({"fixed_vocabulary": "no"}, "fixed_vocabulary: expected true or false, found 'no'"),
        ({"thresholds__iou": float("nan")}, "thresholds.iou: expected a number 0..1, found nan"),
        ({"metrics": "good"}, "metrics: expected a list of mappings, found 'good'"),
        ({"sha256": {"model.onnx": 5}}, "sha256: expected a mapping of texts"),
        ({"sha256__x": "0abc"}, "sha256: expected 64 hexadecimal digits for 'x', found '0abc'"),
    ],
)
def test_a_wrong_value_is_named(copy: Path, changes: dict[str, Any], message: str) -> None:
    edit(copy, **changes)
    assert refusal_of(lambda: Bundle.load(copy)).startswith(f"{copy}/bundle.yaml: {message}")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (
            b"format: !!python/object/apply:os.system ['echo hello > /tmp/x']",
            "safe YAML, found co",
        ),
        (b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "safe YAML, found an alias (*name)"),
        (b"- format\n", "a mapping, found ['format']"),
        (b"format: [1", "safe YAML, found "),
        (b"\x00\xff\xfe", "safe YAML, found "),
        (b"[" * 20_000, "safe YAML, found nesting that is too deep"),
    ],
)
def test_a_manifest_that_is_not_safe_yaml_is_refused(
    copy: Path, content: bytes, found: str
) -> None:
    (copy / "bundle.yaml").write_bytes(content)
    assert refusal_of(lambda: Bundle.load(copy)).startswith(
        f"{copy}/bundle.yaml: expected {found}"
    )


def test_external_data_is_refused(copy: Path) -> None:
    model = ModelProto()
    model.ParseFromString(toy_graph())
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")
    put(copy, "model.onnx", model.SerializeToString())
    assert refusal_of(lambda: Bundle.load(copy)) == (
        f"{copy}/model.onnx: expected all weights inside the file, found external data"
    )


class Exploit:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("touch exploited",))


def bomb() -> bytes:
    """A header that promises 4 TB, in 300 bytes of file."""
    file = io.BytesIO()
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }\n"
    member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("names.npy", npy(np.array(["a"])))
        archive.writestr("embeddings.npy", member)
    return file.getvalue()


def long_header() -> bytes:
    """A version 2 header of 200 MB, compressed to 200 kB."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        size = 200_000_000
        member = b"\x93NUMPY\x02\x00" + struct.pack("<I", size) + b" " * size
        archive.writestr("names.npy", member)
        archive.writestr("embeddings.npy", member[:20])
    return file.getvalue()


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


UNIT = np.eye(2, DIMENSION, dtype=np.float32)
NAMES = np.array(["a", "b"])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            lambda: npz(names=np.array([Exploit(), "b"], object), embeddings=UNIT),
            "names: expected unicode [1..4096], found a pickled array [2]",
        ),
        (
            lambda: npz(names=NAMES, embeddings=np.array([[Exploit()] * DIMENSION] * 2)),
            "embeddings: expected float32 [2, 384], found a pickled array [2, 384]",
        ),
        (lambda: pickle.dumps(Exploit()), "expected an .npz file of names and embeddings, found"),
        (lambda: npy(UNIT), "expected an .npz file of names and embeddings, found"),
        (lambda: b"", "expected an .npz file of names and embeddings, found"),
        (
            lambda: npz(names=NAMES, embeddings=UNIT)[:-40],
            "expected an .npz file of names and embeddings, found",
        ),
        (lambda: npz(embeddings=UNIT), "expected an .npz file of names and embeddings, found"),
        (lambda: npz(names=NAMES), "expected an .npz file of names and embeddings, found"),
        (
            lambda: npz(names=NAMES[:1], embeddings=UNIT),
            "embeddings: expected float32 [1, 384], found float32 [2, 384]",
        ),
        (
            lambda: npz(names=NAMES, embeddings=UNIT.astype(np.float64)),
            "embeddings: expected float32 [2, 384], found float64 [2, 384]",
        ),
        (
            lambda: npz(names=np.arange(2), embeddings=UNIT),
            "names: expected unicode [1..4096], found int64 [2]",
        ),
        (
            lambda: npz(names=NAMES.reshape(2, 1), embeddings=UNIT),
            "names: expected unicode [1..4096], found <U1 [2, 1]",
        ),
        (
            lambda: npz(names=np.array([str(i) for i in range(MAX_NAMES + 1)]), embeddings=UNIT),
            "names: expected unicode [1..4096], found <U4 [4097]",
        ),
        (
            lambda: npz(names=np.array(["a", "b" * 201]), embeddings=UNIT),
            "names: expected at most 200 characters, found 201",
        ),
        (
            lambda: npz(names=np.array(["a", "a"]), embeddings=UNIT),
            "name 'a' refused: it is there twice",
        ),
        (lambda: npz(names=NAMES, embeddings=UNIT * 3), "embeddings: expected unit length, found"),
        (bomb, "embeddings: expected float32 [1, 384], found float32 [1000000, 1000000]"),
        (long_header, "names.npy: expected .npy version 1.0, found (2, 0)"),
    ],
)
def test_a_vocabulary_that_is_none_is_refused(
    copy: Path, monkeypatch: pytest.MonkeyPatch, data: Callable[[], bytes], message: str
) -> None:
    monkeypatch.chdir(copy)
    put(copy, "vocabulary.npz", data())
    assert refusal_of(lambda: Bundle.load(copy)).startswith(f"{copy}/vocabulary.npz: {message}")
    assert not (copy / "exploited").exists()


def test_an_unknown_precision_is_refused(toy_bundle: Bundle) -> None:
    assert refusal_of(lambda: toy_bundle.graph("int4")) == (
        f"{toy_bundle.directory}: expected precision fp32, found 'int4'"
    )


def listed(directory: Path) -> dict[str, str]:
    hashes: dict[str, str] = yaml.safe_load((directory / "bundle.yaml").read_text())["sha256"]
    return hashes
