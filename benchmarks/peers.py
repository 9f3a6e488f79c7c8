# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""DOSOD-S with a live vocabulary of 80 names against YOLOv8s, both with random weights.

Same input size, engine, threads and run; ONNX Runtime fp32. YOLOv8s is exported by its own
exporter, without its suppression. A bundle of ours follows at its own size, in each precision and
each engine of `--providers`. Needs the workshop and benchmarks/requirements-peers.txt,
in an environment of its own.

    python benchmarks/peers.py --threads 2
"""

from __future__ import annotations

import argparse
import os
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.engine.factory import open_session
from vit_perception.engine.session import Session
from vit_perception.evaluation.latency import take_turns
from vit_perception.export.graph_files import live_graph
from vit_perception.models.detectors.dosod import dosod_nano, dosod_s

SIZE, NAMES = 640, 80


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--bundle", default="tabletop_nano", help="folder or bundled name")
    parser.add_argument("--providers", nargs="+", default=["cpu"], help="engines of the bundle")
    options = parser.parse_args()
    sessions = {
        "YOLOv8s": open_session(yolov8s(), threads=options.threads),
        "DOSOD-S live": open_session(ours(dosod_s, SIZE), threads=options.threads),
        "DOSOD-nano live": open_session(ours(dosod_nano, SIZE), threads=options.threads),
    }
    bundle = Bundle.load(find_bundle(options.bundle))
    for precision, provider in product(bundle.graphs, options.providers):
        sessions[f"{bundle.name} {bundle.input_height} px, {precision} on {provider}"] = (
            open_session(bundle.graph(precision), provider=provider, threads=options.threads)
        )
    timing = take_turns(
        {name: call(session) for name, session in sessions.items()}, options.rounds
    )
    load = os.getloadavg()[0]
    title = f"{SIZE}x{SIZE}, {NAMES} names, {options.threads} threads, load average {load:.1f}"
    table = Table("model", "median ms", "p95 ms", "ratio to YOLOv8s", title=title)
    for name in sessions:
        ratio = timing.ratio(name, "YOLOv8s")
        table.add_row(
            name, f"{timing.median_ms(name):.1f}", f"{timing.p95_ms(name):.1f}", f"{ratio:.3f}"
        )
    Console().print(table)
    return 0


def ours(create, size: int) -> bytes:  # noqa: ANN001
    """Returns a DOSOD with random weights and BatchNorm statistics that fit noise."""
    torch.manual_seed(0)
    model = create()
    with torch.no_grad():
        for _ in range(3):
            model.features(torch.rand(2, 3, 320, 320))
        example = model.embed(torch.nn.functional.normalize(torch.randn(4, model.text_dimension)))
    return live_graph(model.eval(), size, size, example)


def yolov8s() -> bytes:
    """Returns YOLOv8s from its configuration, exported by ultralytics."""
    try:
        from ultralytics import YOLO
    except ImportError:
        raise SystemExit(
            "needs ultralytics: pip install -r benchmarks/requirements-peers.txt"
        ) from None
    with tempfile.TemporaryDirectory() as folder:
        here = Path.cwd()
        os.chdir(folder)
        try:
            path = YOLO("yolov8s.yaml").export(format="onnx", imgsz=SIZE, simplify=False)
            return Path(path).resolve().read_bytes()
        finally:
            os.chdir(here)


def call(session: Session):  # noqa: ANN201
    """Returns a run of the session on noise, without arguments."""
    rng = np.random.default_rng(0)
    feed: dict[str, np.ndarray] = {}
    if "image" in session.input_names:
        shape = next(value for value in session.inputs if value.name == "image").shape
        feed["image"] = rng.integers(0, 256, [side or 1 for side in shape], np.uint8)
        feed["class_thresholds"] = np.full(NAMES, 0.25, np.float32)
        width = next(value for value in session.inputs if value.name == "class_embeddings").shape[
            1
        ]
        feed["class_embeddings"] = rng.normal(size=(NAMES, width)).astype(np.float32) * 0.1
        if "anything_embedding" in session.input_names:
            feed["anything_embedding"] = feed["class_embeddings"][:1]
    else:
        feed[session.input_names[0]] = rng.random((1, 3, SIZE, SIZE), np.float32)
    return lambda: session.run(feed)


if __name__ == "__main__":
    raise SystemExit(main())
