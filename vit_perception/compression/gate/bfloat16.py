# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Adds bfloat16 to a bundle: no graph of its own, but what OpenVINO makes of the float one.

Half of float's bits with all of its range: nothing is calibrated, and no single layer can be put
back.
"""

from __future__ import annotations

from pathlib import Path

import onnx

from vit_perception.bundle.bundle import Bundle
from vit_perception.compression.added_graph import check_target, with_graph
from vit_perception.compression.gate.frames import read_frames
from vit_perception.compression.gate.gate import Checked, GateSettings
from vit_perception.compression.gate.gated import Bar, Gated, no_bar, quality_of
from vit_perception.compression.gate.judge import Judge, drop_of
from vit_perception.compression.gate.search import Mended
from vit_perception.compression.quantization.float_graph import QuantizationError, Quantized
from vit_perception.engine.factory import OPENVINO
from vit_perception.perceiver.settings import BF16, EngineSettings
from vit_perception.wording import shown_path


def bfloat16_bundle(
    bundle: Bundle,
    directory: str | Path,
    *,
    check: Path,
    count: int = 200,
    settings: GateSettings,
    threads: int = 0,
    bar: Bar = no_bar,
) -> Gated:
    """Writes a copy of a bundle with the precision "bf16", if it keeps the figures.

    Args:
        bundle: with a graph "fp32".
        directory: destination, see `with_graph`.
        check: a bag, a data set or a folder of pictures to compare on.
        count: limit of pictures, at least 1.
        settings: what it has to keep.
        threads: of the engines that are compared; 0 for their default.
        bar: shows how far it is.

    Raises:
        QuantizationError: it loses more than is allowed.
        MediaError, BagError, EvaluationError: the pictures cannot be read.
        BundleError: there is no fp32 graph, it changed meanwhile, or the destination is no bundle.
        OutputError: the destination cannot be written.
        SessionError: OpenVINO is not installed, or the CPU has no bfloat16.
        PerceiverError, VocabularyError: the bundle cannot be run on the pictures.
    """
    check_target(directory, BF16, BF16)
    engine = EngineSettings(BF16, OPENVINO, threads)
    with bar("reading", count) as read:
        frames = read_frames(check, count, bundle, read)
    model = bundle.graph()
    judge = Judge(bundle, frames, threads=threads, engine=engine)
    with bar("comparing", 1) as compared:
        found = _checked(judge, model, settings)
        compared(1)
    quality = quality_of(judge, found, check)
    written = with_graph(
        bundle,
        directory,
        precision=BF16,
        model=model,
        remark=f"the float graph, computed in bfloat16 by OpenVINO; {quality}",
        quality=quality,
    )
    times = judge.latencies_ms({"fp32": model, BF16: model})
    return Gated(written, found, frames.notes, times, {})


def _checked(judge: Judge, model: bytes, settings: GateSettings) -> Checked:
    """Returns how the judge's engine computes a graph; see `gate.checked`.

    Raises:
        QuantizationError: it loses more than is allowed.
    """
    figures = judge.figures(model)
    drop, limit = drop_of(judge.reference, figures), settings.limit(judge)
    if drop > limit:
        raise QuantizationError(
            f"{shown_path(judge.bundle.directory)}: expected {' and '.join(judge.metrics)} to "
            f"fall by at most {limit:g} in bfloat16, found {drop:.4f}"
        )
    nodes = onnx.load_from_string(model).graph.node
    convolutions = sum(node.op_type == "Conv" for node in nodes)
    return Checked(
        graph=Quantized(model, convolutions, convolutions),
        reference=judge.reference,
        figures=figures,
        mended=Mended((), drop, (), exhausted=False),
        layers=(),
        first=figures,
        evaluations=1,
        pictures=len(judge.frames),
        limit=limit,
    )
