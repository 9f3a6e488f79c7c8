# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Subcommand `info`: the contents of a bundle, a bag or this installation."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vit_perception.cli.streams import say
from vit_perception.wording import printable, shown_name, shown_path

if TYPE_CHECKING:
    from vit_perception.bundle.bundle import Bundle

NAME = "info"
HELP = "show what a bundle, a bag or a file of examples holds, or what is installed"
EPILOG = """example:
  vit-perception info                   this installation: engines, bundles, versions
  vit-perception info tabletop_nano     a bundle: input, names, thresholds, metrics
  vit-perception info my_recording/     a bag: topics and counts
  vit-perception info mine              what 'vit-perception teach' was shown"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "what", nargs="?", default="", metavar="BUNDLE|BAG|FILE", help="folder or name"
    )
    parser.add_argument("--names", action="store_true", help="list every ready-made name")


def run(args: argparse.Namespace) -> int:
    """Prints and returns 0.

    Raises:
        BagDamageError: messages of a bag are missing; after what is there was printed.
    """
    from vit_perception.bags.recording import holds_bag
    from vit_perception.bundle.bundle import Bundle
    from vit_perception.bundle.paths import find_bundle

    path = Path(args.what)
    if not args.what:
        _print_installation()
    elif holds_bag(path) and not (path / "bundle.yaml").is_file():
        _print_bag(path)
    elif path.is_file():
        _print_examples(path)
    else:
        _print_bundle(Bundle.load(find_bundle(args.what)), every_name=args.names)
    return 0


def _print_installation() -> None:
    from vit_perception.bundle.paths import share_directories
    from vit_perception.cli.versions import package_versions
    from vit_perception.engine.factory import available_providers

    print("versions:")
    for name, found in package_versions().items():
        print(f"  {name} {found}")
    print(f"engines: {', '.join(available_providers())}")
    print("bundles:")
    for place in share_directories():
        for manifest in sorted(place.glob("bundles/*/bundle.yaml")):
            print(f"  {shown_path(manifest.parent)}")


def _print_bag(path: Path) -> None:
    from vit_perception.bags.reader import BagDamageError, BagReader

    with BagReader(path) as bag:
        print(f"{shown_path(path)}:")
        for topic in bag.topics():
            name, msgtype = shown_path(topic.name), shown_path(topic.msgtype)
            print(f"  {topic.count:>6}  {name}  [{msgtype}]")
        for note in bag.notes:
            say(NAME, note)
        damage = bag.damage()
    if damage:
        raise BagDamageError(damage)


def _print_examples(path: Path) -> None:
    from vit_perception.perceiver.examples_file import read_examples

    examples = read_examples(path)
    print(f"{shown_path(path)}: shown to a bundle with embeddings {examples.space}")
    print("  shown   not  kept  name")
    for name in dict.fromkeys(each.name for each in examples.shown):
        own = [each for each in examples.shown if each.name == name]
        negative = sum(each.negative for each in own)
        crops = sum(each.crop is not None for each in own)
        print(f"  {len(own) - negative:>5} {negative:>5} {crops:>5}  {shown_name(name)}")


def _print_bundle(bundle: Bundle, *, every_name: bool) -> None:
    names = bundle.ready_made().names
    rows = {
        "name": bundle.name,
        "folder": shown_path(bundle.directory),
        "task": bundle.task,
        "architecture": bundle.architecture,
        "input": f"{bundle.input_width}x{bundle.input_height} px",
        "graphs": ", ".join(f"{key}: {file}" for key, file in bundle.graphs.items()),
        "vocabulary": "fixed" if bundle.fixed_vocabulary else "any names, changed while it runs",
        "text encoder": f"{bundle.text_encoder_id} ({bundle.text_dimension})"
        + ("" if bundle.text_encoder_files is None else ", in the bundle"),
        "shown names": "no, a bundle of format 1"
        if bundle.regions is None
        else f"yes, with embeddings {bundle.embedding_id}",
        "thresholds": f"score {bundle.score_threshold}, iou {bundle.iou_threshold}"
        + ("" if bundle.shown_threshold is None else f", shown {bundle.shown_threshold}"),
        "names ready-made": len(names),
        "names by default": ", ".join(bundle.default_names),
        "licence": bundle.licence,
        "source": bundle.source,
    }
    for key, value in rows.items():
        print(f"{key + ':':<18}{printable(str(value))}")
    for metric in bundle.metrics:
        figures = ", ".join(f"{key} {value}" for key, value in metric.items())
        print(f"metric:           {printable(figures)}")
    for precision in bundle.graphs:
        print(f"quality:          {printable(_quality(bundle, precision))}")
    for file, digest in bundle.sha256.items():
        print(f"sha256:           {digest}  {shown_path(file)}")
    if every_name:
        print("\n".join(map(shown_name, names)))


def _quality(bundle: Bundle, precision: str) -> str:
    """Returns a line on how exact the graph of one precision is."""
    found = bundle.quality.get(precision)
    if found is None:
        return f"{precision} {'is the reference' if precision == 'fp32' else 'was not measured'}"
    verdict = "passed" if bundle.passed(precision) else "not passed"
    return f"{precision} {verdict}: {found}; {found.pictures} pictures, {found.data}"
