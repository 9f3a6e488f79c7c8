# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes a copy of a bundle with one more graph."""

from __future__ import annotations

import re
from pathlib import Path

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.files import (
    MANIFEST,
    BundleError,
    is_replaceable,
    read_verified,
    replace_folder,
)
from vit_perception.bundle.manifest import graph_file, manifest_text
from vit_perception.document import Document, DocumentError
from vit_perception.wording import shown, shown_path

_CARD = "MODEL_CARD.md"
_HEADING = "## Graphs"


def with_graph(
    bundle: Bundle, directory: str | Path, *, precision: str, model: bytes, remark: str
) -> Bundle:
    """Writes a copy of a bundle with one more graph, and returns it.

    Args:
        bundle: is not changed, unless `directory` is its own.
        directory: destination: absent, empty, or an older bundle, which is replaced.
        precision: name of the graph, of a-z, 0-9 and _; an older graph of that name is replaced.
        model: ONNX file that fulfils the graph contract.
        remark: one line of Markdown about the graph, for the model card.

    Raises:
        BundleError: see `check_destination`; or a file of the bundle changed since it was loaded.
    """
    check_destination(directory, precision)
    target = Path(directory).resolve()
    files = {
        file: read_verified(bundle.directory, file, digest)
        for file, digest in bundle.sha256.items()
    }
    try:
        manifest = Document.load(bundle.directory / MANIFEST).values
    except DocumentError as error:
        raise BundleError(str(error)) from error
    file = bundle.graphs.get(precision, graph_file(precision))
    manifest["graphs"] = {**bundle.graphs, precision: file}
    files[file] = model
    card = files.get(_CARD, f"# {bundle.name}\n".encode()).decode(errors="replace")
    files[_CARD] = _remarked(card, precision, remark).encode()
    files[MANIFEST] = manifest_text(manifest, files, target)
    replace_folder(target, files, check=Bundle.load)
    return Bundle.load(target)


def check_destination(directory: str | Path, precision: str) -> None:
    """Refuses a destination or name that `with_graph` cannot use, before a graph is made.

    Raises:
        BundleError: the destination is neither a bundle nor empty, or the name is not allowed.
    """
    target = Path(directory).resolve()
    if target.exists() and not is_replaceable(target):
        raise BundleError(
            f"{shown_path(target)}: expected a bundle or an empty folder to replace, "
            "found other content"
        )
    if not re.fullmatch("[a-z0-9_]+", precision) or precision == "fp32":
        raise BundleError(
            f"precision name: expected a-z, 0-9 and _, other than fp32, found {shown(precision)}"
        )


def _remarked(card: str, precision: str, remark: str) -> str:
    """Returns the card with one line on the graph, in a section at the end."""
    line = f"- `{precision}`: {remark}"
    lines = [each for each in card.splitlines() if not each.startswith(f"- `{precision}`: ")]
    while lines and not lines[-1]:
        lines.pop()
    if _HEADING not in lines:
        lines += ["", _HEADING, ""]
    return "\n".join([*lines, line]) + "\n"
