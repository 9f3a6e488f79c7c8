# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import numpy as np

from vit_perception.evaluation.figures.rounded import rounded


def test_floats_have_six_digits_and_everything_else_stays() -> None:
    value = {"a": [1 / 3, np.float64(2 / 3), 5, "x", None, True], "b": (0.1 + 0.2,)}
    assert rounded(value) == {"a": [0.333333, 0.666667, 5, "x", None, True], "b": [0.3]}
    assert type(rounded(np.float64(0.5))) is float


def test_what_is_no_number_is_none_and_zero_has_no_sign() -> None:
    assert rounded([float("nan"), float("inf")]) == [None, None]
    assert json.dumps(rounded([-0.0, -1e-9])) == "[0.0, 0.0]"
