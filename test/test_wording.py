# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from vit_perception.wording import counted, one_line, printable, shown, shown_name, shown_path


@given(st.recursive(st.text() | st.integers() | st.none(), st.lists, max_leaves=50))
def test_quoted_values_are_short_and_printable(value: object) -> None:
    assert shown(value).isprintable()
    assert len(shown(value)) < 700


def test_long_integers_are_counted_in_bits() -> None:
    assert shown(10**30) == str(10**30)
    assert shown([-(16**9000)]) == "[an integer of 36001 bits]"


def test_arrays_of_ros_parameters_are_lists() -> None:
    assert shown(array("q", [1, 2])) == "[1, 2]"
    assert shown(array("d", [0.5])) == "[0.5]"
    assert shown([array("q")]) == "[[]]"
    assert shown(array("q", range(9))) == shown(list(range(9))) == "[0, 1, 2, 3, 4, 5, ...]"


def test_paths_stay_readable_unless_they_hide_something() -> None:
    assert shown_path("bündel/models") == "bündel/models"
    assert shown_path("a\nb\x1b[2J") == r"'a\nb\x1b[2J'"


def test_names_are_shown_as_paths_are_and_cut() -> None:
    assert shown_name("bündel [b]") == "bündel [b]"
    assert shown_name("a\nb\x1b[2J") == r"'a\nb\x1b[2J'"
    assert shown_name("x" * 10**6) == "x" * 199 + "…"


@given(st.text(st.characters(exclude_categories=())))
def test_a_text_of_ours_stays_readable_on_one_line(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(f"a {text} b").startswith("a ")
    assert printable("a\n\x1b[2J\udcff") == r"a \x1b[2J\udcff"


@given(st.text())
def test_foreign_errors_become_one_line(text: str) -> None:
    line = one_line(ValueError(text))
    assert line
    assert line.isprintable()
    assert len(line) <= 300


def test_an_error_without_message_is_named_by_its_type() -> None:
    assert one_line(EOFError()) == "EOFError"


def test_a_message_that_is_too_long_keeps_both_ends() -> None:
    line = one_line(ValueError("loading failed: " + 400 * "x" + " max supported version: 14"))
    assert line.startswith("loading failed: x")
    assert line.endswith("x max supported version: 14")
    assert len(line) == 300 and line.count("…") == 1
    assert one_line(ValueError("x" * 300)) == "x" * 300
    assert len(one_line(ValueError("x" * 300), 120)) == 120


def test_counts_are_told_with_their_noun() -> None:
    assert counted(1, "picture") == "1 picture"
    assert counted(0, "picture") == "0 pictures"
    assert counted(12345, "query", "queries") == "12,345 queries"
