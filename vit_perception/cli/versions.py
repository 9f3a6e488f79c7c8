# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Versions of the packages on which results depend, for reports."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = (
    "vit_perception",
    "numpy",
    "opencv-python-headless",
    "opencv-python",
    "onnxruntime",
    "onnxruntime-gpu",
    "tokenizers",
    "rosbags",
)


def package_versions() -> dict[str, str]:
    """Returns the versions of Python and of the listed packages that are installed, by name."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
