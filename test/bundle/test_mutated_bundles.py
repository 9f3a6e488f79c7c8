# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Bundles and parameters from anybody: what works, or one line that says why not.

The examples are the same in every run.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import strategies as st

from vit_perception.bundle.bundle import Bundle, BundleError
from vit_perception.detections import Detections
from vit_perception.engine.session import SessionError
from vit_perception.frame import Frame
from vit_perception.parameters.detector import DetectorParameters, validate
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import PerceiverError
from vit_perception.setting import SettingError, settings_of

from ..fuzzed_bytes import fuzz
from ..toy_bundle import SQUARES, toy_graph, toy_picture
from .mutated_bundle import SECRET, Mutation, mutate, mutations, odd_scalars, odd_values

SLOW = pytest.param(True, marks=pytest.mark.slow)
# On an idle machine an example takes some 20 ms.
PATIENCE = 60.0
PICTURE = Frame(toy_picture(64, 96, SQUARES)[0])

_opened: list[str] | None = None


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _opened is not None:
        _opened.append(str(arguments[0]))


# It cannot be taken away again, so there is one, which listens only while a bundle is read.
sys.addaudithook(_note)


def served(folder: Path) -> Detections | str:
    """What a bundle finds in the picture, or the line in which it is refused."""
    try:
        perceiver = Perceiver(Bundle.load(folder), threads=1)
    except (BundleError, PerceiverError, SessionError) as error:
        line = str(error)
        assert line.isprintable() and len(line) < 3000
        assert str(folder) in line
        return line
    try:
        return perceiver(PICTURE)
    except (PerceiverError, SessionError) as error:
        assert str(error).isprintable()
        return str(error)


def check_bundle(source: Path, expected: Detections, mutation: Mutation) -> None:
    global _opened
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve() / "bundle"
        shutil.copytree(source, folder)
        (folder.parent / SECRET).write_bytes(toy_graph())
        mutate(folder, mutation)
        _opened, begin = [], time.monotonic()
        try:
            found = served(folder)
        finally:
            opened, _opened = _opened, None
        assert time.monotonic() - begin < PATIENCE
        outside = [path for path in opened if not Path(path).resolve().is_relative_to(folder)]
        # What Python itself reads, such as the source of a line in a traceback.
        assert all(path.endswith((".py", ".pyc")) for path in outside), outside
        assert not (Path.cwd() / "exploited").exists()
    if isinstance(found, str):
        return
    assert np.isfinite(found.boxes).all() and np.isfinite(found.scores).all()
    assert len(found) == 0 or 0 <= found.labels.min() <= found.labels.max() < len(found.names)
    if mutation.keeps_manifest:
        # All that counts is listed with its hash, so nothing else can have come out.
        assert found.names == expected.names
        np.testing.assert_array_equal(found.boxes, expected.boxes)
        np.testing.assert_array_equal(found.scores, expected.scores)


@pytest.mark.parametrize("slow", [False, SLOW])
def test_any_bundle_works_or_is_refused_in_one_line(
    toy_bundle_dir: Path, toy_perceiver: Perceiver, slow: bool
) -> None:
    expected = toy_perceiver(PICTURE)
    assert len(expected) == 3
    fuzz(
        mutations(),
        lambda mutation: check_bundle(toy_bundle_dir, expected, mutation),
        1000 if slow else 60,
    )


# Parameters

_known = st.sampled_from(list(settings_of(DetectorParameters)))
_names = _known | _known | _known | st.text(max_size=8)
_entries = st.lists(st.text(max_size=6) | st.sampled_from(["a=0.5", "a=2", "=", "front"]))
parameter_files = st.dictionaries(
    _names,
    odd_scalars | odd_scalars | odd_values | st.floats(-2, 2) | st.integers(-2, 400) | _entries,
    max_size=3,
)


def check_parameters(values: dict[str, Any]) -> None:
    text = yaml.safe_dump(values).encode("utf-8", "surrogatepass")
    try:
        read = yaml.safe_load(text)
    except yaml.YAMLError:
        read = values
    current = validate({"max_age": 0.25})
    try:
        found = validate(read, current)
    except SettingError as error:
        assert str(error).isprintable() and len(str(error)) < 2000
        return
    assert isinstance(found, DetectorParameters)
    assert validate(asdict(found)) == found
    kept = asdict(current).keys() - read.keys()
    assert all(getattr(found, name) == getattr(current, name) for name in kept)


@pytest.mark.parametrize("slow", [False, SLOW])
def test_any_parameters_are_taken_or_refused_in_one_line(slow: bool) -> None:
    fuzz(parameter_files, check_parameters, 1000 if slow else 60)
