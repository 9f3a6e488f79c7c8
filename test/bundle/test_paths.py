# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from vit_perception.bundle.paths import NotInstalledError, find_bundle, find_shared


def install(prefix: Path, name: str) -> Path:
    folder = prefix / "share" / "vit_perception" / "bundles" / name
    folder.mkdir(parents=True)
    (folder / "bundle.yaml").write_text("format: 1\n")
    return folder


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert find_bundle(tmp_path) == tmp_path


def test_a_name_is_found_in_an_installed_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = install(tmp_path / "install" / "vit_perception", "kitchen_s")
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"/nowhere:{tmp_path / 'install' / 'vit_perception'}")
    assert find_bundle("kitchen_s") == folder


def test_an_unknown_name_is_refused_with_the_known_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "kitchen_s")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotInstalledError, match=r"kitchen_l: expected a bundle .*kitchen_s"):
        find_bundle("kitchen_l")
    for path in ("elsewhere/bundles", "x" * 300, "nul\0"):
        with pytest.raises(NotInstalledError, match="expected a bundle folder"):
            find_bundle(path)


def test_an_absent_file_tells_where_it_was_looked_for() -> None:
    with pytest.raises(NotInstalledError, match=r"config/no_such\.xml: expected in .*/"):
        find_shared("config/no_such.xml")
