# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from vit_perception.scenes.labels import Thing, label_things, visible_pixels


def thing(name: str) -> Thing:
    return Thing(name, name, (name,), ("red",), "plastic", f"red {name}", "train")


def test_boxes_are_tight_and_hidden_things_have_none() -> None:
    owner = np.full((20, 30), -1, np.int16)
    owner[4:9, 10:16] = 0
    owner[8, 15] = 2
    labels, renumbered = label_things(owner, [thing("a"), thing("b"), thing("c")], [1.0, 0.0, 0.1])
    assert [label.thing.asset for label in labels] == ["a", "c"]
    assert labels[0].box == (10, 4, 6, 5)
    assert labels[0].area == 29
    assert labels[1].box == (15, 8, 1, 1)
    assert labels[1].ignored
    assert renumbered[8, 15] == 1
    assert list(visible_pixels(owner, 3)) == [29, 0, 1]
