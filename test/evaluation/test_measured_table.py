# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of a measurement as plain text."""

from __future__ import annotations

import pytest

from test.evaluation.report.measured import metrics
from vit_perception.evaluation.measured_table import format_measured


@pytest.mark.parametrize(
    ("difference", "text"),
    [(-0.041, "AP50 -4.1 ["), (0.003, "AP50 +0.3 ["), (-0.0002, "AP50 0.0 [")],
)
def test_a_difference_has_a_sign_unless_it_is_none(difference: float, text: str) -> None:
    found = metrics()
    found["differences"][0]["AP50"]["difference"] = difference
    assert text in format_measured(found, {"runs": {}})


@pytest.mark.parametrize(("names", "text"), [(["mug"], "1 name asked"), ([], "0 names asked")])
def test_names_are_counted(names: list[str], text: str) -> None:
    assert text in format_measured(metrics() | {"names": names}, {"runs": {}})
