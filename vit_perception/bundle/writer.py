# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes bundles, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.files import (
    MANIFEST,
    BundleError,
    TextEncoderFiles,
    check_destination,
    replace_folder,
)
from vit_perception.bundle.manifest import graph_file, manifest_text
from vit_perception.bundle.regions_file import Regions, write_regions
from vit_perception.bundle.vocabulary_file import write_vocabulary
from vit_perception.vocabulary import Vocabulary

_PAD_VALUE = 114


def write_bundle(
    directory: str | Path,
    *,
    name: str,
    task: str,
    architecture: str,
    input_height: int,
    input_width: int,
    graphs: Mapping[str, bytes],
    text_adaptor: bytes | None,
    text_encoder_id: str,
    text_dimension: int,
    vocabulary: Vocabulary,
    default_names: Sequence[str],
    fixed_vocabulary: bool,
    score_threshold: float,
    iou_threshold: float,
    shown_threshold: float | None = None,
    metrics: Sequence[Mapping[str, Any]],
    licence: str,
    source: str,
    model_card: str,
    extra_files: Mapping[str, bytes] = MappingProxyType({}),
    text_encoder: TextEncoderFiles | None = None,
    regions: Regions | None = None,
    embedding_id: str | None = None,
) -> Bundle:
    """Writes a bundle and reads it back.

    The folder is written and checked beside its destination and then renamed, so that no reader
    finds half a bundle. An older bundle is replaced.

    Args:
        directory: destination; absent, empty, or an older bundle.
        graphs: precision to ONNX bytes; "fp32" becomes model.onnx, others model.<precision>.onnx.
        vocabulary: all names to ship, with embeddings before the adaptor.
        model_card: Markdown.
        extra_files: further files by name, hashed like the others.
        text_encoder: included for robots that do not have it installed.
        regions: for graphs of contract version 2.
        embedding_id: None for the sha256 of the float graph.
        The rest: see Bundle.

    Returns:
        The bundle at its destination.

    Raises:
        BundleError: the destination holds something else, or the bundle would be refused by
            `Bundle.load`.
        OutputError: the destination cannot be written, or another process writes it.
    """
    check_destination(Path(directory))
    target = Path(directory).resolve()
    graph_files = {precision: graph_file(precision) for precision in graphs}
    files = {graph_files[precision]: model for precision, model in graphs.items()}
    if text_adaptor is not None:
        files["text_adaptor.onnx"] = text_adaptor
    encoder: dict[str, str | int] = {"id": text_encoder_id, "dimension": text_dimension}
    if text_encoder is not None:
        encoder |= {"graph": "text_encoder.onnx", "tokenizer": "tokenizer.json"}
        files["text_encoder.onnx"], files["tokenizer.json"] = text_encoder
    files["vocabulary.npz"] = write_vocabulary(vocabulary)
    if regions is not None:
        files["regions.npz"] = write_regions(regions)
    files["MODEL_CARD.md"] = model_card.encode()
    taken = (files.keys() | {MANIFEST}) & extra_files.keys()
    if taken:
        raise BundleError(f"extra_files: expected other names than the bundle's, found {taken}")
    files |= extra_files
    manifest = {
        "format": 1 if regions is None else 2,
        "name": name,
        "task": task,
        "architecture": architecture,
        "input": {
            "height": input_height,
            "width": input_width,
            "resize": "letterbox",
            "pad_value": _PAD_VALUE,
        },
        "graphs": graph_files,
        "text_adaptor": None if text_adaptor is None else "text_adaptor.onnx",
        "text_encoder": encoder,
        "vocabulary": "vocabulary.npz",
        **({} if regions is None else {"regions": "regions.npz"}),
        **({} if embedding_id is None else {"embedding_id": embedding_id}),
        "default_names": list(default_names),
        "fixed_vocabulary": fixed_vocabulary,
        "thresholds": {
            "score": score_threshold,
            "iou": iou_threshold,
            **({} if shown_threshold is None else {"shown": shown_threshold}),
        },
        "metrics": [dict(metric) for metric in metrics],
        "licence": licence,
        "source": source,
    }
    files[MANIFEST] = manifest_text(manifest, files, target)
    replace_folder(target, lambda: files, check=Bundle.load)
    return Bundle.load(target)
