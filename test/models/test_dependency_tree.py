# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Trees and parts of what tokens send to each other (card 03)."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from vit_perception.models.dependency_tree import dependency_tree, parts_of  # noqa: E402

pytestmark = pytest.mark.torch


def test_the_tree_of_a_picture() -> None:
    """Token 1 receives most; the best parents of 2 and 3 are each other, which is no tree."""
    takes = np.array(
        [
            [0.0, 0.1, 0.1, 0.2, 0.0],
            [0.9, 0.5, 0.3, 0.1, 0.7],
            [0.0, 0.1, 0.1, 0.8, 0.2],
            [0.1, 0.1, 0.6, 0.0, 0.1],
            [0.0, 0.2, 0.0, 0.0, 0.0],
        ]
    )
    parents = dependency_tree(takes)
    assert parents.tolist() == [1, -1, 1, 2, 1]
    assert parts_of(parents).tolist() == [0, 1, 2, 2, 4]
    assert parts_of(parents, 0).tolist() == [1] * 5
    assert parts_of(parents, 2).tolist() == [0, 1, 2, 3, 4]
    assert dependency_tree(np.ones((1, 1))).tolist() == [-1]
    with pytest.raises(ValueError, match=r"expected finite \[N, N\], found \[2, 3\]"):
        dependency_tree(np.ones((2, 3)))
    with pytest.raises(ValueError, match="expected 0 or more, found -1"):
        parts_of(parents, -1)
