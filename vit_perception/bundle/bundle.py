# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The folder in which a trained model travels from the workshop to the robot."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from vit_perception.bundle.files import (
    BundleError,
    TextEncoderFiles,
    find_manifest,
    read_verified,
)
from vit_perception.bundle.manifest import (
    checked_encoder_files,
    checked_graphs,
    checked_hashes,
)
from vit_perception.bundle.onnx_guard import OnnxFileError, has_external_data
from vit_perception.bundle.quality import Quality, checked_quality
from vit_perception.bundle.regions_file import Regions, RegionsError, read_regions
from vit_perception.bundle.vocabulary_file import read_vocabulary
from vit_perception.document import Document, DocumentError
from vit_perception.names import VocabularyError, checked_names
from vit_perception.vocabulary import Vocabulary
from vit_perception.wording import shown, shown_path

__all__ = ["MAPS", "TASKS", "Bundle", "BundleError", "TextEncoderFiles"]

MAPS = "semantic_segmentation"
"""The task of bundles that say of each pixel what it belongs to."""
TASKS = ("detection", "instance_segmentation", MAPS)

_SHOWN_RANGE = (0.01, 0.99)
"""Of a threshold of shown names: at 0 and 1 no power could move it."""
_SHOWN = "thresholds.shown"
_MAX_SIDE = 8192
_MAX_DIMENSION = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A checked bundle folder.

    `bundle.yaml` names every other file and its sha256. Files are read whole and hashed; callers
    get the bytes that were hashed.

    Attributes:
        directory: the folder.
        name: the model's name.
        task: one of TASKS.
        architecture: name of the network, e.g. "dosod_nano".
        input_height, input_width: network input in pixels; images are letterboxed into it.
        pad_value: grey level of the letterbox margin, 0..255.
        graphs: precision ("fp32", "int8") to ONNX file.
        text_encoder_id: the encoder whose embeddings the vocabulary holds.
        text_dimension: D, length of one embedding.
        fixed_vocabulary: whether the graph has fixed classes: `default_names`, in that order.
        score_threshold, iou_threshold: recommended thresholds, 0..1. The second is 1 where the
            network tells each thing once, so that nothing is to be suppressed.
        shown_threshold: score, before `shown_power`, of a shown name that is worth as much as
            `score_threshold` of a said one; None: the same.
        default_names: the vocabulary to start with; a subset of the names shipped.
        metrics: what was measured, with data set and command.
        quality: precision to what its graph loses against fp32; only where it was measured.
        licence, source: of the weights.
        sha256: file to hexadecimal digest.
        text_adaptor_file: ONNX file from text embedding to class embedding, or None.
        text_encoder_files: graph and tokenizer of an encoder inside the bundle, or None if
            robots have `text_encoder_id` installed.
        regions: what taught names need, of graphs that keep contract version 2; None for 1.
        embedding_id: of the space of region embeddings, the same for all graphs of one training;
            the sha256 of the float graph if the manifest has none.
    """

    directory: Path
    name: str
    task: str
    architecture: str
    input_height: int
    input_width: int
    pad_value: int
    graphs: Mapping[str, str]
    text_encoder_id: str
    text_dimension: int
    fixed_vocabulary: bool
    score_threshold: float
    iou_threshold: float
    shown_threshold: float | None
    default_names: tuple[str, ...]
    metrics: list[dict[str, Any]]
    quality: Mapping[str, Quality]
    licence: str
    source: str
    sha256: Mapping[str, str]
    text_adaptor_file: str | None
    text_encoder_files: tuple[str, str] | None
    regions: Regions | None
    embedding_id: str
    _vocabulary: Vocabulary = field(repr=False)

    @property
    def shown_power(self) -> float:
        """The power that brings scores of shown names to the scale of those of said ones."""
        if self.shown_threshold is None:
            return 1.0
        said = float(np.clip(self.score_threshold, *_SHOWN_RANGE))
        return math.log(said) / math.log(self.shown_threshold)

    @classmethod
    def load(cls, directory: str | Path) -> Bundle:
        """Reads and checks a bundle: its manifest, every listed file's hash, the vocabulary.

        Raises:
            BundleError: a file is missing, outside the folder, changed, or of another kind
                than expected.
        """
        directory = Path(directory)
        try:
            bundle = _parsed(directory, Document.load(find_manifest(directory)))
        except DocumentError as error:
            raise BundleError(str(error)) from error
        encoder = bundle.text_encoder_files or (None, None)
        models = {*bundle.graphs.values(), bundle.text_adaptor_file, encoder[0]}
        for file, digest in bundle.sha256.items():
            if file in models:
                bundle._onnx(file)
            else:
                read_verified(directory, file, digest)
        return bundle

    def graph(self, precision: str = "fp32") -> bytes:
        """Returns the ONNX file of one precision, verified as it is read.

        Raises:
            BundleError: no such precision, or the file changed since `load`.
        """
        return self._onnx(self.graph_file(precision))

    def graph_file(self, precision: str = "fp32") -> str:
        """Returns the name of the ONNX file of one precision.

        Raises:
            BundleError: no such precision.
        """
        if precision not in self.graphs:
            raise BundleError(
                f"{shown_path(self.directory)}: expected precision {' or '.join(self.graphs)}, "
                f"found {shown(precision)}"
            )
        return self.graphs[precision]

    def passed(self, precision: str) -> bool:
        """Returns whether a graph is fp32, or was found to lose no more than is allowed."""
        quality = self.quality.get(precision)
        return precision == "fp32" or (quality is not None and quality.passed)

    def text_adaptor(self) -> bytes | None:
        """Returns the ONNX file from text to class embedding; None if there is none.

        Raises:
            BundleError: the file changed since `load`.
        """
        return None if self.text_adaptor_file is None else self._onnx(self.text_adaptor_file)

    def text_encoder(self) -> TextEncoderFiles | None:
        """Returns the text encoder inside the bundle; None if there is none.

        Raises:
            BundleError: a file changed since `load`.
        """
        if self.text_encoder_files is None:
            return None
        graph, tokenizer = self.text_encoder_files
        tokens = read_verified(self.directory, tokenizer, self.sha256[tokenizer])
        return TextEncoderFiles(self._onnx(graph), tokens)

    def ready_made(self) -> Vocabulary:
        """Returns all names the bundle ships embeddings for, version 0."""
        return self._vocabulary

    def default_vocabulary(self) -> Vocabulary:
        """Returns `default_names` with their embeddings, version 0."""
        row = {name: index for index, name in enumerate(self._vocabulary.names)}
        rows = [row[name] for name in self.default_names]
        return Vocabulary(self.default_names, self._vocabulary.embeddings[rows], 0)

    def _onnx(self, file: str) -> bytes:
        model = read_verified(self.directory, file, self.sha256[file])
        path = shown_path(self.directory / file)
        try:
            external = has_external_data(model)
        except OnnxFileError as error:
            raise BundleError(f"{path}: expected an ONNX graph, found {error}") from error
        if external:
            raise BundleError(f"{path}: expected all weights inside the file, found external data")
        return model


def _parsed(directory: Path, document: Document) -> Bundle:
    sha256 = checked_hashes(document)
    document.text("input.resize", choices=("letterbox",))
    graphs = checked_graphs(document)
    adaptor = document.optional_line("text_adaptor")
    vocabulary_file = document.line("vocabulary")
    encoder = checked_encoder_files(document)
    listed = [*graphs.values(), vocabulary_file, *(() if adaptor is None else (adaptor,))]
    listed += encoder or ()
    regions_file = document.line("regions") if document.has("regions") else None
    listed += () if regions_file is None else (regions_file,)
    for file in listed:
        if file not in sha256:
            raise document.error("sha256", f"an entry for {shown(file)}", "none")
    dimension = document.integer("text_encoder.dimension", 1, _MAX_DIMENSION)
    data = read_verified(directory, vocabulary_file, sha256[vocabulary_file])
    try:
        vocabulary = read_vocabulary(data, dimension)
    except VocabularyError as error:
        raise BundleError(f"{shown_path(directory / vocabulary_file)}: {error}") from error
    regions: Regions | None = None
    if regions_file is not None:
        try:
            regions = read_regions(read_verified(directory, regions_file, sha256[regions_file]))
        except RegionsError as error:
            raise BundleError(f"{shown_path(directory / regions_file)}: {error}") from error
    default_names = document.texts("default_names")
    try:
        checked_names(default_names)
    except VocabularyError as error:
        raise BundleError(f"{document.file}: default_names: {error}") from error
    unknown = sorted(set(default_names) - set(vocabulary.names))
    if unknown:
        raise document.error("default_names", f"names of {vocabulary_file}", shown(unknown[0]))
    return Bundle(
        directory=directory,
        name=document.line("name"),
        task=document.text("task", choices=TASKS),
        architecture=document.line("architecture"),
        input_height=document.integer("input.height", 1, _MAX_SIDE),
        input_width=document.integer("input.width", 1, _MAX_SIDE),
        pad_value=document.integer("input.pad_value", 0, 255),
        graphs=MappingProxyType(graphs),
        text_encoder_id=document.line("text_encoder.id"),
        text_dimension=dimension,
        fixed_vocabulary=document.boolean("fixed_vocabulary"),
        score_threshold=document.number("thresholds.score", 0, 1),
        iou_threshold=document.number("thresholds.iou", 0, 1),
        shown_threshold=(document.number(_SHOWN, *_SHOWN_RANGE) if document.has(_SHOWN) else None),
        default_names=default_names,
        metrics=document.mappings("metrics"),
        quality=MappingProxyType(checked_quality(document, graphs)),
        licence=document.text("licence"),
        source=document.text("source"),
        sha256=MappingProxyType(sha256),
        text_adaptor_file=adaptor,
        text_encoder_files=encoder,
        regions=regions,
        embedding_id=(
            document.line("embedding_id")
            if document.has("embedding_id")
            else sha256[graphs.get("fp32", next(iter(graphs.values())))]
        ),
        _vocabulary=vocabulary,
    )
