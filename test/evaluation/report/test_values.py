# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How figures and names stand in the report."""

from __future__ import annotations

import pytest

from vit_perception.evaluation.report import values


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0, "0.000"), (0.12345, "0.123"), (1.0, "1.000")]
)
def test_a_share(value: float | None, text: str) -> None:
    assert values.share(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.0411, "+0.041"), (-0.0411, "−0.041"), (-0.0001, "0.000"), (0.0, "0.000")],
)
def test_a_difference(value: float | None, text: str) -> None:
    assert values.signed(value) == text


def test_numbers_keep_the_digits_that_were_asked_for() -> None:
    assert values.number(12.345) == "12.3"
    assert values.number(1234) == "1,234"
    assert values.number(None) == "–"


def test_an_interval_without_an_end_is_none() -> None:
    assert values.interval([0.1, 0.25]) == "0.100 to 0.250"
    assert values.interval(None) == values.interval([None, None]) == ""


def test_stamps_keep_their_nanoseconds() -> None:
    assert values.seconds(1_700_000_000_000_000_007) == "1700000000.000000007"
    assert values.seconds(0) == "–"


def test_names_stay_on_one_line_and_lose_their_middle() -> None:
    assert values.label("  red\nmug ") == "red mug"
    assert values.label("\u202eabc\x00") == "\\u202eabc\\x00"
    assert values.label("") == "–"
    long = values.label("a" * 500 + "b" * 500)
    assert len(long) == 80
    assert long.startswith("aaa") and long.endswith("bbb") and "…" in long
