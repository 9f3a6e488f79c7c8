# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The command that made results, as it is told beside them."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from pathlib import Path

from vit_perception.wording import shown_path

_PLACES = ("bundle", "names_file", "truth_file")


def told_command(
    name: str, args: argparse.Namespace, options: Mapping[str, object], out: str
) -> str:
    """Returns a command with what decides its results, the same wherever the files lie.

    Args:
        name: of the subcommand.
        args: its arguments, `sources` among them.
        options: those that count, in the order in which they are told, with their defaults,
            which are not told. A list is an option that is repeated.
        out: name of what is written.
    """
    words = ["vit-perception", name, *(Path(each).name or each for each in args.sources)]
    for option, default in options.items():
        value, flag = getattr(args, option), f"--{option.replace('_', '-')}"
        if value is None or value == default:
            continue
        if value is True:
            words.append(flag)
            continue
        given = ",".join(value) if isinstance(value, tuple) else value
        for each in given if isinstance(given, list) else [given]:
            words += [flag, Path(each).name if option in _PLACES else str(each)]
    # Names of files may have bytes that are no text.
    return shlex.join(map(shown_path, [*words, "--out", out]))
