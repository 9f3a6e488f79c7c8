# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What instance masks cost: the branch in the graph, and decoding 20 of them.

The bundle's graph, and the same graph cut off before its two mask outputs, take turns with the
decoding of 20 masks whose boxes tile the whole picture, the most that can lie side by side; and
with the whole Perceiver, masks on and off. Shares are of the graph without masks, in the same
round. Needs the package onnx to cut the graph.

    python benchmarks/masks.py --bundle tabletop_nano --size 640x480 --threads 1
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.utils import Extractor
from rich.console import Console
from rich.table import Table

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.engine.factory import open_session
from vit_perception.evaluation.latency import Timing, take_turns
from vit_perception.frame import Frame
from vit_perception.letterbox import Canvas
from vit_perception.masks import decode
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import Settings

MASK_OUTPUTS = {"mask_coefficients", "prototypes"}
ROWS, COLUMNS = 4, 5
WITHOUT, WITH, DECODING = "graph without masks", "graph with masks", "decoding of 20 masks"
PERCEIVER_OFF, PERCEIVER_ON = "Perceiver, masks off", "Perceiver, masks on"


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bundle", default="", help="folder or name; empty: the default bundle")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--size", default="640x480", help="of the picture")
    parser.add_argument("--threads", type=int, default=1, help="of the session")
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    bundle = Bundle.load(find_bundle(options.bundle))
    if bundle.task != "instance_segmentation":
        print(f"{bundle.directory}: expected task instance_segmentation, found {bundle.task}",
              file=sys.stderr)  # fmt: skip
        return 1
    width, height = (int(part) for part in options.size.split("x"))
    before = os.getloadavg()[0]
    timing = take_turns(
        candidates(bundle, options.precision, options.threads, height, width), options.rounds
    )
    title = (
        f"{bundle.name} {options.precision}, {width}x{height}, {options.threads} threads, "
        f"load average {before:.1f} before and {os.getloadavg()[0]:.1f} after"
    )
    Console().print(table(timing, title))
    branch, decoding, both = shares(timing)
    print(
        f"branch {100 * branch:.1f} %, decoding {100 * decoding:.1f} %, together "
        f"{100 * both:.1f} % of the session without masks (at most 25 %)"
    )
    return 0


def candidates(
    bundle: Bundle, precision: str, threads: int, height: int, width: int
) -> dict[str, Callable[[], object]]:
    """Returns the calls that take turns."""
    picture = noise(height, width)
    # Everything passes, so that there are always 20 detections.
    settings = Settings(0.0, bundle.iou_threshold, max_detections=ROWS * COLUMNS)
    on = Perceiver(bundle, settings=settings, precision=precision, threads=threads)
    off = Perceiver(
        bundle, settings=replace(settings, masks=False), precision=precision, threads=threads
    )
    graph = bundle.graph(precision)
    whole, boxes_only = (open_session(g, threads=threads) for g in (graph, without_masks(graph)))
    canvas = Canvas(bundle.input_height, bundle.input_width, bundle.pad_value)
    letterbox = canvas.draw(picture)
    inputs = {
        "image": canvas.pixels,
        "class_thresholds": np.zeros(len(on.vocabulary), np.float32),
    }
    if not bundle.fixed_vocabulary:
        embeddings = on.vocabulary.embeddings
        if (adaptor := bundle.text_adaptor()) is not None:
            given = {"text_embeddings": embeddings}
            embeddings = open_session(adaptor).run(given)["class_embeddings"]
        inputs["class_embeddings"] = embeddings
    outputs = whole.run(inputs)
    coefficients = outputs["mask_coefficients"][0, : ROWS * COLUMNS]
    prototypes = outputs["prototypes"][0]
    tiles = tiling(height, width)
    frame = Frame(picture)
    return {
        WITHOUT: lambda: boxes_only.run(inputs),
        WITH: lambda: whole.run(inputs),
        DECODING: lambda: decode(coefficients, prototypes, tiles, letterbox),
        PERCEIVER_OFF: lambda: off(frame),
        PERCEIVER_ON: lambda: on(frame),
    }


def without_masks(graph: bytes) -> bytes:
    """Returns the part of a graph that its other outputs need."""
    model = onnx.load_model_from_string(graph)
    outputs = [value.name for value in model.graph.output if value.name not in MASK_OUTPUTS]
    inputs = [value.name for value in model.graph.input]
    return bytes(Extractor(model).extract_model(inputs, outputs).SerializeToString())


def tiling(height: int, width: int) -> NDArray[np.float32]:
    """Returns float32 [20, 4]: boxes side by side that fill the picture."""
    x, y = np.linspace(0, width, COLUMNS + 1), np.linspace(0, height, ROWS + 1)
    boxes = [(x[j], y[i], x[j + 1], y[i + 1]) for i in range(ROWS) for j in range(COLUMNS)]
    return np.array(boxes, np.float32)


def noise(height: int, width: int) -> NDArray[np.uint8]:
    """Returns a random picture."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def shares(timing: Timing) -> tuple[float, float, float]:
    """Returns what branch, decoding and both add, as shares of the session without masks.

    They are medians over the rounds, so the third need not be the sum of the others.
    """
    seconds = timing.seconds
    branch = (seconds[WITH] - seconds[WITHOUT]) / seconds[WITHOUT]
    decoding = seconds[DECODING] / seconds[WITHOUT]
    branch, decoding, both = np.median([branch, decoding, branch + decoding], axis=1).tolist()
    return branch, decoding, both


def table(timing: Timing, title: str) -> Table:
    """Returns medians, and ratios to the session without masks."""
    result = Table("", "median ms", "p95 ms", "/ without masks", title=title)
    for name in timing.seconds:
        result.add_row(
            name,
            f"{timing.median_ms(name):.2f}",
            f"{timing.p95_ms(name):.2f}",
            f"{timing.ratio(name, WITHOUT):.3f}",
        )
    return result


if __name__ == "__main__":
    sys.exit(main())
