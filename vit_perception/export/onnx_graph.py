# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Converts torch modules to ONNX bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import onnx
import torch
from torch import Tensor, nn

OPSET = 17
"""Lowest operator set with all operators of the graph contract; all supported engines read it."""


def to_onnx(
    module: nn.Module,
    arguments: tuple[Tensor, ...],
    inputs: Sequence[str],
    outputs: Sequence[str],
    dynamic: Mapping[str, Mapping[int, str]],
) -> bytes:
    """Traces ``module`` and serialises it.

    Args:
        module: in eval mode.
        arguments: example inputs.
        inputs, outputs: names, in order.
        dynamic: input or output name to {axis: symbol} for axes whose size is free.
    """
    # The tracing exporter accepts a buffer, but its signature has only file names.
    buffer: Any = io.BytesIO()
    with warnings.catch_warnings():
        # The tracer warns about every Python number it keeps constant; they are constant here.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            arguments,
            buffer,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: dict(axes) for name, axes in dynamic.items()},
            opset_version=OPSET,
            dynamo=False,
        )
    graph = onnx.load_from_string(buffer.getvalue())
    onnx.checker.check_model(graph, full_check=True)
    serialised: bytes = graph.SerializeToString()
    return serialised
