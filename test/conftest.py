# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures for every room."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from vit_perception.bundle.bundle import Bundle
from vit_perception.perceiver import opening
from vit_perception.perceiver.perceiver import Perceiver

from .measured import Measured
from .toy_bundle import write_toy_bundle, write_toy_segmentation_bundle

# A background shell ignores SIGINT and nohup SIGHUP, and so would programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# The same examples in every run, whatever the load of the machine.
settings.register_profile(
    "steady",
    derandomize=True,
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")


LONG = ("test_learning.py", "test_shelf.py", "test_create_detector.py")
"""Files that take minutes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets long files begin first, so that none is left for one process when others are done."""
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(scope="session")
def toy_bundle_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the toy detector (see test/toy_bundle.py); do not write into it."""
    directory = tmp_path_factory.mktemp("bundles") / "toy"
    write_toy_bundle(directory)
    return directory


@pytest.fixture(scope="session")
def toy_bundle(toy_bundle_dir: Path) -> Bundle:
    """The toy detector, loaded."""
    return Bundle.load(toy_bundle_dir)


@pytest.fixture(scope="session")
def toy_segmentation_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The toy detector with masks; do not write into its folder."""
    return write_toy_segmentation_bundle(tmp_path_factory.mktemp("bundles") / "toy_masks")


@pytest.fixture
def bundle_copy(toy_bundle_dir: Path, tmp_path: Path) -> Path:
    """The folder of a toy detector to spoil."""
    return Path(shutil.copytree(toy_bundle_dir, tmp_path / "toy"))


@pytest.fixture(scope="session")
def toy_perceiver(toy_bundle: Bundle) -> Perceiver:
    """A perceiver for tests that change nothing."""
    return Perceiver(toy_bundle, threads=1)


@pytest.fixture
def perceiver(toy_bundle: Bundle) -> Perceiver:
    """A perceiver to change."""
    return Perceiver(toy_bundle, threads=1)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measured:
    """What `precision: auto` measures, set by the test."""
    measured = Measured()
    monkeypatch.setattr(opening, "take_turns", measured)
    return measured
