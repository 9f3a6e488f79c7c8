# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Adds an eight-bit graph to a bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.files import BundleError
from vit_perception.compression.added_graph import check_target, with_graph
from vit_perception.compression.quantization.float_graph import QuantizationError, Quantized
from vit_perception.compression.quantization.qdq import quantize_graph
from vit_perception.engine.factory import open_session
from vit_perception.images.inputs import chosen_pictures, letterboxed
from vit_perception.perceiver.contract import GraphContractError, check_detector
from vit_perception.perceiver.region_mean import region_mean
from vit_perception.wording import shown_path


@dataclass(frozen=True)
class QuantizedBundle:
    """The result of `quantize_bundle`.

    Attributes:
        bundle: at its destination.
        graph: the graph added.
        pictures: number of pictures used for calibration.
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
    """Quantizes the bundle's fp32 graph; metrics and all other files stay.

    Args:
        bundle: with a graph "fp32".
        directory: destination, see `with_graph`.
        data: a data set with images/, or a folder of pictures, similar to those in use.
        count: limit of pictures for calibration, at least 1.
        method: a key of `calibration.METHODS`.
        precision: name of the new graph.
        progress: called with (read, all) for each picture read.

    Raises:
        MediaError: there are no pictures, or one cannot be read.
        QuantizationError: the graph has nothing to quantize, or the result breaks the contract.
        BundleError: there is no fp32 graph, it changed meanwhile, or the destination is no bundle.
        OutputError: the destination or temporary files cannot be written.
        SessionError: the engine refuses the result.
    """
    check_target(directory, precision, method)
    where = shown_path(bundle.directory)
    if "fp32" not in bundle.graphs:
        raise BundleError(f"{where}: expected a graph fp32, found {', '.join(bundle.graphs)}")
    pictures = chosen_pictures(data, count)
    size = (bundle.input_height, bundle.input_width, bundle.pad_value)

    images = told(letterboxed(pictures, *size), lambda done: progress(done, len(pictures)))
    try:
        graph = quantize_graph(bundle.graph(), images, method)
        # A graph that robots would refuse must not replace anything.
        check_detector(open_session(graph.model), bundle)
    except (QuantizationError, GraphContractError) as error:
        raise QuantizationError(f"{where}: {error}") from error
    regions = None
    if bundle.regions is not None:
        images = letterboxed(pictures, *size)
        mean = region_mean(graph.model, bundle.regions.anything, images)
        regions = bundle.regions.with_mean(precision, mean)
    written = with_graph(
        bundle,
        directory,
        precision=precision,
        model=graph.model,
        remark=remark_on(graph, method, len(pictures), data),
        regions=regions,
    )
    return QuantizedBundle(written, graph, len(pictures))


def remark_on(graph: Quantized, method: str, pictures: int, data: Path) -> str:
    """Returns the line of a model card on an eight-bit graph.

    Args:
        graph: that was added.
        method: of the ranges.
        pictures: that these were measured on.
        data: where the pictures are from.
    """
    return (
        f"ONNX Runtime {onnxruntime.__version__} QDQ; {graph.quantized} of "
        f"{graph.convolutions} convolutions in eight bits with the operators between "
        "them, unsigned activations, signed weights with a scale a channel; the "
        f"rest in float; ranges by {method} over {pictures} pictures of "
        f"{shown_path(data.resolve().name)}"
    )


def told(
    images: Iterable[NDArray[np.uint8]], progress: Callable[[int], object]
) -> Iterator[NDArray[np.uint8]]:
    """Yields the images; calls `progress` with the number of each."""
    for done, image in enumerate(images, start=1):
        progress(done)
        yield image
