# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shlex
from argparse import Namespace
from pathlib import Path
from typing import Any

from vit_perception.cli.told_command import told_command

OPTIONS = {
    "bundle": None,
    "precision": ("fp32",),
    "topic": None,
    "truth_file": None,
    "score_threshold": -1.0,
    "per_class": False,
}


def told(**given: object) -> str:
    args: dict[str, Any] = {"sources": ["/data/bag"], **OPTIONS, **given}
    return told_command("tune", Namespace(**args), OPTIONS, "out.yaml")


def test_defaults_are_not_told() -> None:
    assert told() == told(topic=[], bundle=[]) == "vit-perception tune bag --out out.yaml"


def test_files_are_told_by_their_names() -> None:
    assert told(sources=["/a/one", "two/", "."], truth_file=Path("/a/truth.json")) == (
        "vit-perception tune one two . --truth-file truth.json --out out.yaml"
    )


def test_lists_are_repeated_and_switches_stand_alone() -> None:
    found = told(
        bundle=["/a/x", "y"], precision=("fp32", "int8"), topic=["/camera"], per_class=True
    )
    assert found == (
        "vit-perception tune bag --bundle x --bundle y --precision fp32,int8 --topic /camera "
        "--per-class --out out.yaml"
    )
    assert "--score-threshold 0.3" in told(score_threshold=0.3)


def test_it_is_one_line_of_text_whatever_files_are_called() -> None:
    found = told(sources=["b\udcffg", "two\nlines", "a b"])
    assert found.encode() and found.isprintable()
    assert shlex.split(found)[-3:] == ["a b", "--out", "out.yaml"]
