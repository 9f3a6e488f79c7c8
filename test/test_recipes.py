# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Every recipe that comes with the package can be read by what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

RECIPES = sorted((Path(__file__).parents[1] / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_it_is_read(path: Path) -> None:
    pytest.importorskip("torch")
    from vit_perception.evaluation.wordings import load_wordings
    from vit_perception.scenes import recipe as scenes
    from vit_perception.training.recipe import load_recipe
    from vit_perception.training.segmenter_recipe import load_segmenter_recipe

    keys = yaml.safe_load(path.read_text(encoding="utf-8"))
    if "segmenter" in keys:
        assert load_segmenter_recipe(path).data
    elif "architecture" in keys:
        assert load_recipe(path).data
    elif "kind" in keys:
        made = scenes.recipe_from(scenes.load_recipe(path), str)
        assert made.count == keys.get("count", made.count)
    else:
        assert load_wordings(path)
