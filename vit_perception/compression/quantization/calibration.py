# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Measures the ranges of a graph's tensors on pictures."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationMethod
from onnxruntime.quantization.calibrate import TensorsData, create_calibrator

from vit_perception.compression.quantization.front import front, leading_to
from vit_perception.compression.quantization.selection import OPERATORS
from vit_perception.output.scratch import scratch_folder

METHODS = {
    "minmax": (CalibrationMethod.MinMax, {}),
    # Leaves out one value in 100,000 at either end.
    "percentile": (CalibrationMethod.Percentile, {"percentile": 99.999, "symmetric": False}),
    "entropy": (CalibrationMethod.Entropy, {"symmetric": False}),
}
"""How a range is chosen from the values seen, with ONNX Runtime's options.

Ranges are never made symmetric: activations are unsigned.
"""
# ONNX Runtime stores every tensor for this many pictures before it counts their values.
_PICTURES_AT_ONCE = 4


def calibrated(
    model: onnx.ModelProto,
    nodes: Sequence[str],
    images: Iterable[NDArray[np.uint8]],
    method: str,
    image: str = "image",
) -> TensorsData:
    """Returns the ranges of all tensors that the nodes read or write.

    Only the part of the graph that leads to the nodes runs. It depends on no input but the
    picture, so the vocabulary does not matter.

    Args:
        model: with the types of its tensors inferred.
        nodes: names, see `quantizable`.
        images: uint8 [1, height, width, 3], at least one.
        method: a key of METHODS.
        image: the input with the picture.

    Raises:
        OutputError: temporary files cannot be written.
    """
    kind, options = METHODS[method]
    remaining = iter(images)
    with scratch_folder() as folder, contextlib.redirect_stdout(io.StringIO()):
        path = folder / "upstream.onnx"
        onnx.save(_upstream(model, set(nodes), image), path)
        calibrator = create_calibrator(
            path,
            list(OPERATORS),
            augmented_model_path=str(folder / "augmented.onnx"),
            calibrate_method=kind,
            extra_options=options,
        )
        while some := list(islice(remaining, _PICTURES_AT_ONCE)):
            calibrator.collect_data(_Feeds(image, some))
        return calibrator.compute_data()


class _Feeds:
    """Pictures in the form that ONNX Runtime's calibrators take."""

    def __init__(self, image: str, pictures: Sequence[NDArray[np.uint8]]) -> None:
        self._feeds = iter([{image: picture} for picture in pictures])

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        return next(self._feeds, None)


def _upstream(model: onnx.ModelProto, names: set[str], image: str) -> onnx.ModelProto:
    """Returns the model reduced to what nodes of these names need."""
    nodes = leading_to(model.graph, names)
    # Tensors that a kept node reads are observed; the others must be outputs.
    read = {tensor for node in nodes for tensor in node.input}
    ends = [tensor for node in nodes for tensor in node.output if tensor not in read]
    return front(model, nodes, ends, image)
