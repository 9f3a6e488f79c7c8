# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Folders of data sets, compared byte by byte."""

from __future__ import annotations

from pathlib import Path


def contents(folder: Path) -> dict[str, bytes]:
    """Returns the content of every file of a folder, hidden ones too, by its path there."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
