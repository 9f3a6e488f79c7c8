# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How a graph can be quantized, by name, without what a method needs to run."""

from __future__ import annotations

from vit_perception.perceiver.settings import BF16

RANGES = ("minmax", "percentile", "entropy")
"""A range for each tensor, chosen by ONNX Runtime from the values seen (`calibration.METHODS`)."""
FP16 = "fp16"
"""Half precision; also the name of its graph."""
PAPERS = ("mse", "output-error", "repq", "q-hyvit")
"""Methods of `quantization.methods`, with eight bits (`methods.graphs.CONFIGS`)."""
SIMULATED = {
    "adalog": "has logarithms, which QuantizeLinear has not",
    "llm-fp4": "has floating-point codes, which QuantizeLinear has not",
    "noisyquant": "adds noise before a layer rounds its input; in a graph the layer before has "
    "rounded it already",
    "lrp-qvit": "estimates which layers may have fewer bits; the gate measures it",
}
"""Methods that no graph is made of, and why; see doc/quantizers.md."""
METHODS = (*RANGES, *PAPERS, FP16, BF16)


def checked_method(name: str) -> str:
    """Returns the name of a method for graphs.

    Raises:
        ValueError: it only simulates, or is unknown; one line.
    """
    if name in METHODS:
        return name
    known = ", ".join(METHODS)
    if name in SIMULATED:
        raise ValueError(f"expected one of {known}, found {name}, which {SIMULATED[name]}")
    raise ValueError(f"expected one of {known}, found {name!r}")
