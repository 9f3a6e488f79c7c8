# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The names that a measurement asks for: those that are given, or all that are labelled."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from vit_perception.cli.sources import given_names
from vit_perception.wording import shown_name

if TYPE_CHECKING:
    from vit_perception.evaluation.samples.sources import Sources


def asked_names(
    args: argparse.Namespace, sources: Sources, say: Callable[[str], None]
) -> tuple[str, ...]:
    """Returns the names that are asked for.

    Args:
        args: with the options of `add_name_arguments`.
        sources: that are measured on.
        say: gets a line if names that are given are on no label: such things are not found in
            what is measured, and misspelled names look the same.

    Raises:
        EvaluationError: there are none, or a source has labels that cannot be asked for.
        VocabularyError: names that are given cannot be asked for.
    """
    from vit_perception.evaluation.errors import EvaluationError
    from vit_perception.evaluation.samples.sample import NO_LABELS

    given, labelled = given_names(args), sources.names()
    if given is not None:
        absent = [shown_name(name) for name in given if name not in labelled]
        if absent:
            say(f"asked for, but on no label: {', '.join(absent)}")
        return given
    if labelled:
        _check(sources)
        return labelled
    failed = [each.line for each in sources.failed]
    if failed and not sources.sequences:
        raise EvaluationError("; ".join(failed))
    titles = ", ".join(each.title for each in sources.sequences)
    raise EvaluationError(f"{titles}: {NO_LABELS}")


def _check(sources: Sources) -> None:
    """Refuses labels that cannot be asked for.

    Raises:
        EvaluationError: names the source.
    """
    from vit_perception.evaluation.errors import EvaluationError
    from vit_perception.names import VocabularyError, checked_names

    for each in sources.sequences:
        try:
            checked_names(each.names() or ("thing",))
        except VocabularyError as error:
            raise EvaluationError(
                f"{each.title}: labels: {error}; choose what to ask for with --names"
            ) from None
