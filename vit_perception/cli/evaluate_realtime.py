# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The part of the subcommand `evaluate` that plays a bag to the live node."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vit_perception.cli.runs import engine_of

if TYPE_CHECKING:
    from vit_perception.evaluation.rows.run import Run
    from vit_perception.evaluation.samples.sources import Sources


def check_realtime(args: argparse.Namespace, sources: Sources) -> None:
    """Refuses what cannot be played, before the work.

    Raises:
        EvaluationError: --realtime, and there is not just one camera of one bag.
    """
    from vit_perception.evaluation.errors import EvaluationError
    from vit_perception.evaluation.samples.bag import BagSequence

    if not args.realtime:
        return
    import vit_perception.ros.realtime.realtime  # noqa: F401  # without ROS, it is told now

    bags = [each for each in sources.sequences if isinstance(each, BagSequence)]
    if len(bags) != 1 or len(sources.sequences) != 1 or sources.failed:
        found = ", ".join(each.title for each in sources.sequences) or "none"
        raise EvaluationError(
            f"--realtime: expected one camera of one bag, found {found}; choose with --topic"
        )


def measured_realtime(
    args: argparse.Namespace, sources: Sources, runs: Sequence[Run], names: Sequence[str]
) -> dict[str, Any]:
    """Plays the bag to the node of each run, one after the other; returns what came of it by run.

    Raises:
        StartError, DetectorProcessError, BagError, OutputError: see `measure_realtime`.
    """
    from vit_perception.evaluation.rows.reading import read_all
    from vit_perception.evaluation.samples.bag import BagSequence
    from vit_perception.output.scratch import scratch_folder
    from vit_perception.ros.realtime.realtime import measure_realtime
    from vit_perception.ros.realtime.streaming import realtime_entry

    (bag,) = sources.sequences
    assert isinstance(bag, BagSequence)  # checked before
    looked_at = list(read_all(args.out, [bag.key]))
    entries = {}
    for place, run in enumerate(runs):
        with scratch_folder() as folder:
            found = measure_realtime(
                bag.path,
                bag.topic,
                run,
                names,
                args.rate or 1.0,
                folder,
                looked_at=looked_at,
                place=place,
                engine=engine_of(args),
            )
        entries[run.key] = realtime_entry(found, run, names)
    return entries
