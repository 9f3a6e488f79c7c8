# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Ways to spoil a bundle on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml


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


def listed(directory: Path) -> dict[str, str]:
    hashes: dict[str, str] = yaml.safe_load((directory / "bundle.yaml").read_text())["sha256"]
    return hashes
