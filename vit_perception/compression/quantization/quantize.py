# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A bundle to one that also has an eight-bit graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.files import BundleError
from vit_perception.compression.added_graph import check_destination, with_graph
from vit_perception.compression.quantization.calibration import calibration_pictures, letterboxed
from vit_perception.compression.quantization.qdq import (
    QuantizationError,
    Quantized,
    quantize_graph,
)
from vit_perception.engine.factory import open_session
from vit_perception.perceiver.contract import GraphContractError, check_detector
from vit_perception.wording import shown_path


@dataclass(frozen=True)
class QuantizedBundle:
    """What `quantize_bundle` made.

    Attributes:
        bundle: at its destination.
        graph: the graph added.
        pictures: number of pictures that calibrated it.
    """

    bundle: Bundle
    graph: Quantized
    pictures: int


def quantize_bundle(
    bundle: Bundle,
    directory: str | Path,
    *,
    data: Path,
    count: int = 200,
    method: str = "percentile",
    precision: str = "int8",
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> QuantizedBundle:
    """Quantize the bundle's fp32 graph; metrics and all other files stay.

    Args:
        bundle: with a graph "fp32".
        directory: destination, see `with_graph`.
        data: a data set with images/, or a folder of pictures, like those of use.
        count: pictures to calibrate with, at most, at least 1.
        method: a key of `calibration.METHODS`.
        precision: name of the new graph.
        progress: told how many of how many pictures have been read.

    Raises:
        MediaError: no pictures, or one that cannot be read.
        QuantizationError: the graph has nothing to quantize, or the result breaks the contract.
        BundleError: no fp32 graph, or a destination that cannot be written.
        SessionError: the engine refuses the result.
    """
    check_destination(directory, precision)
    where = shown_path(bundle.directory)
    if "fp32" not in bundle.graphs:
        raise BundleError(f"{where}: expected a graph fp32, found {', '.join(bundle.graphs)}")
    pictures = calibration_pictures(data, count)
    size = (bundle.input_height, bundle.input_width, bundle.pad_value)

    images = _told(letterboxed(pictures, *size), len(pictures), progress)
    try:
        graph = quantize_graph(bundle.graph(), images, method)
        # Nothing is replaced by a graph that no robot would take.
        check_detector(open_session(graph.model), bundle)
    except (QuantizationError, GraphContractError) as error:
        raise QuantizationError(f"{where}: {error}") from error
    remark = (
        f"ONNX Runtime {onnxruntime.__version__} QDQ; {graph.quantized} of "
        f"{graph.convolutions} convolutions in eight bits with the operators between "
        "them, unsigned activations, signed weights with a scale a channel; the "
        f"rest in float; ranges by {method} over {len(pictures)} pictures of {data.resolve().name}"
    )
    written = with_graph(bundle, directory, precision=precision, model=graph.model, remark=remark)
    return QuantizedBundle(written, graph, len(pictures))


def _told(
    images: Iterable[NDArray[np.uint8]], count: int, progress: Callable[[int, int], object]
) -> Iterator[NDArray[np.uint8]]:
    """The images; `progress` learns of each."""
    for done, image in enumerate(images, start=1):
        progress(done, count)
        yield image
