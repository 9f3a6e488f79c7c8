# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes a copy of a bundle with one more graph."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.files import (
    MANIFEST,
    BundleError,
    check_destination,
    read_verified,
    replace_folder,
)
from vit_perception.bundle.manifest import graph_file, manifest_text
from vit_perception.bundle.quality import Quality
from vit_perception.bundle.regions_file import Regions, write_regions
from vit_perception.document import Document, DocumentError
from vit_perception.perceiver.settings import AUTO, BF16
from vit_perception.wording import shown, shown_path

_CARD = "MODEL_CARD.md"
_HEADING = "## Graphs"


def with_graph(
    bundle: Bundle,
    directory: str | Path,
    *,
    precision: str,
    model: bytes,
    remark: str,
    regions: Regions | None = None,
    quality: Quality | None = None,
) -> Bundle:
    """Writes a copy of a bundle with one more graph, and returns it.

    What else is in the bundle is taken as it is when the copy is written: another graph may have
    been added since it was loaded.

    Args:
        bundle: is not changed, unless `directory` is its own.
        directory: destination: absent, empty, or an older bundle, which is replaced.
        precision: name of the graph, of a-z, 0-9 and _; an older graph of that name is replaced.
            A graph that is there already keeps its file.
        model: ONNX file that fulfils the graph contract, made from the graph fp32.
        remark: one line of Markdown about the graph, for the model card.
        regions: with the mean of the new graph, for a bundle of format 2; None leaves its own.
        quality: of the new graph; None if it was not measured. That of an older graph goes.

    Raises:
        BundleError: the destination is neither a bundle nor empty, the name is not allowed, or a
            file or the graph fp32 of the bundle changed since it was loaded.
        OutputError: the destination cannot be written, or another process writes it.
    """
    _check_name(precision)
    check_destination(Path(directory))
    target = Path(directory).resolve()

    def files() -> dict[str, bytes]:
        return _with_graph(_unchanged(bundle), target, precision, model, remark, regions, quality)

    replace_folder(target, files, check=Bundle.load)
    return Bundle.load(target)


def check_target(directory: str | Path, precision: str, method: str) -> None:
    """Refuses a destination or name that a method's graph cannot have, before it is made.

    Raises:
        BundleError: the destination is neither a bundle nor empty, or the name is not allowed.
        OutputError: the destination cannot be written.
    """
    _check_name(precision)
    if (precision == BF16) != (method == BF16):
        raise BundleError(
            f"precision name: expected {BF16} with the method {BF16} and with no other, found "
            f"{shown(precision)} with {method}"
        )
    check_destination(Path(directory))


def _check_name(precision: str) -> None:
    if not re.fullmatch("[a-z0-9_]{1,40}", precision) or precision in ("fp32", AUTO):
        raise BundleError(
            "precision name: expected at most 40 of a-z, 0-9 and _, other than fp32 "
            f"and {AUTO}, found {shown(precision)}"
        )


def _unchanged(bundle: Bundle) -> Bundle:
    """Returns the bundle as it is now, if its float graph is the one that was loaded."""
    now = Bundle.load(bundle.directory)
    graphs = [each.sha256.get(each.graphs.get("fp32", "")) for each in (bundle, now)]
    if graphs[0] != graphs[1]:
        raise BundleError(
            f"{shown_path(bundle.directory)}: expected the graph fp32 that was read at the "
            "start, found another"
        )
    return now


def _with_graph(
    bundle: Bundle,
    target: Path,
    precision: str,
    model: bytes,
    remark: str,
    regions: Regions | None,
    quality: Quality | None,
) -> dict[str, bytes]:
    """Returns all files of the copy."""
    files = {
        file: read_verified(bundle.directory, file, digest)
        for file, digest in bundle.sha256.items()
    }
    try:
        manifest = Document.load(bundle.directory / MANIFEST).values
    except DocumentError as error:
        raise BundleError(str(error)) from error
    others = {key: each for key, each in bundle.graphs.items() if key != precision}
    older = bundle.graphs.get(precision)
    if older is not None and older not in others.values():
        del files[older]
    # Precisions that differ in the arithmetic alone share their file.
    same = (each for each in others.values() if files[each] == model)
    file = next(same, graph_file(precision))
    manifest["graphs"] = {**bundle.graphs, precision: file}
    _note_quality(manifest, precision, quality)
    files[file] = model
    if regions is not None:
        files[str(manifest["regions"])] = write_regions(regions)
    card = files.get(_CARD, f"# {bundle.name}\n".encode()).decode(errors="replace")
    files[_CARD] = _remarked(card, precision, remark).encode()
    files[MANIFEST] = manifest_text(manifest, files, target)
    return files


def _note_quality(manifest: dict[str, Any], precision: str, quality: Quality | None) -> None:
    """Writes or removes the entry of one precision."""
    entries = {key: each for key, each in manifest.get("quality", {}).items() if key != precision}
    if quality is not None:
        entries[precision] = asdict(quality)
    manifest["quality"] = entries
    if not entries:
        del manifest["quality"]


def _remarked(card: str, precision: str, remark: str) -> str:
    """Returns the card with one line on the graph, in a section at the end."""
    line = f"- `{precision}`: {remark}"
    lines = [each for each in card.splitlines() if not each.startswith(f"- `{precision}`: ")]
    while lines and not lines[-1]:
        lines.pop()
    if _HEADING not in lines:
        lines += ["", _HEADING, ""]
    return "\n".join([*lines, line]) + "\n"
