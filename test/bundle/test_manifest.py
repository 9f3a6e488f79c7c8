# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""bundle.yaml: absent, with keys missing or wrong, or no safe YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vit_perception.bundle.bundle import Bundle, BundleError

from ..refusals import refusal_of
from .damaged_bundle import edit

QUALITY = {
    "metric": "AP",
    "reference": 0.5,
    "value": 0.49,
    "limit": 0.01,
    "pictures": 500,
    "data": "squares",
}


def spoilt(**changes: Any) -> dict[str, Any]:
    """Changes of bundle.yaml to a quality in which something is wrong."""
    return {"quality": {"fp32": QUALITY | changes}}


def test_a_folder_that_is_no_bundle_is_named(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    assert refusal_of(BundleError, lambda: Bundle.load(absent)) == (
        f"{absent}: expected a folder with bundle.yaml, found no such folder"
    )
    assert refusal_of(BundleError, lambda: Bundle.load(tmp_path)) == (
        f"{tmp_path}: expected a folder with bundle.yaml, found no bundle.yaml"
    )


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
def test_a_missing_key_is_named(bundle_copy: Path, key: str) -> None:
    edit(bundle_copy, **{key: None})
    message = refusal_of(BundleError, lambda: Bundle.load(bundle_copy))
    assert message.startswith(f"{bundle_copy}/bundle.yaml: {key.replace('__', '.')}")
    assert message.endswith(", found nothing")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 3}, "format: expected 1 or 2, found 3"),
        ({"format": "1"}, "format: expected an integer, found '1'"),
        ({"task": "dreaming"}, "task: expected detection or instance_segmentation or semantic"),
        ({"name": ""}, "name: expected a text, found ''"),
        ({"name": 5}, "name: expected a text, found 5"),
        ({"name": "a\nb"}, r"name: expected a line of at most 200 printable characters, found "),
        ({"architecture": "\x1b[2J"}, "architecture: expected a line of at most 200 printable"),
        ({"licence": "\ud800"}, "expected safe YAML, found invalid Unicode character escape"),
        ({"input__height": 0}, "input.height: expected an integer 1..8192, found 0"),
        ({"input__width": 10**9}, "input.width: expected an integer 1..8192, found 1000000000"),
        ({"input__resize": "stretch"}, "input.resize: expected letterbox, found 'stretch'"),
        ({"input__pad_value": 256}, "input.pad_value: expected an integer 0..255, found 256"),
        ({"graphs": ["model.onnx"]}, "graphs: expected a mapping of texts, found ['model.onnx']"),
        ({"graphs": {"fp32": 3}}, "graphs: expected a mapping of texts, found {'fp32': 3}"),
        ({"graphs": {}}, "graphs: expected 1..32 precisions, found 0"),
        ({"graphs": {"fp\n32": "model.onnx"}}, r"graphs: expected precisions like 'fp32', found"),
        (
            {"graphs": {f"p{i}": "model.onnx" for i in range(33)}},
            "graphs: expected 1..32 precisions, found 33",
        ),
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
        ({"quality": [1]}, "quality: expected a mapping, found [1]"),
        ({"quality": {"int8": {}}}, "quality: expected one of fp32, found 'int8'"),
        ({"quality": {8: {}}}, "quality: expected one of fp32, found 8"),
        ({"quality": {"fp32": 1}}, "quality.fp32: expected a mapping, found 1"),
        ({"quality": {"fp32": {}}}, "quality.fp32: metric: expected a text, found nothing"),
        (
            spoilt(metric="F1"),
            "quality.fp32: metric: expected AP or mask_AP or agreement or mask_agreement, found",
        ),
        (spoilt(metric=None), "quality.fp32: metric: expected a text, found None"),
        (spoilt(reference="1"), "quality.fp32: reference: expected a number 0..1, found '1'"),
        (spoilt(reference=41.2), "quality.fp32: reference: expected a number 0..1, found 41.2"),
        (spoilt(value=float("nan")), "quality.fp32: value: expected a number 0..1, found nan"),
        (spoilt(value=True), "quality.fp32: value: expected a number 0..1, found True"),
        (spoilt(limit=-0.1), "quality.fp32: limit: expected a number 0..1, found -0.1"),
        (spoilt(pictures=0), "quality.fp32: pictures: expected an integer 1..2147483648, found"),
        (spoilt(pictures=1.5), "quality.fp32: pictures: expected an integer, found 1.5"),
        (spoilt(data="a\nb"), "quality.fp32: data: expected a line of at most 200 printable"),
        (spoilt(data=""), "quality.fp32: data: expected a text, found ''"),
        (spoilt(date="now"), "quality.fp32: expected 'data', found 'date'"),
        ({"sha256": {"model.onnx": 5}}, "sha256: expected a mapping of texts"),
        ({"sha256__x": "0abc"}, "sha256: expected 64 hexadecimal digits for 'x', found '0abc'"),
    ],
)
def test_a_wrong_value_is_named(bundle_copy: Path, changes: dict[str, Any], message: str) -> None:
    edit(bundle_copy, **changes)
    assert refusal_of(BundleError, lambda: Bundle.load(bundle_copy)).startswith(
        f"{bundle_copy}/bundle.yaml: {message}"
    )


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
    bundle_copy: Path, content: bytes, found: str
) -> None:
    (bundle_copy / "bundle.yaml").write_bytes(content)
    assert refusal_of(BundleError, lambda: Bundle.load(bundle_copy)).startswith(
        f"{bundle_copy}/bundle.yaml: expected {found}"
    )
