# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes bundle.yaml, and checks the entries on which the others depend."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from vit_perception.bundle.files import MANIFEST, BundleError
from vit_perception.document import Document
from vit_perception.wording import one_line, shown, shown_path

FORMATS = (1, 2)
"""The second has `regions`, and graphs of contract version 2."""
MAX_GRAPHS = 32


def manifest_text(values: Mapping[str, Any], files: Mapping[str, bytes], directory: Path) -> bytes:
    """Returns the manifest with the hashes of all other files.

    Args:
        values: entries in order; "sha256" is added, or replaced in its place.
        files: relative path to content, without the manifest.
        directory: of the bundle, for messages.

    Raises:
        BundleError: a value is not plain.
    """
    hashes = {file: hashlib.sha256(data).hexdigest() for file, data in files.items()}
    try:
        text = yaml.dump(
            {**values, "sha256": hashes}, Dumper=_Dumper, sort_keys=False, allow_unicode=True
        )
    except yaml.YAMLError as error:
        raise BundleError(
            f"{shown_path(directory)}: expected plain values for {MANIFEST}, "
            f"found {one_line(error)}"
        ) from error
    return text.encode()


def graph_file(precision: str) -> str:
    """Returns the file name of one precision: model.onnx for fp32, else model.<precision>.onnx."""
    return "model.onnx" if precision == "fp32" else f"model.{precision}.onnx"


def bundle_name(given: str | None, directory: Path) -> str:
    """Returns the name for a new bundle: the one given, or that of its folder.

    Raises:
        DocumentError: a manifest could not have it.
    """
    where = "--name" if given else shown_path(directory)
    return Document({"name": given or directory.resolve().name}, where).line("name")


def checked_hashes(document: Document) -> dict[str, str]:
    """Returns the listed files and their sha256, after checking the format.

    Raises:
        DocumentError: the manifest has another format, or a value is no hash.
    """
    found = document.integer("format", 1, 2**31)
    if found not in FORMATS:
        raise document.error("format", " or ".join(map(str, FORMATS)), str(found))
    if (found == 2) != document.has("regions"):
        there = "one" if document.has("regions") else "none"
        raise document.error(
            "regions", f"{'a file' if found == 2 else 'none'} in format {found}", there
        )
    sha256 = document.texts_by_text("sha256")
    for file, digest in sha256.items():
        if not re.fullmatch("[0-9a-f]{64}", digest):
            expected = f"64 hexadecimal digits for {shown(file)}"
            raise document.error("sha256", expected, shown(digest))
    return sha256


def checked_graphs(document: Document) -> dict[str, str]:
    """Returns precision to ONNX file.

    Raises:
        DocumentError: there are none or more than MAX_GRAPHS, or a precision is no plain word.
    """
    graphs = document.texts_by_text("graphs")
    if not 1 <= len(graphs) <= MAX_GRAPHS:
        raise document.error("graphs", f"1..{MAX_GRAPHS} precisions", str(len(graphs)))
    for precision in graphs:
        # A precision becomes part of file names, parameters and diagnostics.
        if not re.fullmatch("[A-Za-z0-9_.-]{1,40}", precision):
            raise document.error("graphs", "precisions like 'fp32'", shown(precision))
    return graphs


def checked_encoder_files(document: Document) -> tuple[str, str] | None:
    """Returns graph and tokenizer of the text encoder inside the bundle; None if there is none.

    Raises:
        DocumentError: there is one without the other.
    """
    if not document.has("text_encoder.graph") and not document.has("text_encoder.tokenizer"):
        return None
    return document.line("text_encoder.graph"), document.line("text_encoder.tokenizer")


class _Dumper(yaml.SafeDumper):
    """Safe YAML that repeats a shared value: `Document` refuses aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
