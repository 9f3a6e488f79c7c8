# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a live vocabulary costs: against a baked one, and to swap.

Live and reparameterized graphs of one bundle take turns at 80 and 1,203 classes; then the time
of a swap is measured, from the names to the Perceiver that uses them: 80 ready-made names, and
20 names that the text encoder has to read. Needs the workshop (torch) to bake the vocabulary.

    python benchmarks/vocabulary.py --bundle tabletop_nano --threads 2
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.engine.factory import open_session
from vit_perception.engine.session import Session
from vit_perception.evaluation.latency import take_turns
from vit_perception.export.detector import reparameterize_bundle
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.text.builder import VocabularyBuilder
from vit_perception.vocabulary import Vocabulary


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", default="tabletop_nano", help="bundle folder or bundled name")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    bundle = Bundle.load(find_bundle(options.bundle))
    load = os.getloadavg()[0]
    title = f"{bundle.name}, {options.threads} threads, load average {load:.1f}"
    Console().print(live_against_baked(bundle, options.threads, options.rounds, title))
    Console().print(swaps(bundle, options.threads))
    return 0


def live_against_baked(bundle: Bundle, threads: int, rounds: int, title: str) -> Table:
    """Returns a table of session times of both forms."""
    table = Table("classes", "live ms", "baked ms", "live / baked", title=title)
    image = np.random.default_rng(0).integers(
        0, 256, (1, bundle.input_height, bundle.input_width, 3), np.uint8
    )
    adaptor = open_session(bundle.text_adaptor() or b"", threads=threads)
    live = open_session(bundle.graph(), threads=threads)
    for classes in (80, 1203):
        vocabulary = many_names(bundle, classes)
        with tempfile.TemporaryDirectory() as folder:
            fixed = reparameterize_bundle(bundle, vocabulary, Path(folder) / "fixed")
            baked = open_session(fixed.graph(), threads=threads)
        feed = {"image": image, "class_thresholds": np.full(classes, 0.25, np.float32)}
        adapted = adaptor.run({"text_embeddings": vocabulary.embeddings})["class_embeddings"]
        asked = {"class_embeddings": adapted}
        if bundle.regions is not None:
            asked["anything_embedding"] = bundle.regions.anything[None]
        timing = take_turns(
            {"live": running(live, {**feed, **asked}),
             "baked": running(baked, feed)},
            rounds,
        )  # fmt: skip
        table.add_row(
            f"{classes:,}",
            f"{timing.median_ms('live'):.2f}",
            f"{timing.median_ms('baked'):.2f}",
            f"{timing.ratio('live', 'baked'):.3f}",
        )
    return table


def running(session: Session, feed: dict[str, np.ndarray]):  # noqa: ANN201
    """Returns a call of the session without arguments."""
    return lambda: session.run(feed)


def many_names(bundle: Bundle, count: int) -> Vocabulary:
    """Returns ready-made names and random unit vectors; speed does not depend on words."""
    ready = bundle.ready_made()
    rng = np.random.default_rng(1)
    extra = rng.normal(size=(max(0, count - len(ready)), ready.dimension)).astype(np.float32)
    extra /= np.linalg.norm(extra, axis=1, keepdims=True)
    names = ready.names[:count] + tuple(f"name {index}" for index in range(len(extra)))
    return Vocabulary(names, np.concatenate([ready.embeddings[:count], extra]), 0)


def swaps(bundle: Bundle, threads: int, rounds: int = 10) -> Table:
    """Returns a table of the times from names to the Perceiver that uses them."""
    table = Table("swap", "median ms", "max ms", title="vocabulary swap")
    perceiver = Perceiver(bundle, threads=threads)
    known = bundle.ready_made().names[:80]
    with tempfile.TemporaryDirectory() as folder:
        builder = VocabularyBuilder(bundle, cache_dir=Path(folder))
        # The first unknown name of a node's life loads the encoder; it is timed separately.
        first = [timed(builder, perceiver, ("something first",), 1)]
        ready = [timed(builder, perceiver, known, n) for n in range(2, 2 + rounds)]
        new = [
            timed(builder, perceiver, [f"unheard of thing {n} of {i}" for i in range(20)], n)
            for n in range(100, 100 + rounds)
        ]
    for label, took in (
        (f"{len(known)} ready-made names", ready),
        ("20 new names", new),
        ("first new name, text encoder loaded", first),
    ):
        table.add_row(label, f"{np.median(took) * 1e3:.1f}", f"{max(took) * 1e3:.1f}")
    return table


def timed(
    builder: VocabularyBuilder, perceiver: Perceiver, names: list[str] | tuple[str, ...], n: int
) -> float:
    """Returns the seconds of one swap."""
    begin = time.perf_counter()
    perceiver.change(vocabulary=builder.build(names, version=n))
    return time.perf_counter() - begin


if __name__ == "__main__":
    raise SystemExit(main())
