# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What teaching costs: in the graph for everyone, and outside it for names that were shown.

The same weights as a bundle of format 1 (of version 0.2.0 of this package, or exported by it) and
of format 2 take turns, at the names of the first. Then a Perceiver with and without shown names:
30 of them, three examples each, take turns on a frame; and the time of a swap of these examples.

    git worktree add ../before 0.2.0
    python benchmarks/regions.py --before ../before/bundles/tabletop_nano --bundle tabletop_nano
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np
from rich.console import Console
from rich.table import Table

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.engine.factory import open_session
from vit_perception.evaluation.latency import take_turns
from vit_perception.examples import Example, Examples
from vit_perception.frame import Frame
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.stages import StageTimes

NAMES, VIEWS, OTHERS = 30, 3, 32


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", required=True, help="bundle folder of format 1")
    parser.add_argument("--bundle", default="tabletop_nano", help="bundle of format 2")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    before, after = Bundle.load(options.before), Bundle.load(find_bundle(options.bundle))
    console = Console()
    title = f"graphs, {options.threads} threads, load average {os.getloadavg()[0]:.1f}"
    table = Table("precision", "format 1 ms", "format 2 ms", "2 / 1", title=title)
    for precision in after.graphs:
        calls = {
            "one": looking(before, before, precision, options.threads),
            "two": looking(after, before, precision, options.threads),
        }
        timing = take_turns(calls, options.rounds)
        table.add_row(
            precision,
            f"{timing.median_ms('one'):.2f}",
            f"{timing.median_ms('two'):.2f}",
            f"{timing.ratio('two', 'one'):.3f}",
        )
    console.print(table)
    console.print(taught(after, options.threads, options.rounds))
    return 0


def looking(bundle: Bundle, names_of: Bundle, precision: str, threads: int):  # noqa: ANN201
    """Returns a call of the graph on noise, asked for the names of a bundle."""
    session = open_session(bundle.graph(precision), threads=threads)
    vocabulary = names_of.default_vocabulary()
    adaptor = open_session(bundle.text_adaptor() or b"", threads=threads)
    size = (1, bundle.input_height, bundle.input_width, 3)
    feed = {
        "image": np.random.default_rng(0).integers(0, 256, size, np.uint8),
        "class_thresholds": np.full(len(vocabulary), 0.25, np.float32),
        "class_embeddings": adaptor.run({"text_embeddings": vocabulary.embeddings})[
            "class_embeddings"
        ],
    }
    if bundle.regions is not None:
        feed["anything_embedding"] = bundle.regions.anything[None]
    return lambda: session.run(feed)


def taught(bundle: Bundle, threads: int, rounds: int) -> Table:
    """Returns a table of the cost of shown names in a frame, and of a swap."""
    perceiver = Perceiver(bundle, threads=threads)
    frame = Frame(np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8))
    plain = perceiver.query
    swaps = []
    for seed in range(20):
        vocabulary = perceiver.vocabulary.showing(shown(bundle, seed))
        begun = time.perf_counter()
        perceiver.change(vocabulary=vocabulary)
        swaps.append(1e3 * (time.perf_counter() - begun))
    query = perceiver.query
    timing = take_turns(
        {
            "without": lambda: perceiver.look(frame, plain, StageTimes()),
            "with": lambda: perceiver.look(frame, query, StageTimes()),
        },
        rounds,
    )
    table = Table(title=f"{NAMES} shown names, {VIEWS} examples each")
    for column in ("frame without ms", "frame with ms", "with / without", "swap ms", "longest"):
        table.add_column(column)
    table.add_row(
        f"{timing.median_ms('without'):.2f}",
        f"{timing.median_ms('with'):.2f}",
        f"{timing.ratio('with', 'without'):.3f}",
        f"{np.median(swaps):.2f}",
        f"{max(swaps):.2f}",
    )
    return table


def shown(bundle: Bundle, seed: int) -> Examples:
    """Returns examples of no thing in particular."""
    assert bundle.regions is not None
    generator = np.random.default_rng(seed)

    def rows(count: int) -> np.ndarray:
        found = generator.normal(size=(count, len(bundle.regions.anything))).astype(np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    examples = [
        Example(f"thing {number}", rows(1)[0], rows(OTHERS))
        for number in range(NAMES)
        for _ in range(VIEWS)
    ]
    return Examples(bundle.embedding_id, tuple(examples))


if __name__ == "__main__":
    raise SystemExit(main())
