# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Options for several bundles and precisions that are measured beside each other."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vit_perception.bundle.paths import DEFAULT_BUNDLE
from vit_perception.cli.arguments import add_setting
from vit_perception.perceiver.settings import BUNDLE_DEFAULT, EngineSettings, Settings
from vit_perception.wording import shown_path

if TYPE_CHECKING:
    from vit_perception.evaluation.rows.account import Account
    from vit_perception.evaluation.rows.looked_at import LookedAt
    from vit_perception.evaluation.rows.looker import Engine
    from vit_perception.evaluation.rows.run import Run
    from vit_perception.evaluation.samples.sources import Sources


def add_runs_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options for bundles, precisions and the engine that runs them."""
    group = parser.add_argument_group("models")
    group.add_argument(
        "--bundle",
        action="append",
        default=[],
        metavar="DIR",
        help=f"bundle folder or name, may be repeated ({DEFAULT_BUNDLE})",
    )
    group.add_argument(
        "--precision",
        type=_precisions,
        default=(EngineSettings.precision,),
        metavar="P,...",
        help=f"graphs of each bundle, such as fp32,int8 ({EngineSettings.precision})",
    )
    for name in ("provider", "threads"):
        add_setting(group, EngineSettings, name, metavar=name[0].upper())
    group.add_argument(
        "--text-encoder",
        metavar="DIR",
        help="folder of the text encoder, for names that a bundle does not know",
    )


def bundle_folders(args: argparse.Namespace) -> list[Path]:
    """Returns the folders of the bundles, each once.

    Raises:
        BundleError: there is no such bundle.
    """
    from vit_perception.bundle.paths import find_bundle

    return list(dict.fromkeys(find_bundle(each) for each in args.bundle or [""]))


def runs_of(
    args: argparse.Namespace, names: Sequence[str], published: Settings | None = None
) -> tuple[Run, ...]:
    """Returns a run for each bundle and precision, in the order of the options.

    Args:
        args: with the options of `add_runs_arguments`.
        names: that are asked for.
        published: what a robot would use; None: the bundles' own.

    Raises:
        BundleError: there is no such bundle or precision.
    """
    from vit_perception.evaluation.rows.looker import run_of
    from vit_perception.evaluation.samples.keys import plain_name
    from vit_perception.images.search import unique_name

    taken: set[str] = set()
    settings = Settings() if published is None else published
    return tuple(
        run_of(
            unique_name(f"{plain_name(folder.resolve().name)}.{precision}", taken),
            folder,
            precision,
            names,
            settings,
        )
        for folder in bundle_folders(args)
        for precision in args.precision
    )


def published(
    score_threshold: float | None = None,
    iou_threshold: float | None = None,
    max_detections: int | None = None,
) -> Settings:
    """Returns what a robot would use: what is given, else as the bundle and the node have it.

    Raises:
        EvaluationError: a robot would publish detections that are not kept.
    """
    from vit_perception.evaluation.errors import EvaluationError
    from vit_perception.evaluation.rows.run import LEAST_SCORE

    given: dict[str, Any] = {
        "score_threshold": score_threshold,
        "iou_threshold": iou_threshold,
        "max_detections": max_detections,
    }
    settings = Settings(**{name: each for name, each in given.items() if each is not None})
    score = settings.score_threshold
    if score != BUNDLE_DEFAULT and score < LEAST_SCORE:
        raise EvaluationError(
            f"--score-threshold: expected {LEAST_SCORE} or more, as detections below are not "
            f"kept, found {score}"
        )
    return settings


def engine_of(args: argparse.Namespace) -> Engine:
    """Returns what runs the networks."""
    from vit_perception.evaluation.rows.looker import Engine

    return Engine(args.provider, args.threads, args.text_encoder or "")


def refuse_read(out: Path, read: Sequence[Path]) -> None:
    """Refuses a file or folder to write that is one of those that are read, or lies in one.

    Raises:
        OutputError: names both.
    """
    from vit_perception.output.input_files import refuse_inputs, refuse_inside

    for folder in (each for each in read if each.is_dir()):
        refuse_inside(out, folder)
    refuse_inputs([out], read)


def all_looked_at(folder: Path, accounts: Sequence[Account]) -> Iterator[LookedAt]:
    """Yields all pictures that were looked at.

    Raises:
        EvaluationError: files of others lie among theirs.
    """
    from vit_perception.evaluation.errors import EvaluationError
    from vit_perception.evaluation.rows.reading import read_all

    for each in (account for account in accounts if not account.error):
        count = 0
        for frame in read_all(folder, [each.key]):
            count += 1
            yield frame
        if count != each.looked_at:
            raise EvaluationError(
                f"{shown_path(folder / 'rows' / each.key)}: expected results of "
                f"{each.looked_at} pictures, found {count}; remove the folder to look again"
            )


@contextmanager
def looked_at_with(
    args: argparse.Namespace, sources: Sources, runs: Sequence[Run], names: Sequence[str]
) -> Iterator[tuple[Account, ...]]:
    """Looks at all pictures of the sources with all runs; holds `args.out` while it lasts.

    Args:
        args: with the options of `add_runs_arguments`, out and jobs; truth_file and ray may be
            absent.
        sources: what is looked at.
        runs: in their order.
        names: that all runs are asked for.

    Raises:
        EvaluationError: the folder holds something else, or there is no Ray.
        OutputError: it cannot be written.
        BundleError, PerceiverError, SessionError, VocabularyError: a bundle cannot be run.
    """
    from vit_perception.cli.progress import progress_bar
    from vit_perception.evaluation.rows.plan import measuring, plan_of
    from vit_perception.evaluation.rows.workers import look_at_all

    engine = engine_of(args)
    truth_file = getattr(args, "truth_file", None)
    files = {each.key: _files(each, truth_file) for each in sources.sequences}
    with measuring(args.out, plan_of(names, runs, files, engine)):
        with progress_bar("looking", sum(len(each) for each in sources.sequences)) as show:
            accounts = look_at_all(
                sources.sequences,
                runs,
                names,
                args.out,
                engine=engine,
                jobs=args.jobs,
                ray=getattr(args, "ray", None),
                progress=show,
            )
        yield accounts


def source_entries(sources: Sources, accounts: Sequence[Account]) -> list[dict[str, Any]]:
    """Returns `sources` of metrics.json and agreement.json; what cannot be read comes last."""
    from vit_perception.evaluation.rows.account import Account

    failed = (Account(key="", title=each.title, error=each.line) for each in sources.failed)
    return [each.as_entry() for each in (*accounts, *failed)]


def missing_lines(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns what is said of entries of `source_entries`: damage, and what was left out."""
    lines = []
    for entry in entries:
        lines += [entry["damage"]] if entry["damage"] else []
        lines += [f"left out {line}" for line in entry["left_out_lines"]]
        lines += [
            f"{entry['title']}: truth that is not used: {count} {cause}"
            for cause, count in entry["unused_truth"].items()
        ]
    return lines


def write_figures(path: Path, document: Mapping[str, Any]) -> None:
    """Writes figures as JSON, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    from vit_perception.output.write import write

    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    write(path, f"{text}\n".encode())


def _files(sequence: Any, truth_file: Path | None) -> list[Path]:
    """Returns the files and folders that a sequence is read from."""
    from vit_perception.evaluation.samples.folder import FolderSequence

    if isinstance(sequence, FolderSequence):
        return [sequence.path]
    return [sequence.path, *([] if truth_file is None else [truth_file])]


def _precisions(text: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    if not all(words):
        raise argparse.ArgumentTypeError(f"expected such as fp32,int8, found {text!r}")
    return words
