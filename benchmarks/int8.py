# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What fewer bits bring: a bundle's fp32 and int8 graphs, and untrained nets of either activation.

All graphs of a table take turns in one run. Speed does not depend on what was learned, so that
the activations are compared on nets with random weights, quantized on noise (needs torch).

    python benchmarks/int8.py --bundle tabletop_nano --data DATASET --threads 1 2

`--providers cpu openvino --no-untrained` compares two engines on the bundle's graphs.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.compression.quantization.qdq import quantize_graph
from vit_perception.compression.quantization.quantize import quantize_bundle
from vit_perception.engine.factory import open_session
from vit_perception.engine.session import SessionError
from vit_perception.evaluation.latency import take_turns

CLASSES = 80


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bundle", default="", help="bundle folder or bundled name")
    parser.add_argument("--data", type=Path, help="calibrates a bundle that has no int8 graph")
    parser.add_argument("--size", type=int, default=320, help="input of the untrained nets")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="(1 2)")
    parser.add_argument("--providers", nargs="+", default=["cpu"], help="engines (cpu)")
    parser.add_argument("--no-untrained", action="store_true", help="the bundle alone, no torch")
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    graphs = {} if options.no_untrained else untrained(options.size)
    graphs |= bundled(Bundle.load(find_bundle(options.bundle)), options.data)
    before = os.getloadavg()[0]
    table = compared(graphs, options.providers, options.threads, options.rounds)
    table.title = (
        f"{CLASSES} names, {os.cpu_count()} CPUs, load average {before:.1f} before and "
        f"{os.getloadavg()[0]:.1f} after"
    )
    Console().print(table)
    return 0


def bundled(bundle: Bundle, data: Path | None) -> dict[str, tuple[bytes, bytes]]:
    """Returns the bundle's graphs, quantized here if it has only fp32 and there are pictures."""
    if "int8" in bundle.graphs:
        return {bundle.name: (bundle.graph(), bundle.graph("int8"))}
    if data is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        made = quantize_bundle(bundle, Path(folder) / "int8", data=data).bundle
        return {bundle.name: (made.graph(), made.graph("int8"))}


def untrained(size: int) -> dict[str, tuple[bytes, bytes]]:
    """Returns dosod_nano with either activation, in fp32 and int8."""
    import torch

    from vit_perception.export.graph_files import live_graph
    from vit_perception.models.detectors.dosod import dosod_nano

    graphs = {}
    for activation in ("silu", "relu"):
        torch.manual_seed(0)
        model = dosod_nano(activation=activation)
        with torch.no_grad():
            for _ in range(10):  # in training mode, so that BatchNorm gets statistics
                model.features(torch.rand(2, 3, size, size))
            model = model.eval().requires_grad_(False)
            embeddings = model.embed(torch.eye(4, 384))
        fp32 = live_graph(model, size, size, embeddings)
        graphs[f"dosod_nano {activation} {size}"] = fp32, quantize_graph(fp32, noise(size)).model
    return graphs


def noise(size: int) -> Iterator[np.ndarray]:
    """Yields random pictures, uint8 [1, size, size, 3]."""
    rng = np.random.default_rng(0)
    for _ in range(4):
        yield rng.integers(0, 256, (1, size, size, 3), np.uint8)


def compared(
    graphs: dict[str, tuple[bytes, bytes]],
    providers: Sequence[str],
    threads: Sequence[int],
    rounds: int,
) -> Table:
    """Returns milliseconds of each graph by engine and number of threads, with ratios.

    "/ bf16" and "/ int8" are within an engine; the last two columns are the first engine's time
    relative to this one's. An engine without bfloat16 has a dash.
    """
    columns = ("fp32 ms", "bf16 ms", "int8 ms", "/ bf16", "/ int8")
    table = Table("graph", "engine", "threads", *columns)
    for precision in ("fp32", "int8"):
        table.add_column(f"{precision}: {providers[0]} / engine")
    calls = {}
    for name, provider, count in product(graphs, providers, threads):
        float_graph, eight_bits = graphs[name]
        pair = (("fp32", float_graph), ("bf16", float_graph), ("int8", eight_bits))
        for precision, model in pair:
            try:
                call = running(model, provider, count, bfloat16=precision == "bf16")
            except SessionError:
                if precision != "bf16":
                    raise
                continue
            calls[str((name, provider, count, precision))] = call
    timing = take_turns(calls, rounds)
    for name, count, provider in product(graphs, threads, providers):
        fp32, bf16, int8 = (
            str((name, provider, count, precision)) for precision in ("fp32", "bf16", "int8")
        )
        times = [f"{timing.median_ms(e):.2f}" if e in calls else "-" for e in (fp32, bf16, int8)]
        ratios = [f"{timing.ratio(fp32, e):.2f}" if e in calls else "-" for e in (bf16, int8)]
        ratios += [
            f"{timing.ratio(str((name, providers[0], count, precision)), own):.2f}"
            for precision, own in (("fp32", fp32), ("int8", int8))
        ]
        table.add_row(name, provider, str(count), *times, *ratios)
    return table


def running(
    model: bytes, provider: str, threads: int, *, bfloat16: bool = False
) -> Callable[[], object]:
    """Returns a call of the graph on noise.

    Raises:
        SessionError: the engine is absent, or has no bfloat16.
    """
    session = open_session(model, provider=provider, threads=threads, bfloat16=bfloat16)
    rng = np.random.default_rng(0)
    shapes = {value.name: value.shape for value in session.inputs}
    feed = {
        "image": rng.integers(0, 256, [size or 1 for size in shapes["image"]], np.uint8),
        "class_thresholds": np.full(CLASSES, 0.25, np.float32),
    }
    for name, rows in (("class_embeddings", CLASSES), ("anything_embedding", 1)):
        if name in shapes:
            width = shapes[name][1] or 1
            feed[name] = rng.normal(size=(rows, width)).astype(np.float32)
    return lambda: session.run(feed)


if __name__ == "__main__":
    raise SystemExit(main())
