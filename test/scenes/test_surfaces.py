# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from test.scenes.pack import write_pack
from vit_perception.scenes.backgrounds import draw_background
from vit_perception.scenes.surfaces import SurfaceError, is_held_out, load_surfaces


def test_training_and_test_share_no_surface(pack: Path) -> None:
    train, test = (load_surfaces(pack, held_out=part) for part in (False, True))
    assert (len(train.textures), len(train.rooms)) == (2, 2)
    assert (len(test.textures), len(test.rooms)) == (1, 1)
    assert not any(
        np.array_equal(a.levels[0], b.levels[0]) for a in train.textures for b in test.textures
    )


def test_views_of_one_place_stay_together() -> None:
    for number in range(50):
        views = {is_held_out(f"place{number}_{view:02d}.jpg") for view in range(10)}
        assert len(views) == 1


@pytest.mark.parametrize(("width", "height"), [(416, 416), (160, 120), (90, 200)])
def test_backgrounds_have_the_asked_size(pack: Path, width: int, height: int) -> None:
    surfaces = load_surfaces(pack, held_out=False)
    rng = np.random.default_rng(0)
    kinds = set()
    for _ in range(60):
        background = draw_background(surfaces, width, height, rng)
        assert background.pixels.shape == (height, width, 3)
        assert background.pixels.dtype == np.uint8
        assert 0 <= background.horizon < height
        assert all(0 < board < height for board in background.shelves)
        kinds.add(background.kind)
    assert kinds == {"flat", "table", "shelf", "photo", "plain"}


def test_a_folder_without_surfaces_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SurfaceError, match=r"licences\.json"):
        load_surfaces(tmp_path, held_out=False)


def test_pictures_that_cannot_be_used_are_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    root = write_pack(tmp_path / "assets")
    names = [f"odd_{number}.jpg" for number in range(60)]
    text, thin, gone, outside, empty = [name for name in names if not is_held_out(name)][:5]
    textures = root / "textures"
    (textures / text).write_text("no picture", encoding="utf-8")
    cv2.imwrite(str(textures / thin), np.zeros((4, 300, 3), np.uint8))
    (textures / empty).write_bytes(b"")
    listed = json.loads((textures / "licences.json").read_text(encoding="utf-8"))
    odd = [text, thin, gone, f"../../{outside}", empty]
    listed += [{"file": name, "kind": "wood", "tileable": True} for name in odd]
    (textures / "licences.json").write_text(json.dumps(listed), encoding="utf-8")
    surfaces = load_surfaces(root, held_out=False)
    assert len(surfaces.textures) == 2
    reasons = {entry.id: entry.reason for entry in surfaces.skipped}
    assert set(reasons) == {f"textures/{name}" for name in odd}
    assert "found picture file: expected JPEG" in reasons[f"textures/{text}"]
    assert "expected 32 px a side, found 300 x 4" in reasons[f"textures/{thin}"]
    assert "expected a readable file, found No such file" in reasons[f"textures/{gone}"]
    assert "found one outside" in reasons[f"textures/../../{outside}"]
    assert all("\n" not in reason for reason in reasons.values())
