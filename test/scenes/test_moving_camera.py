# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.scenes.catalogue import CatalogueError
from vit_perception.scenes.moving_camera import Arc, render_moving_camera

pytestmark = pytest.mark.usefixtures("rendering")

OBJECTS = ("crate_green", "tower_red")
SHORT = Arc(seconds=0.4, rate=10.0)


def test_the_camera_moves_and_names_what_it_sees(pack: Path) -> None:
    frames = list(
        render_moving_camera([pack], objects=OBJECTS, arc=SHORT, width=160, height=120, start_ns=5)
    )
    assert [frame.stamp for frame in frames] == [5 + 100_000_000 * n for n in range(4)]
    assert len({frame.pose.tobytes() for frame in frames}) == 4
    for frame in frames:
        assert frame.rgb.shape == (120, 160, 3)
        assert frame.depth.dtype == np.uint16
        assert 300 < np.median(frame.depth) < 3000
        assert {label.thing.asset for label in frame.labels} == set(OBJECTS)
        rotation = frame.pose[:3, :3]
        assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(rotation) == pytest.approx(1.0)
        # Above the table and looking down.
        assert frame.pose[2, 3] > 0.2
        assert rotation[2, 2] < 0


def test_the_same_seed_gives_the_same_frames(pack: Path) -> None:
    one, two = (
        list(render_moving_camera([pack], objects=OBJECTS, arc=SHORT, width=96, height=64))
        for _ in range(2)
    )
    assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("teapot", "expected the object teapot, found no object of that id"),
        ("giant", "expected the object giant, found .*mesh.obj: expected a longest side"),
        ("label.png", "label.png: expected an asset with a mesh, found a cut-out"),
    ],
)
def test_an_object_that_cannot_be_used_is_named(pack: Path, name: str, finding: str) -> None:
    with pytest.raises(CatalogueError, match=finding) as error:
        next(render_moving_camera([pack], objects=("crate_green", name)))
    assert str(error.value).startswith(f"{pack}: ")
    assert "\n" not in str(error.value)
