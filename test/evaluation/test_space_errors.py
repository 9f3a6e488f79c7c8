# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from vit_perception.bags.detections_3d import NamedObjects
from vit_perception.evaluation.space_errors import SpaceErrors
from vit_perception.space.objects import Objects


def at(*things: tuple[str, str, float]) -> NamedObjects:
    """Boxes by name, id and place along x."""
    count = len(things)
    objects = Objects(
        rows=np.arange(count),
        centres=np.array([[x, 0.0, 1.0] for _, _, x in things]).reshape(count, 3),
        sizes=np.ones((count, 3)),
        rotations=np.broadcast_to(np.eye(3), (count, 3, 3)),
        covariances=np.zeros((count, 6, 6)),
        points=np.zeros(count, np.int64),
        visible=np.ones(count),
        surfaces=(np.zeros((0, 3), np.float32),) * count,
        pixels=(np.zeros((0, 2), np.int32),) * count,
    )
    names, ids = tuple(name for name, _, _ in things), tuple(id for _, id, _ in things)
    return NamedObjects(objects, names, np.ones(count, np.float32), ids)


def test_things_of_one_name_are_told_apart() -> None:
    errors = SpaceErrors()
    truth = at(("mug", "1", 0.0), ("mug", "2", 0.5), ("can", "3", 1.0))
    errors.add(truth, at(("mug", "", 0.49), ("mug", "", 0.02), ("can", "", 1.3)))
    errors.add(truth, at(("can", "", 0.0)))
    assert errors.seen == {("mug", "1"): 2, ("mug", "2"): 2, ("can", "3"): 2}
    assert errors.errors[("mug", "1")] == [pytest.approx(0.02)]
    assert errors.errors[("mug", "2")] == [pytest.approx(0.01)]
    assert ("can", "3") not in errors.errors
    np.testing.assert_allclose(errors.found[("mug", "2")], [[0.49, 0, 1]])


def test_a_box_far_away_takes_no_thing_from_a_near_one() -> None:
    errors = SpaceErrors()
    # By the sum of distances alone, the near box would go to the other thing.
    errors.add(at(("mug", "1", 0.0), ("mug", "2", 0.14)), at(("mug", "", 0.01), ("mug", "", -5)))
    assert errors.errors == {("mug", "1"): [pytest.approx(0.01)]}


def test_nothing_found_and_nothing_there() -> None:
    errors = SpaceErrors()
    errors.add(at(), at(("mug", "", 0.0)))
    errors.add(at(("mug", "1", 0.0)), at())
    assert errors.errors == {}
    assert errors.seen == {("mug", "1"): 1}
