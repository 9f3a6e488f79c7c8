# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vit_perception.space.rigid import Rigid, TransformError

A = Rigid.of_quaternion(Rotation.from_euler("xyz", [0.3, -0.2, 1.1]).as_quat(), [1, 2, 3])
B = Rigid.of_quaternion(Rotation.from_euler("xyz", [-1.3, 0.4, 0.1]).as_quat(), [-1, 0.5, 0.2])
POINTS = np.array([[0.0, 0, 0], [1, 2, 3], [-4, 5, 0.5]])


def test_a_product_applies_the_right_one_first() -> None:
    np.testing.assert_allclose((A @ B).apply(POINTS), A.apply(B.apply(POINTS)))


def test_the_inverse_leads_back() -> None:
    np.testing.assert_allclose(A.inverse().apply(A.apply(POINTS)), POINTS, atol=1e-12)
    np.testing.assert_allclose((A @ A.inverse()).rotation, np.eye(3), atol=1e-12)


def test_a_quaternion_comes_back() -> None:
    again = Rigid.of_quaternion(A.quaternion, A.translation)
    np.testing.assert_allclose(again.rotation, A.rotation, atol=1e-12)
    assert A.quaternion[3] >= 0
    np.testing.assert_allclose(Rigid.identity().apply(POINTS), POINTS)


@pytest.mark.parametrize(
    ("quaternion", "translation", "text"),
    [
        ([0, 0, 0, 0], [0, 0, 0], "a quaternion of length 1, found 0"),
        ([0, 0, 0, 1.2], [0, 0, 0], "length 1, found 1.2"),
        ([0, 0, np.nan, 1], [0, 0, 0], "finite"),
        ([0, 0, 0, 1], [0, np.inf, 0], "finite"),
        ([0, 0, 0, 1], [0, -1e300, 0], "expected up to 1e\\+13 m along each axis, found 1e\\+300"),
    ],
)
def test_what_is_no_transform_is_refused(
    quaternion: list[float], translation: list[float], text: str
) -> None:
    with pytest.raises(TransformError, match=text):
        Rigid.of_quaternion(np.array(quaternion, np.float64), translation)
