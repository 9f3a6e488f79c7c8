# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The one verb: `quantize`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from vit_perception.compression.quantization.methods.adalog import AdaLog, adalog
from vit_perception.compression.quantization.methods.llm_fp4 import LLMFP4, llm_fp4
from vit_perception.compression.quantization.methods.lrp_qvit import LRPQViT, lrp_qvit
from vit_perception.compression.quantization.methods.noisyquant import NoisyQuant, noisyquant
from vit_perception.compression.quantization.methods.q_hyvit import QHyViT, q_hyvit
from vit_perception.compression.quantization.methods.repq import RepQ, repq
from vit_perception.compression.quantization.methods.uniform import UniformPTQ, uniform
from vit_perception.compression.quantization.simulation.capture import Calibration, batches
from vit_perception.compression.quantization.simulation.layers import set_quantized
from vit_perception.compression.quantization.simulation.wrapped import wrap

_METHODS: dict[type, Callable[[nn.Module, Any, Sequence[Tensor]], None]] = {
    UniformPTQ: uniform,
    RepQ: repq,
    QHyViT: q_hyvit,
    LRPQViT: lrp_qvit,
    LLMFP4: llm_fp4,
    NoisyQuant: noisyquant,
    AdaLog: adalog,
}


def quantize(model: nn.Module, config: Any, calibration: Calibration) -> nn.Module:
    """Returns a copy of a network that computes as if quantized.

    Args:
        model: takes images; stays as it is.
        config: a dataclass of a method; its type chooses the method.
        calibration: images as the network takes them, float [N, 3, H, W], or batches of them.

    Returns:
        The network, its layers `simulation.layers.Layer`s with quantizers.

    Raises:
        ValueError: there are no images, or no method has such a dataclass.
    """
    method = method_of(config)
    images = batches(calibration)
    if not images or not len(images[0]):
        raise ValueError("calibration: expected at least one image, found none")
    made = wrap(model, images[0][:1])
    method(made, config, images)
    set_quantized(made)
    return made


def method_of(config: Any) -> Callable[[nn.Module, Any, Sequence[Tensor]], None]:
    """Returns the method of a dataclass: it gives a wrapped network quantizers, in place.

    Raises:
        ValueError: no method has such a dataclass.
    """
    method = _METHODS.get(type(config))
    if method is None:
        known = ", ".join(each.__name__ for each in _METHODS)
        raise ValueError(f"config: expected one of {known}, found {type(config).__name__}")
    return method
