# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What makes graphs of fewer bits, by the name of a method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vit_perception.bundle.bundle import Bundle
from vit_perception.compression.quantization.float_graph import QuantizationError
from vit_perception.compression.quantization.half import Halved
from vit_perception.compression.quantization.method_names import FP16, PAPERS
from vit_perception.compression.quantization.qdq import Calibrated
from vit_perception.compression.quantization.quantize import told

if TYPE_CHECKING:
    from vit_perception.compression.quantization.methods.graphs import GraphSource

Source = Callable[[Bundle], "GraphSource"]
"""Returns what a bundle's graph is written from."""


def maker(
    bundle: Bundle,
    images: Sequence[NDArray[np.uint8]],
    method: str,
    source: Source | None = None,
    progress: Callable[[int], object] = lambda done: None,
) -> Calibrated | Halved:
    """Returns what makes graphs of a bundle.

    Args:
        bundle: with a graph "fp32".
        images: for calibration, uint8 [1, height, width, 3].
        method: one of `method_names.METHODS`.
        source: needed by the papers' methods, which run on the network and not on its graph.
        progress: called with the number of images seen.

    Raises:
        QuantizationError: nothing can be quantized, or the method cannot run on the bundle.
        OutputError: temporary files cannot be written.
    """
    if method == FP16:
        return Halved(bundle.graph())
    if method not in PAPERS:
        return Calibrated(bundle.graph(), told(images, progress), method)
    from vit_perception.compression.quantization.methods.graphs import found_by

    if source is None:
        raise QuantizationError(f"method {method}: expected the network of the bundle, found none")
    graph, codes = found_by(source(bundle), images, method)
    made = Calibrated(graph, told(images, progress), codes=codes)
    if not made.found:
        raise QuantizationError(
            f"method {method}: expected layers of the network in its graph, found none of "
            f"{len(codes)}"
        )
    return made


def depends_on(bundle: Bundle, method: str) -> list[str]:
    """Returns what the graphs of a method depend on beside a bundle's float graph."""
    if method not in PAPERS:
        return []
    import torch

    files = [f"{name} {digest}" for name, digest in sorted(bundle.sha256.items())]
    # Sums in other orders may round a code another way.
    return [*files, f"torch {torch.__version__}, {torch.get_num_threads()} threads"]
