# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How well ids stay with things before a moving camera, on rendered tables.

Three kinds of detections are followed: true boxes of which a share is left out at random (each
kind of thing has its name; scores count against the boxes that are kept), the same with every
thing out of sight for two seconds in the middle, and the boxes of a bundle, with masks and
detections below the threshold, one box for each thing (against all true boxes). "ms" is the
median time of the tracker for a frame.

    python benchmarks/tracking.py --assets ASSETS --sequences 12

With `--peer PYTHON`, of an environment with benchmarks/requirements-tracking.txt, ByteTrack of the
package `trackers` follows the same boxes, and ours do without names and masks:

    python -m venv /tmp/peer && /tmp/peer/bin/pip install -r benchmarks/requirements-tracking.txt
    python benchmarks/tracking.py --assets ASSETS --sequences 12 --peer /tmp/peer/bin/python
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from tracking_cases import RATE, SETTINGS, Case, Seen, made, nameless

from vit_perception.detections import Detections
from vit_perception.evaluation.identities import (
    Identified,
    IdentityScores,
    identity_scores,
    joined,
)
from vit_perception.masks import Masks
from vit_perception.tracking.tracker import Tracker


def main() -> int:
    """Renders, measures and prints."""
    options = parsed()
    cases = made(options)
    load = os.getloadavg()[0]
    print(f"{options.sequences} sequences, on {os.cpu_count()} CPUs, load average {load:.1f}")
    table = Table("detections", "IDF1", "HOTA", "DetA", "AssA", "MOTA", "misses", "switches")
    table.add_column("ms")
    for name, case in cases.items():
        ids, seconds = followed(case, case.thresholds)
        add_row(table, name, scores(case, ids), f"{1e3 * np.median(seconds):.2f}")
    Console().print(table)
    print(f"20 things with masks: {cost():.2f} ms a frame")
    if options.peer:
        compare(cases, options.peer)
    return 0


def parsed() -> argparse.Namespace:
    """Returns the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assets", type=Path, action="append", required=True)
    parser.add_argument("--sequences", type=int, default=12)
    parser.add_argument("--dropped", type=float, default=0.2)
    parser.add_argument("--bundle", default="")
    parser.add_argument("--peer", default="", help="a Python with `trackers`")
    return parser.parse_args()


def followed(case: Case, thresholds: np.ndarray) -> tuple[list[list[Detections]], list[float]]:
    """Returns what a tracker tells of each frame, and its seconds."""
    told, seconds = [], []
    for frames in case.sequences:
        tracker = Tracker(SETTINGS)
        told.append([])
        for frame in frames:
            begin = time.perf_counter()
            told[-1].append(tracker.update(frame.found, frame.stamp, thresholds))
            seconds.append(time.perf_counter() - begin)
    return told, seconds


def scores(case: Case, told: list[list[Detections]]) -> IdentityScores:
    """Compares those with an id with what is true."""
    truth = joined([frame.truth for frame in frames] for frames in case.sequences)
    return identity_scores(
        truth,
        joined(
            [Identified(each.ids[each.ids > 0], each.boxes[each.ids > 0]) for each in frames]
            for frames in told
        ),
    )


def add_row(table: Table, name: str, found: IdentityScores, *more: str) -> None:
    """Adds the scores of one kind of detections."""
    shares = (found.idf1, found.hota, found.deta, found.assa, found.mota)
    counts = (f"{found.misses} of {found.boxes}", str(found.switches))
    table.add_row(name, *(f"{each:.4f}" for each in shares), *counts, *more)


def compare(cases: dict[str, Case], python: str) -> None:
    """Lets `trackers` follow the same boxes, and ours without names and masks."""
    plain = {name: nameless(case) for name, case in cases.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cases.json"
        path.write_text(json.dumps(written(plain)))
        peer = Path(__file__).with_name("tracking_peer.py")
        subprocess.run([python, str(peer), str(path)], check=True)
        result = json.loads(path.read_text())
    table = Table(
        "detections", "HOTA, ours", "trackers", "difference", title="without names, masks"
    )
    table.add_column("IDF1, ours")
    table.add_column("trackers")
    for name, case in result["cases"].items():
        ours, theirs = case["scores"]["ours"], case["scores"]["theirs"]
        own, _ = followed(plain[name], plain[name].thresholds)
        assert abs(scores(plain[name], own).hota - ours["hota"]) < 1e-4, "metrics differ"
        table.add_row(
            name,
            f"{100 * ours['hota']:.2f}",
            f"{100 * theirs['hota']:.2f}",
            f"{100 * (ours['hota'] - theirs['hota']):+.2f}",
            f"{100 * ours['idf1']:.2f}",
            f"{100 * theirs['idf1']:.2f}",
        )
    Console().print(table)


def cost(things: int = 20, frames: int = 200) -> float:
    """Returns the median milliseconds for a frame of things with masks of 80 x 60 px."""
    places = [(10 + 105 * (n % 6), 10 + 100 * (n // 6)) for n in range(things)]
    mask = np.ones((60, 80), np.bool_)
    seconds, tracker = [], Tracker(SETTINGS)
    for step in range(frames):
        origins = np.array(places) + step % 10
        masks = Masks(origins, (mask,) * things, height=480, width=720)
        corners = np.hstack([origins, origins + [80, 60]]).astype(np.float32)
        found = Detections(
            boxes=corners,
            scores=np.full(things, 0.9, np.float32),
            labels=np.arange(things) % 4,
            names=("mug", "cup", "spoon", "plate"),
            vocabulary_version=0,
            masks=masks,
        )
        begin = time.perf_counter()
        tracker.update(found, step * 100_000_000)
        seconds.append(time.perf_counter() - begin)
    return 1e3 * float(np.median(seconds))


def written(cases: dict[str, Case]) -> dict[str, Any]:
    """Returns detections, truth and our ids, ready for json."""
    result: dict[str, Any] = {}
    for name, case in cases.items():
        sequences = []
        for frames in case.sequences:
            tracker = Tracker(SETTINGS)
            sequences.append([row_of(frame, tracker, case.thresholds) for frame in frames])
        result[name] = {"threshold": float(case.thresholds[0]), "sequences": sequences}
    return {
        "memory": SETTINGS.track_memory,
        "rate": RATE,
        "hits": SETTINGS.track_min_hits,
        "cases": result,
    }


def row_of(frame: Seen, tracker: Tracker, thresholds: np.ndarray) -> dict[str, Any]:
    """Returns one frame of `written`."""
    told = tracker.update(frame.found, frame.stamp, thresholds)
    by_box = {each.box.tobytes(): each.id for each in told}
    ids = [by_box.get(box.tobytes(), 0) for box in frame.found.boxes]
    return {
        "true_ids": frame.truth.ids.tolist(),
        "true_boxes": frame.truth.boxes.tolist(),
        "boxes": frame.found.boxes.tolist(),
        "scores": frame.found.scores.tolist(),
        "ours": ids,
    }


if __name__ == "__main__":
    raise SystemExit(main())
