# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which layers of a graph take how long in ONNX Runtime on this machine."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import onnx
import onnxruntime
from numpy.typing import NDArray

from vit_perception.engine.cpu_affinity import engine_threads
from vit_perception.engine.onnxruntime import CPU
from vit_perception.output.scratch import scratch_folder

ROUNDS = 15
_WARM = 3
_SUFFIX = "_kernel_time"


def layer_times(
    model: bytes,
    inputs: dict[str, NDArray[Any]],
    layer_of: Mapping[str, str],
    threads: int = 0,
) -> dict[str, float]:
    """Returns the median milliseconds of each layer, by ONNX Runtime's own clock.

    The engine joins and renames nodes, and calls them or what they write after a node or a tensor
    of the graph: a node belongs to the layer of the longest of these names that its own begins
    with. What has another name, as changes of the layout in memory, belongs to what it reads.

    Args:
        model: ONNX file.
        inputs: of one pass.
        layer_of: from the nodes and tensors of the float graph to their layer; "" for none.
        threads: of the engine; 0 for its default.

    Returns:
        By layer; what belongs to none is under "".

    Raises:
        OutputError: temporary files cannot be written.
    """
    with scratch_folder() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = engine_threads(threads)
        options.log_severity_level = 3
        options.enable_profiling = True
        options.profile_file_prefix = str(folder / "profile")
        options.optimized_model_filepath = str(folder / "optimized.onnx")
        session = onnxruntime.InferenceSession(model, options, providers=[CPU])
        for _ in range(_WARM + ROUNDS):
            session.run(None, inputs)
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        nodes = onnx.load(folder / "optimized.onnx").graph.node
    layers = _layers(nodes, layer_of)
    passes: dict[str, list[float]] = defaultdict(list)
    for event in events:
        name = str(event.get("name", ""))
        if event.get("cat") == "Node" and name.endswith(_SUFFIX):
            passes[name.removesuffix(_SUFFIX)].append(event["dur"] / 1000)
    times: dict[str, float] = defaultdict(float)
    for name, measured in passes.items():
        times[layers.get(name, "")] += median(measured[_WARM:])
    return dict(times)


def _layers(nodes: Iterable[onnx.NodeProto], layer_of: Mapping[str, str]) -> dict[str, str]:
    """Returns the layer of each node of the engine's graph, whose nodes are in order."""
    known = sorted(filter(None, layer_of), key=len, reverse=True)
    written: dict[str, str] = {}
    layers = {}
    for node in nodes:
        names = (node.name, *node.output)
        found = next((each for each in known for name in names if name.startswith(each)), None)
        before = (written[tensor] for tensor in node.input if tensor in written)
        layers[node.name] = next(before, "") if found is None else layer_of[found]
        written.update(dict.fromkeys(node.output, layers[node.name]))
    return layers
