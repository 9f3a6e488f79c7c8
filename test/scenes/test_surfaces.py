# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.scenes.surfaces import (
    SurfaceError,
    draw_background,
    is_held_out,
    load_surfaces,
)


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
