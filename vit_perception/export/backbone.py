# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Exports a backbone alone as an ONNX graph, for timing, quantization and comparison."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from vit_perception.export.onnx_graph import to_onnx
from vit_perception.models.macs import multiply_adds
from vit_perception.models.shelf import Backbone, for_inference


class FromPictures(nn.Module):
    """A network's form for inference on pictures of the graph contract: uint8 [B, H, W, 3] RGB."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = for_inference(network)

    def forward(self, image: Tensor) -> Any:
        """Returns what the network does of float32 [B, 3, H, W], 0 to 1."""
        return self.network(image.permute(0, 3, 1, 2).float() / 255)


def backbone_graph(
    backbone: Backbone, size: tuple[int, int], *, batch: int = 1, dynamic: bool = False
) -> bytes:
    """Returns the graph of a backbone in its form for inference.

    Args:
        backbone: built for `size` if it depends on the size.
        size: height and width of the input in pixels.
        batch: pictures per run.
        dynamic: leave height and width free; `size` is then only an example.

    Returns:
        A graph from `image` uint8 [B, H, W, 3] RGB to one float32 map [B, C, h, w] per stride,
        named by `output_names`.
    """
    outputs = output_names(backbone)
    image = torch.zeros(batch, *size, 3, dtype=torch.uint8)
    free = {"image": {1: "height", 2: "width"}}
    free |= {name: {2: f"{name}_h", 3: f"{name}_w"} for name in outputs}
    return to_onnx(FromPictures(backbone), (image,), ("image",), outputs, free if dynamic else {})


def output_names(backbone: Backbone) -> tuple[str, ...]:
    """Returns the names of the graph's outputs, one per map, such as stride8."""
    names = [f"stride{stride}" for stride in backbone.reductions]
    # Two branches may have the same stride.
    return tuple(
        name if names.count(name) == 1 else f"{name}_{index}" for index, name in enumerate(names)
    )


def cost(backbone: Backbone, size: tuple[int, int]) -> tuple[int, int]:
    """Returns the parameters of the inference form, and the multiply-adds of one picture."""
    made = for_inference(backbone)
    parameters = sum(parameter.numel() for parameter in made.parameters())
    return parameters, multiply_adds(made, torch.zeros(1, 3, *size))
