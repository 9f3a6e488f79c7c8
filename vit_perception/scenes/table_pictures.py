# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Labelled pictures of rendered tables: several views a scene, each in its own light."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vit_perception.scenes.catalogue import Asset
from vit_perception.scenes.labels import Picture, label_things, thing_of
from vit_perception.scenes.photometry import Noise, encode, light_up, photograph
from vit_perception.scenes.surfaces import Surfaces
from vit_perception.scenes.table_render import TableRenderer
from vit_perception.scenes.tabletop import (
    TableScene,
    dim_lamps,
    furnish,
    look_from_somewhere,
    stand_on_table,
)

VIEWS_A_SCENE = 20
LONGEST_M = 0.45


@dataclass(slots=True, eq=False)
class TablePictures:
    """Picture number `index` of `seed`; the same two numbers give the same bytes.

    Pictures index // VIEWS_A_SCENE share a scene, whose renderer is kept between calls: ask for
    them in order. Holds an OpenGL context, closed with `close`.
    """

    assets: Sequence[Asset]
    surfaces: Surfaces
    seed: int
    noise: Noise
    width: int
    height: int
    fewest: int
    most: int
    recolour: bool
    _number: int = field(default=-1, init=False)
    _renderer: TableRenderer | None = field(default=None, init=False)

    def __call__(self, index: int) -> Picture:
        number, view = divmod(index, VIEWS_A_SCENE)
        if self._renderer is None or number != self._number:
            self.close()
            self._renderer = TableRenderer(self._scene(number), self.width, self.height)
            self._number = number
        rng = np.random.default_rng([self.seed, number, view])
        scene = self._renderer.scene
        self._renderer.relight(*dim_lamps(scene, rng))
        seen = self._renderer.render(look_from_somewhere(scene, rng))
        things = [thing_of(o.asset, o.look.colours, o.look.caption) for o in scene.objects]
        labels, owner = label_things(seen.owner, things, seen.visible_fraction)
        lit = light_up(seen.rgb.astype(np.float32), rng)
        jpeg = encode(photograph(lit, self.noise, rng), rng)
        return Picture(jpeg, self.width, self.height, labels, owner)

    def close(self) -> None:
        """Give the OpenGL context back."""
        if self._renderer is not None:
            self._renderer.__exit__()
            self._renderer = None

    def _scene(self, number: int) -> TableScene:
        rng = np.random.default_rng([self.seed, number])
        by_category: dict[str, list[Asset]] = defaultdict(list)
        for asset in self.assets:
            if asset.mesh is not None and max(asset.size_m) <= LONGEST_M:
                by_category[asset.category].append(asset)
        names = sorted(by_category)
        count = int(rng.integers(self.fewest, self.most + 1))
        drawn = [by_category[names[int(n)]] for n in rng.integers(len(names), size=count)]
        if count >= 2 and rng.random() < 0.3:
            # Two or three of a kind, in other colours where they may be recoloured.
            several = [assets for assets in by_category.values() if assets[0].recolourable]
            if several:
                same = several[int(rng.integers(len(several)))]
                drawn[: int(rng.integers(2, 4))] = [same] * min(3, count)
        chosen = [assets[int(rng.integers(len(assets)))] for assets in drawn]
        return furnish(stand_on_table(chosen, rng, recolour=self.recolour), self.surfaces, rng)
