# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from test.space.scene import Solid, looking, render, tightest
from vit_perception.space.locate import locate


def test_a_noisy_box_is_where_it_is() -> None:
    rng = np.random.default_rng(0)
    solid = Solid("box", (0.10, 0.06, 0.05), (0.05, -0.02), 0.4)
    view = render([solid], looking(0.8, 50)).noisy(rng).mixed(rng)
    found = locate(view.masks(), view.depth, view.camera)
    world = found.moved(view.camera_from_world.inverse())
    centre, size, _ = tightest(view.truth(0))
    np.testing.assert_allclose(world.centres[0], centre, atol=0.005)
    np.testing.assert_allclose(world.sizes[0], size, atol=0.008)
    assert len(found) == 1 and found.support is not None
