# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from test.scenes.pack import write_box
from vit_perception.scenes.catalogue import Asset, load_catalogue

pytest.importorskip("mujoco")

FLAT = "v 0 0 0\nv 0.1 0 0\nv 0.1 0.1 0\nv 0 0.1 0\nvt 0 0\nf 1/1 2/1 3/1\nf 1/1 3/1 4/1\n"


@pytest.fixture
def crate(pack: Path) -> Asset:
    return next(asset for asset in load_catalogue(pack).assets if asset.id == "crate_red")


def test_what_would_spoil_a_scene_is_named_with_its_file(crate: Asset, tmp_path: Path) -> None:
    from vit_perception.scenes.vetting import unfit

    flat, sheet = tmp_path / "flat.obj", tmp_path / "sheet.obj"
    flat.write_text(FLAT, encoding="utf-8")
    write_box(sheet, (0.2, 0.3, 0.1), (0.5, 0.5))
    # A tenth of a micrometre thick: hulls are told apart by micrometres.
    thin = sheet.read_text(encoding="utf-8").replace(" 0.10000\n", " 0.0000001\n")
    sheet.write_text(thin, encoding="utf-8")
    assets = [
        crate,
        replace(crate, id="flat", mesh=flat),
        replace(crate, id="sheet", mesh=sheet),
        replace(crate, id="table", size_m=(0.9, 0.3, 0.3)),
        replace(crate, id="gone", mesh=tmp_path / "gone.obj"),
        replace(crate, id="photograph", mesh=None),
    ]
    told: list[tuple[int, int]] = []
    reasons = {e.id: e.reason for e in unfit(assets, lambda *done: told.append(done))}
    assert set(reasons) == {"flat", "sheet", "table", "gone"}
    assert reasons["flat"].startswith(f"{flat}: expected a mesh MuJoCo takes, found")
    assert reasons["sheet"].startswith(f"{sheet}: expected a thing with a volume, found")
    assert reasons["table"] == f"{crate.mesh}: expected at most 0.55 m on a table, found 0.9 m"
    assert "gone.obj" in reasons["gone"]
    assert all("\n" not in reason for reason in reasons.values())
    assert told[-1] == (6, 6)
