# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A bundle folder with something wrong in it, for hypothesis to choose."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from ..fuzzed_bytes import Change, changed, changes, overwrites

MANIFEST = "bundle.yaml"
FILES = ("model.onnx", "text_adaptor.onnx", "vocabulary.npz", "MODEL_CARD.md")
SECRET = "secret.onnx"
"""A file beside the bundle, a sound graph, that no bundle may reach."""

_PATHS = (f"../{SECRET}", f"./../{SECRET}", "/etc/passwd", "in/../..", ".", "", MANIFEST, *FILES)
# Text that takes a YAML reader to its limits, put at the end of the manifest.
YAMLS = (
    b"",
    b"extra: !!python/object/apply:os.system ['touch exploited']\n",
    b"extra: !!python/name:os.system\n",
    b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n",
    b"extra: &e [*e]\n",
    b"<<: {name: other}\n",
    b"name: other\n",
    b"extra: " + b"[" * 3000 + b"\n",
    b"extra: 1" + b":59" * 3000 + b"\n",
    b"extra: 1" + b":59" * 300 + b".5\n",
    b"extra: " + b"9" * 5000 + b"\n",
    b"extra: 0x" + b"f" * 5000 + b"\n",
    b'extra: !!int ""\n',
    b"extra: !!float x\n",
    b"extra: !!bool x\n",
    b"extra: !!timestamp x\n",
    b"extra: !!binary x\n",
    b"extra: !!set {a, b}\n",
    b"extra: 2026-99-99\n",
    b"extra: [" + b"x," * 60_000 + b"]\n",
    b"extra: \xff\xfe\n",
    b"extra: \x00\n",
    b"--- {}\n",
    b"? [a, b]\n: c\n",
)

_texts = st.text(max_size=8) | st.sampled_from(_PATHS) | st.just("\ud800") | st.just("x" * 5000)
_numbers = st.integers(-(2**70), 2**70) | st.integers(-2, 300) | st.floats()
_huge = st.sampled_from([10**60, 10**400, -(10**400)])
odd_scalars = st.none() | st.booleans() | _numbers | _huge | _texts | st.just(date(2026, 1, 1))
odd_values = st.recursive(
    odd_scalars | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=6,
)


@dataclass(frozen=True)
class Mutation:
    """What is done to a bundle.

    Attributes:
        files: file name to what happens to it: bytes changed, or a key of `_place`.
        keys: numbers of manifest entries (counted through) and their new values, None to delete.
        yaml: text at the end of the manifest.
        manifest: changes of the manifest's bytes.
        repaired: the hashes in the manifest are put right, so that deeper checks are reached.
    """

    files: dict[str, list[Change] | str]
    keys: list[tuple[int, Any, bool]]
    yaml: bytes
    manifest: list[Change] | str
    repaired: bool

    @property
    def keeps_manifest(self) -> bool:
        """Whether the manifest is left as it was."""
        return not (self.keys or self.yaml or self.manifest or self.repaired)


_places = st.sampled_from(["gone", "folder", "pipe", "outside", "inside", "loop", *FILES])
_damage = changes | changes | changes | _places


@st.composite
def mutations(draw: st.DrawFn) -> Mutation:
    """Most do one thing: a bundle with many faults shows only the first."""
    kinds = ["graph", "graph", "graph", "file", "file", "key", "key", "yaml", "manifest", "all"]
    kind = draw(st.sampled_from(kinds))
    if kind == "graph":
        # Bytes put in place of others leave most graphs readable, for the engine to refuse.
        return Mutation({draw(st.sampled_from(FILES[:2])): draw(overwrites)}, [], b"", [], True)
    files: dict[str, list[Change] | str] = {}
    if kind in ("file", "all"):
        files = draw(st.dictionaries(st.sampled_from(FILES), _damage, min_size=1, max_size=2))
    keys: list[tuple[int, Any, bool]] = []
    if kind in ("key", "all"):
        entry = st.tuples(st.integers(0, 99), odd_values, st.booleans())
        keys = draw(st.lists(entry, min_size=1, max_size=2))
    text = draw(st.sampled_from(YAMLS)) if kind in ("yaml", "all") else b""
    manifest = draw(_damage) if kind == "manifest" else []
    return Mutation(files, keys, text, manifest, draw(st.booleans()))


def mutate(folder: Path, mutation: Mutation) -> None:
    """Change a bundle folder; a file SECRET lies beside it."""
    for file, damage in mutation.files.items():
        _damage_file(folder, file, damage)
    if not mutation.keeps_manifest:
        document = yaml.safe_load((folder / MANIFEST).read_bytes())
        for number, value, deletes in mutation.keys:
            places = list(_entries(document))
            section, key = places[number % len(places)]
            if deletes:
                del section[key]
            else:
                section[key] = value
        if mutation.repaired:
            _repair(folder, document)
        text = yaml.safe_dump(document, sort_keys=False).encode("utf-8", "surrogatepass")
        (folder / MANIFEST).write_bytes(text + mutation.yaml)
    if mutation.manifest:
        _damage_file(folder, MANIFEST, mutation.manifest)


def _entries(section: Any) -> Iterator[tuple[Any, Any]]:
    """Every entry of a document, as the mapping or list that it is in, and its key there."""
    keys = section if isinstance(section, dict) else range(len(section))
    for key in list(keys):
        yield section, key
        if isinstance(section[key], (dict, list)):
            yield from _entries(section[key])


def _repair(folder: Path, document: Any) -> None:
    """Put in the hashes of all files that the manifest names, wherever they lie."""
    hashes = document.get("sha256")
    if not isinstance(hashes, dict):
        return
    graphs = document.get("graphs")
    named = list(graphs.values()) if isinstance(graphs, dict) else []
    named += [document.get("text_adaptor"), document.get("vocabulary"), *hashes]
    for file in named:
        # isfile is False for what cannot be a path; pipes would be waited for.
        if isinstance(file, str) and os.path.isfile(folder / file):
            hashes[file] = hashlib.sha256((folder / file).read_bytes()).hexdigest()


def _damage_file(folder: Path, file: str, damage: list[Change] | str) -> None:
    path = folder / file
    if isinstance(damage, list):
        path.write_bytes(changed(path.read_bytes(), damage))
        return
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage == "pipe":
        os.mkfifo(path)
    elif damage == "outside":
        path.symlink_to(folder.parent / SECRET)
    elif damage == "loop":
        path.symlink_to(file)
    elif damage == "inside":
        (folder / "real").write_bytes(content)
        path.symlink_to("real")
    elif damage in FILES and (folder / damage).is_file():
        shutil.copyfile(folder / damage, path)
