# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Real nodes on real DDS, on this machine only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep text embeddings and log files out of the home folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "log"))


@pytest.fixture
def bench() -> Iterator[object]:
    """A test bench, taken down at the end; see bench.Bench."""
    from .bench import Bench

    with Bench() as bench:
        yield bench
