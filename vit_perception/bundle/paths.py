# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the files that come with the package: bundles, samples, configuration."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PACKAGE = "vit_perception"
DEFAULT_BUNDLE = "tabletop_small"


class NotInstalledError(ValueError):
    """A file of the package is absent; names the file and the places searched."""


def share_directories() -> tuple[Path, ...]:
    """Returns the folders that may hold the package's files, the checkout first.

    A checkout has them beside the Python package; colcon installs them under
    `share/vit_perception` of a prefix in AMENT_PREFIX_PATH, pip under that of sys.prefix.
    """
    prefixes = [Path(p) for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    prefixes.append(Path(sys.prefix))
    candidates = [Path(__file__).resolve().parents[2]]
    candidates += [prefix / "share" / PACKAGE for prefix in prefixes]
    return tuple(path for path in dict.fromkeys(candidates) if path.is_dir())


def find_shared(relative: str) -> Path:
    """Finds a file or folder that comes with the package, such as `config/fastdds.xml`.

    Raises:
        NotInstalledError: no place has it.
    """
    places = share_directories()
    for place in places:
        if (place / relative).exists():
            return place / relative
    looked = ", ".join(str(place) for place in places)
    raise NotInstalledError(f"{relative}: expected in {looked}, found in none of them")


def find_bundle(name_or_path: str | Path = "") -> Path:
    """Finds a bundle folder.

    Args:
        name_or_path: a folder, or the name of a bundled one; empty: DEFAULT_BUNDLE.

    Raises:
        NotInstalledError: neither a folder nor the name of a bundled one.
    """
    wanted = str(name_or_path) or DEFAULT_BUNDLE
    # Unlike Path's methods, these return False for a path that is too long or not accessible.
    if os.path.isdir(wanted):
        return Path(wanted)
    if Path(wanted).name == wanted:
        for place in share_directories():
            if os.path.isfile(place / "bundles" / wanted / "bundle.yaml"):
                return place / "bundles" / wanted
    bundled = sorted(
        {
            entry.parent.name
            for p in share_directories()
            for entry in p.glob("bundles/*/bundle.yaml")
        }
    )
    known = ", ".join(bundled) or "none"
    raise NotInstalledError(
        f"{wanted}: expected a bundle folder or the name of a bundled one ({known}), found neither"
    )
