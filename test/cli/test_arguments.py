# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Options: every number has a range, and every output a name."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest

from vit_perception.cli.__main__ import build_parser
from vit_perception.cli.arguments import at_least, number

# The recipe's ranges hold for these; see `vit_perception.scenes.recipe`.
OF_A_RECIPE = {"--count", "--seed", "--views", "--parametric"}


def numeric_options() -> Iterator[tuple[str, argparse.Action]]:
    """Yields the command and the option wherever 1 or 0.5 is read as a number."""
    commands = next(a for a in build_parser()._actions if isinstance(a.choices, dict))
    for name, parser in dict(commands.choices or {}).items():
        for action in parser._actions:
            if name == "scenes" and OF_A_RECIPE.intersection(action.option_strings):
                continue
            if not callable(action.type):
                continue
            for text in ("1", "0.5"):
                try:
                    value = action.type(text)
                except (ValueError, argparse.ArgumentTypeError):
                    continue
                if type(value) in (int, float):
                    yield name, action
                    break


@pytest.mark.parametrize(
    ("command", "action"),
    [pytest.param(c, a, id=f"{c} {a.option_strings[0]}") for c, a in numeric_options()],
)
def test_every_number_has_a_range(command: str, action: argparse.Action) -> None:
    assert callable(action.type)
    for text in ("nan", "inf", "-inf", "-1e308", "-12345", "1e999", "9" * 30, "9" * 5000, "one"):
        with pytest.raises((ValueError, argparse.ArgumentTypeError)) as refusal:
            action.type(text)
        if isinstance(refusal.value, argparse.ArgumentTypeError):
            assert str(refusal.value).isprintable() and len(str(refusal.value)) < 200


def test_commands_have_numbers() -> None:
    found = {f"{command} {action.option_strings[0]}" for command, action in numeric_options()}
    assert {
        "benchmark --budget-ms",
        "benchmark --threads",
        "detect --score-threshold",
        "evaluate --limit",
        "export --iou-threshold",
        "scenes --workers",
        "train --workers",
    } <= found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0", "expected 1 to 9, found '0'"),
        ("10", "expected at most 9, found '10'"),
        ("1.5", "expected an integer, found '1.5'"),
        ("nan", "expected an integer, found 'nan'"),
        ("", "expected an integer, found ''"),
    ],
)
def test_integers_out_of_range_are_refused(text: str, message: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as refusal:
        at_least(1, 9)(text)
    assert str(refusal.value) == message
    assert at_least(1, 9)("9") == 9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-0.1", "expected 0 to 1, found '-0.1'"),
        ("1.1", "expected 0 to 1, found '1.1'"),
        ("nan", "expected 0 to 1, found 'nan'"),
        ("inf", "expected 0 to 1, found 'inf'"),
        ("half", "expected a number, found 'half'"),
    ],
)
def test_numbers_out_of_range_are_refused(text: str, message: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as refusal:
        number(0, 1)(text)
    assert str(refusal.value) == message
    assert number(0, 1)("0.5") == 0.5


@pytest.mark.parametrize(
    "words",
    [
        ["benchmark", "--threads", "999999999999"],
        ["benchmark", "--budget-ms", "nan"],
        ["evaluate", "data", "--limit", "0"],
        ["export", "run", "--out", "b", "--score-threshold", "nan"],
        ["scenes", "--assets", "a", "--out", "b", "--workers", "0"],
        ["train", "recipe", "--out", "b", "--threads", "100000"],
    ],
)
def test_argparse_names_the_option(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args(words)
    assert caught.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"vit-perception {words[0]}: error: argument {words[-2]}: expected ")


OUTPUTS = ("--out", "--json", "--sprites")


def test_an_empty_name_of_an_output_is_refused() -> None:
    """An unset variable must not lead into the current folder."""
    commands = next(a for a in build_parser()._actions if isinstance(a.choices, dict))
    found = [
        action
        for parser in dict(commands.choices or {}).values()
        for action in parser._actions
        if set(OUTPUTS).intersection(action.option_strings)
    ]
    assert len(found) >= len(OUTPUTS)
    for action in found:
        assert callable(action.type)
        with pytest.raises(argparse.ArgumentTypeError, match="expected a path, found an empty"):
            action.type("")
        assert str(action.type("some/place")) == "some/place"
