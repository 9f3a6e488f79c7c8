# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Subcommand `compare`: how far two bundles agree on recordings without labels."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from vit_perception.cli.arguments import add_setting, at_least, output_path
from vit_perception.cli.model import refuse_auto
from vit_perception.cli.runs import (
    add_runs_arguments,
    all_looked_at,
    bundle_folders,
    looked_at_with,
    missing_lines,
    published,
    refuse_read,
    runs_of,
    source_entries,
    write_figures,
)
from vit_perception.cli.sources import (
    add_name_arguments,
    given_names,
    opened_without_truth,
    source_files,
    source_notes,
)
from vit_perception.cli.streams import say
from vit_perception.cli.told_command import told_command
from vit_perception.perceiver.settings import BUNDLE_DEFAULT, Settings
from vit_perception.wording import shown_path

if TYPE_CHECKING:
    from vit_perception.evaluation.rows.account import Account
    from vit_perception.evaluation.rows.run import Run
    from vit_perception.evaluation.samples.sources import Sources

NAME = "compare"
HELP = "say how far two bundles agree on recordings without labels"
EPILOG = """example:
  vit-perception compare monday/ --precision fp32,int8 --out agreement
  vit-perception compare monday/ --bundle tabletop_nano --bundle mine --out agreement

Both runs, two bundles or one in two precisions, look at every image, and what a robot would
publish is compared. Writes to the folder --out:
  report.html     how far they agree and how sure that is, the ten frames in which they differ most
                  as both see them, each name, flicker; one file
  agreement.json  all figures; the same bytes each time
  rows/, times/   what the figures are made of: the same command goes on where it was ended

Boxes are paired one to one from an IoU of 0.5 on, those of one name first. Agreement is twice the
number of pairs of one name, divided by all that both published. What each run published is
followed from frame to frame: a name that changes, and a frame in which a thing is missed that is
seen before and after, are flicker. Two runs that agree may both be wrong: 'label' helps to make
the labels that 'evaluate' needs.

The exit status is 1 if a recording is damaged or cannot be read; what is whole of it is
compared."""

FORMAT = 1
"""Of agreement.json."""
_say = partial(say, NAME)
_THRESHOLDS = ("score_threshold", "iou_threshold", "max_detections")
_TOLD: dict[str, object] = {
    "bundle": [],
    "precision": (),
    "topic": None,
    "names": None,
    "names_file": None,
    **dict.fromkeys(_THRESHOLDS, BUNDLE_DEFAULT),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="BAG",
        help=".bag file, rosbag2 folder, .mcap or .db3 file; or a folder of a data set",
    )
    parser.add_argument(
        "--out", type=output_path, required=True, metavar="FOLDER", help="write the report there"
    )
    parser.add_argument(
        "--topic",
        action="append",
        metavar="TOPIC",
        help="images of a bag, may be repeated (all of colour)",
    )
    add_name_arguments(parser, "the first bundle's default names")
    for name in _THRESHOLDS:
        add_setting(parser, Settings, name, metavar=name[0].upper(), optional=True)
    parser.add_argument(
        "--jobs",
        type=at_least(1, 1024),
        default=1,
        metavar="N",
        help="processes, each for one camera of one bag at a time (1)",
    )
    add_runs_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Compares two runs; returns 0, or 1 if a recording is damaged or broken.

    Raises:
        EvaluationError: there are not two runs, nothing can be compared, or the folder holds
            something else.
        BagError, BundleError, VocabularyError, OutputError, SessionError: see what each needs.
    """
    import_module("jinja2")  # an absent one is told before the work
    refuse_auto(args)
    names = _names(args)
    runs = _two(
        runs_of(args, names, published(**{name: getattr(args, name) for name in _THRESHOLDS}))
    )
    refuse_read(args.out, source_files(args, bundle_folders(args)))
    sources = opened_without_truth(args, keep_going=len(args.sources) > 1)
    for line in source_notes(sources):
        _say(line)
    with looked_at_with(args, sources, runs, names) as accounts:
        _write(args, sources, runs, names, accounts)
    return int(bool(sources.failed) or any(each.error or each.damage for each in accounts))


def _write(
    args: argparse.Namespace,
    sources: Sources,
    runs: tuple[Run, Run],
    names: tuple[str, ...],
    accounts: Sequence[Account],
) -> None:
    """Writes figures and report, and prints the table."""
    from vit_perception.evaluation.agreement.comparison import Comparison
    from vit_perception.evaluation.agreement.drawing import draw_differing
    from vit_perception.evaluation.agreement.report import report_page, report_text
    from vit_perception.evaluation.report.frames_again import FramesAgain
    from vit_perception.evaluation.report.report import FILE_NAME
    from vit_perception.output.write import write

    comparison = Comparison(names, runs)
    for looked in all_looked_at(args.out, accounts):
        comparison.add(looked)
    figures = comparison.result()
    _check(figures["frames"], sources, accounts)
    found: dict[str, Any] = {
        "format": FORMAT,
        "command": told_command(NAME, args, _TOLD, "agreement"),
        "sources": source_entries(sources, accounts),
        "names": list(names),
        "runs": [run.as_entry(names) for run in runs],
        **figures,
    }
    write_figures(args.out / "agreement.json", found)
    wanted = {(each["sequence"], each["number"]) for each in found["differ_most"]}
    with FramesAgain(sources.sequences, wanted) as frame_of:
        pictures = draw_differing(args.out, found, runs, frame_of)
    write(args.out / FILE_NAME, report_page(found, pictures).encode())
    print(report_text(found))
    for line in missing_lines(found["sources"]):
        _say(line)
    print(f"-> {shown_path(args.out / FILE_NAME)}")


def _names(args: argparse.Namespace) -> tuple[str, ...]:
    from vit_perception.bundle.bundle import Bundle

    given = given_names(args)
    return Bundle.load(bundle_folders(args)[0]).default_names if given is None else given


def _two(runs: Sequence[Run]) -> tuple[Run, Run]:
    from vit_perception.evaluation.errors import EvaluationError

    if len(runs) != 2:
        raise EvaluationError(
            "expected two runs, of two --bundle or of two precisions such as '--precision "
            f"fp32,int8', found {len(runs)}: {', '.join(run.key for run in runs)}"
        )
    return runs[0], runs[1]


def _check(frames: int, sources: Sources, accounts: Sequence[Account]) -> None:
    from vit_perception.evaluation.errors import EvaluationError

    if frames:
        return
    lines = [each.line for each in sources.failed]
    lines += [each.error or each.damage for each in accounts]
    found = "; ".join(dict.fromkeys(filter(None, lines))) or "none"
    raise EvaluationError(f"expected pictures to compare on, found {found}")
