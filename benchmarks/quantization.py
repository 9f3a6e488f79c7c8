# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What ways to quantize cost and bring, on labelled pictures: one table, all graphs in turns.

    python benchmarks/quantization.py --bundle tabletop_nano --data samples/tabletop --count 60
    python benchmarks/quantization.py --outlier 30 --data samples/tabletop --count 24

Rows: the float graph, those of each `--method` of `vit-perception quantize`, and NNCF's where it
is installed (benchmarks/requirements-quantization.txt). Ours are also given as the gate leaves
them.

`--outlier N` makes layer N hard first, without changing what the float graph computes: one of its
channels becomes 3,000 times as large, and what reads it a 3,000th. Then the gate and NNCF's
accuracy control mend the same graph for the same limit, and the graphs that each compared are
counted.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.cli.quantize import graph_source
from vit_perception.compression.gate.baselines import NNCF, nncf_graph
from vit_perception.compression.gate.frames import GateFrames, read_frames
from vit_perception.compression.gate.gate import GateSettings, checked
from vit_perception.compression.gate.journal import Journal
from vit_perception.compression.gate.judge import Judge, drop_of
from vit_perception.compression.gate.maker import maker
from vit_perception.compression.quantization.float_graph import QuantizationError, simplified
from vit_perception.compression.quantization.method_names import PAPERS, RANGES
from vit_perception.compression.quantization.qdq import Calibrated
from vit_perception.evaluation.latency import take_turns
from vit_perception.evaluation.tables import table
from vit_perception.perceiver.stages import StageTimes

EIGHT_BITS = (*RANGES, *PAPERS)
OUTLIER = 3000.0
NO_NNCF = "without NNCF: it is not installed (benchmarks/requirements-quantization.txt)"


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", default="tabletop_nano", help="bundle folder or bundled name")
    parser.add_argument("--data", type=Path, required=True, help="labelled recording or pictures")
    parser.add_argument("--count", type=int, default=60, help="pictures (60)")
    parser.add_argument("--max-drop", type=float, default=0.01)
    parser.add_argument("--budget", type=int, default=60, help="comparisons of the gate (60)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--methods", nargs="+", choices=EIGHT_BITS, default=EIGHT_BITS)
    parser.add_argument("--outlier", type=int, help="layer to make hard")
    options = parser.parse_args()
    bundle = Bundle.load(find_bundle(options.bundle))
    frames = read_frames(options.data, options.count, bundle)
    judge = Judge(bundle, frames, threads=1)
    print(f"{bundle.name}, {len(frames)} pictures of {options.data}, {os.cpu_count()} CPUs, "
          f"load average {os.getloadavg()[0]:.1f}")  # fmt: skip
    if options.outlier is not None:
        contest(judge, options)
        return 0
    graphs = {"fp32": bundle.graph()}
    for method in options.methods:
        graphs |= ours(judge, method, options)
    if find_spec(NNCF):
        graphs["int8 NNCF"] = nncf_graph(bundle.graph(), pixels(frames))
    else:
        print(NO_NNCF, file=sys.stderr)
    compare(judge, graphs, options)
    return 0


def ours(judge: Judge, method: str, options: argparse.Namespace) -> dict[str, bytes]:
    """Returns the graph of a method with all layers in eight bits, and as the gate leaves it."""
    found = maker(judge.bundle, pixels(judge.frames), method, graph_source)
    graphs = {f"int8 {method}": found.graph().model}
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal", method)
        settings = GateSettings(options.max_drop, options.budget)
        try:
            gated = checked(judge, found, settings, journal)
        except QuantizationError as error:
            print(f"{method}: {error}")
        else:
            if gated.mended.floats:
                floats = len(gated.mended.floats)
                graphs[f"int8 {method}, {floats} layers float"] = gated.graph.model
    return graphs


def compare(judge: Judge, graphs: dict[str, bytes], options: argparse.Namespace) -> None:
    """Prints figures, size, time and memory of all graphs."""
    laid = judge.frames.laid[0]
    calls: dict[str, Callable[[], object]] = {}
    for name, graph in graphs.items():
        for threads in options.threads:
            network = judge.opened(graph, threads)
            calls[f"{name}@{threads}"] = partial(network.run, laid, judge.query, StageTimes())
    timing = take_turns(calls, options.rounds)
    rows = []
    for name, graph in graphs.items():
        figures = judge.figures(graph)
        ms = [timing.median_ms(f"{name}@{threads}") for threads in options.threads]
        ratios = [timing.ratio(f"fp32@{n}", f"{name}@{n}") for n in options.threads]
        rows.append([
            name,
            *(f"{figures[metric]:.4f}" for metric in judge.metrics),
            f"{drop_of(judge.reference, figures):+.4f}",
            f"{len(graph) / 1e6:.1f}",
            *(f"{value:.1f}" for value in ms),
            *(f"{value:.2f}" for value in ratios),
            f"{peak_mb(judge, graph):.0f}",
        ])  # fmt: skip
    head = ["graph", *judge.metrics, "fell by", "MB"]
    head += [f"ms, {n} thr." for n in options.threads]
    head += [f"times as fast, {n}" for n in options.threads] + ["peak MB"]
    print(table(head, rows))


def peak_mb(judge: Judge, graph: bytes) -> float:
    """Returns the growth of the highest memory of a process that runs the graph, in MB."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            network = judge.opened(graph, 1)
            for _ in range(3):
                network.run(judge.frames.laid[0], judge.query, StageTimes())
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            os.write(write, f"{(after - before) / 1024}".encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        text = told.read()
    os.waitpid(child, 0)
    return float(text or "nan")


def pixels(frames: GateFrames) -> list[np.ndarray]:
    """Returns the pictures as networks take them."""
    return [laid.pixels for laid in frames.laid]


def contest(judge: Judge, options: argparse.Namespace) -> None:
    """Lets the gate and NNCF's accuracy control mend a graph with one hard layer."""
    hard, layer = with_outlier(judge.bundle.graph(), options.outlier)
    before = drop_of(judge.reference, judge.figures(hard))
    print(f"hard layer: {layer}; the float graph changes by {before:+.4f}")
    found = Calibrated(hard, pixels(judge.frames), "minmax")
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal", "contest")
        try:
            gated = checked(judge, found, GateSettings(options.max_drop, options.budget), journal)
        except QuantizationError as error:
            print(f"gate: {error}")
        else:
            first = drop_of(judge.reference, gated.first)
            print(
                f"gate: fell by {first:.4f} with all layers, {gated.drop:.4f} after "
                f"{gated.evaluations} comparisons, float: {', '.join(gated.mended.floats)}"
            )
    if not find_spec(NNCF):
        print(NO_NNCF, file=sys.stderr)
        return
    from quantization_nncf import controlled

    print(controlled(hard, judge, options.max_drop))


def with_outlier(model: bytes, place: int) -> tuple[bytes, str]:
    """Returns a graph in which one channel of a convolution is large, and its layer's name.

    The convolution is followed by a ReLU, which only convolutions of one group read.
    """
    graph = simplified(model)
    weights = {tensor.name: tensor for tensor in graph.graph.initializer}
    hard = []
    for node in graph.graph.node:
        if node.op_type != "Conv":
            continue
        relu = [n for n in graph.graph.node if node.output[0] in n.input]
        if [n.op_type for n in relu] != ["Relu"]:
            continue
        readers = [n for n in graph.graph.node if relu[0].output[0] in n.input]
        if readers and all(n.op_type == "Conv" and _groups(n) == 1 for n in readers):
            hard.append((node, readers))
    node, readers = hard[place % len(hard)]
    for name in node.input[1:]:
        _scale(weights[name], 0, OUTLIER)
    for reader in readers:
        _scale(weights[reader.input[1]], 1, 1 / OUTLIER)
    return graph.SerializeToString(), node.name


def _groups(node: onnx.NodeProto) -> int:
    return next((each.i for each in node.attribute if each.name == "group"), 1)


def _scale(tensor: onnx.TensorProto, axis: int, factor: float) -> None:
    values = numpy_helper.to_array(tensor).copy()
    values[(slice(None),) * axis + (0,)] *= factor
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


if __name__ == "__main__":
    raise SystemExit(main())
