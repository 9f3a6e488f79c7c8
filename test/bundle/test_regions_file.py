# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The file of a bundle on region embeddings."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from vit_perception.bundle.bundle import Bundle, BundleError
from vit_perception.bundle.regions_file import (
    Regions,
    RegionsError,
    read_regions,
    write_regions,
)

from ..refusals import refusal_of
from ..toy_bundle import toy_regions, write_toy_bundle, write_toy_region_bundle

GOOD = write_regions(toy_regions())


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def pickled() -> bytes:
    file = io.BytesIO()
    np.savez(file, anything=np.array([print], object))
    return file.getvalue()


def huge() -> bytes:
    """A header that announces more than the file holds."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        header = "{'descr': '<f4', 'fortran_order': False, 'shape': (10**12,), }".replace(
            "10**12", str(10**12)
        ).ljust(117)
        archive.writestr("anything.npy", b"\x93NUMPY\x01\x00\x76\x00" + header.encode() + b"\n")
    return file.getvalue()


def test_what_is_written_is_read() -> None:
    found = read_regions(GOOD)
    np.testing.assert_array_equal(found.anything, toy_regions().anything)
    assert write_regions(found) == GOOD
    with pytest.raises(ValueError, match="read-only"):
        found.anything[0] = 1


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "found File is not a zip file"),
        (GOOD[:-30], "found File is not a zip file"),
        (npz(other=np.ones(3, np.float32)), "found one of ['other']"),
        (npz(anything=np.ones(3)), "expected float32 [1..4096], found float64 [3]"),
        (npz(anything=np.ones((1, 3), np.float32)), "found float32 [1, 3]"),
        (npz(anything=np.ones(5000, np.float32)), "found float32 [5000]"),
        (npz(anything=np.full(3, np.nan, np.float32)), "expected finite numbers"),
        (pickled(), "found a pickled array [1]"),
        (huge(), "found float32 [1000000000000]"),
    ],
)
def test_what_is_no_such_file_is_refused(data: bytes, found: str) -> None:
    assert found in refusal_of(RegionsError, lambda: read_regions(data))


def test_regions_have_one_axis() -> None:
    refusal_of(RegionsError, lambda: Regions(np.ones((1, 3), np.float32)))


def _without(manifest: dict[str, object]) -> None:
    del manifest["regions"]


def _of_format_1(manifest: dict[str, object]) -> None:
    manifest["format"] = 1


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_without, "regions: expected a file in format 2, found none"),
        (_of_format_1, "regions: expected none in format 1, found one"),
    ],
)
def test_format_and_regions_go_together(
    tmp_path: Path, change: Callable[[dict[str, object]], None], found: str
) -> None:
    bundle = write_toy_region_bundle(tmp_path / "bundle")
    path = bundle.directory / "bundle.yaml"
    manifest = yaml.safe_load(path.read_text())
    assert manifest["format"] == 2
    change(manifest)
    path.write_text(yaml.safe_dump(manifest))
    assert found in refusal_of(BundleError, lambda: Bundle.load(bundle.directory))


def test_a_bundle_without_them_is_of_format_1(tmp_path: Path) -> None:
    bundle = write_toy_bundle(tmp_path / "bundle")
    assert bundle.regions is None
    assert yaml.safe_load((bundle.directory / "bundle.yaml").read_text())["format"] == 1


def test_damaged_regions_are_named(tmp_path: Path) -> None:
    bundle = write_toy_region_bundle(tmp_path / "bundle")
    (bundle.directory / "regions.npz").write_bytes(GOOD[:-1])
    assert "regions.npz: expected sha256" in refusal_of(
        BundleError, lambda: Bundle.load(bundle.directory)
    )
