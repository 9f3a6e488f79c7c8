# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Subcommand `demo`: the sample bag through the real node, in another process, over DDS."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vit_perception.cli.arguments import output_path
from vit_perception.wording import printable, shown_path

if TYPE_CHECKING:
    from vit_perception.ros.demo.run import DemoRun

NAME = "demo"
HELP = "play the sample bag through the detector node and show what it saw"
EPILOG = """example:
  vit-perception demo
  vit-perception demo --vocabulary-after 'cup, tool, bottle' --out seen

Plays a rendered recording twice over DDS to a detector and a localizer in another process. In the
second pass the names it looks for change while images flow: you are asked for them. It prints
where the named things are in space, against the recording's truth. Pictures and a video of both
passes and of three real photographs go to the folder --out, with masks where the bundle has them.
At the end the things of one frame are shown to the detector by their boxes, and found in the other
frames by what they look like."""

PROMPT_SECONDS = 20.0
_WRITTEN = (
    "detector.log",
    "detections.mp4",
    "before_*.jpg",
    "after_*.jpg",
    "photograph_*",
    "places.jpg",
    "taught.jpg",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "--out", type=output_path, default="demo_output", metavar="DIR", help="(demo_output)"
    )
    parser.add_argument("--bundle", default="", metavar="DIR", help="bundle folder or name")
    parser.add_argument("--bag", metavar="BAG", help="another recording with the same topics")
    parser.add_argument(
        "--vocabulary-after",
        metavar="NAMES",
        help="names for the second pass; then nothing is asked",
    )
    parser.add_argument(
        "--non-interactive", action="store_true", help="ask nothing, take default names"
    )


def run(args: argparse.Namespace) -> int:
    """Runs the demonstration; returns 0, or 1 if no detection arrived."""
    from vit_perception.bundle.bundle import Bundle
    from vit_perception.bundle.paths import find_bundle
    from vit_perception.bundle.samples import DISTRACTORS, NAMES_AFTER, sample_bag
    from vit_perception.cli.demo_pictures import perceiver_for, write_pictures
    from vit_perception.cli.demo_places import write_places
    from vit_perception.cli.demo_report import print_pictures, print_report, print_taught
    from vit_perception.cli.demo_taught import taught_part
    from vit_perception.names import parse_names
    from vit_perception.output.input_files import refuse_inside
    from vit_perception.output.lock import sole_writer_in
    from vit_perception.ros.demo.demo import run_demo

    given = parse_names(args.vocabulary_after) if args.vocabulary_after else None
    bundle = find_bundle(args.bundle)
    Bundle.load(bundle)  # refuses a damaged bundle before any process starts
    bag = Path(args.bag) if args.bag else sample_bag()
    out: Path = args.out
    if bag.is_dir():
        refuse_inside(out, bag)
    _refuse_others(out)

    def choose_names() -> tuple[str, ...]:
        if given is not None or args.non_interactive or not sys.stdin.isatty():
            return given or NAMES_AFTER
        return ask_names(NAMES_AFTER)

    with sole_writer_in(out):
        seen = run_demo(
            bag,
            bundle,
            out,
            distractors=DISTRACTORS,
            choose_names=choose_names,
            default_names=NAMES_AFTER,
            say=lambda line: print(printable(line), flush=True),
        )
        print_report(seen)
        pictures = write_pictures(seen, bag, bundle, out)
        places = write_places(seen, bag, out)
        pictures.paths += [places] if places is not None else []
        print_pictures(pictures)
        taught = taught_part(perceiver_for(Bundle.load(bundle), seen.names_before), bag, out)
        if taught is not None:
            print_taught(taught, out)
    complaint = _complaint(seen, out)
    if complaint:
        print(f"vit-perception demo: {complaint}", file=sys.stderr)
    return 1 if complaint else 0


def _refuse_others(out: Path) -> None:
    """Refuses a folder that cannot be written, or where files of these names are of others.

    Raises:
        OutputError: names the file.
    """
    from vit_perception.output.failure import OutputError
    from vit_perception.output.write import try_writing

    mark = out / "detector.yaml"  # is written first
    try_writing(mark)
    if mark.exists():
        return
    for pattern in _WRITTEN:
        for path in out.glob(pattern):
            raise OutputError(
                f"{shown_path(path)}: expected no such file or one of an earlier demo, "
                f"found another"
            )


def _complaint(run: DemoRun, out: Path) -> str:
    """Returns what went wrong and where to look; empty if boxes arrived."""
    if not run.seen:
        return (
            f"no detections arrived; see {shown_path(out / 'detector.log')}. Is /dev/shm large "
            "enough (64 MiB free)? Does a firewall stop UDP on the loopback device?"
        )
    if not any(len(entry.detections) for entry in run.seen):
        return f"{len(run.seen)} results arrived, all empty: the bundle finds none of the names"
    return ""


def ask_names(default: tuple[str, ...], seconds: float = PROMPT_SECONDS) -> tuple[str, ...]:
    """Returns the names typed at the terminal; the default if none valid arrive in time."""
    import select

    from vit_perception.names import VocabularyError, parse_names

    print(
        f"\nWhat shall it look for now? Names with commas, then Enter ({seconds:.0f} s; "
        f"Enter alone: {', '.join(default)})\n> ",
        end="",
        flush=True,
    )
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    text = sys.stdin.readline().strip() if ready else ""
    if not ready:
        print()
    if not text:
        return default
    try:
        return parse_names(text)
    except VocabularyError as error:
        print(f"{error}; looking for {', '.join(default)}")
        return default
