# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Adapts timm's networks to give maps: the adapted NAME is registered with timm as NAME_dense.

timm's weights for NAME fit NAME_dense.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from timm.layers import LayerNorm2d
from timm.models import register_model
from timm.models._features import FeatureGetterNet
from torch import Tensor, nn

from vit_perception.models.shelf import Variant


def dense_variant(
    build: Callable[..., nn.Module],
    entrypoint: Callable[..., nn.Module],
    parameters: int,
    gmacs: float,
    channels: tuple[int, ...],
    top1: float | None = None,
    **more: Any,
) -> Variant:
    """Registers timm's network in an adapted form, and returns its entry for the shelf.

    Args:
        build: makes NAME_dense from `entrypoint`, `pretrained` and the options of
            `timm.create_model`.
        entrypoint: the function that timm has registered as NAME.
        parameters, gmacs, channels, top1, more: see Variant; multiply-adds in 10**9.
    """

    def create(pretrained: bool = False, **options: Any) -> nn.Module:
        return build(entrypoint, pretrained, **options)

    name = f"{entrypoint.__name__}_dense"
    create.__name__ = create.__qualname__ = name
    register_model(create)
    return Variant(
        name,
        parameters=parameters,
        macs=gmacs * 1e9,
        channels=channels,
        top1=top1,
        **more,
    )


class NormedMaps(FeatureGetterNet):
    """A network's maps, each followed by its own norm, as published for detectors.

    The network continues with the map before its norm. For `timm.create_model`'s `feature_cls`.

    Args:
        model: with timm's `forward_intermediates`.
        out_indices: of its maps.
        options: for `FeatureGetterNet`.
    """

    def __init__(self, model: nn.Module, out_indices: Any = 4, **options: Any) -> None:
        super().__init__(model, out_indices, **options)
        widths = self.feature_info.channels()
        self.norms = nn.ModuleList(self.make_norm(width) for width in widths)

    @staticmethod
    def make_norm(channels: int) -> nn.Module:
        """Returns a norm over [B, C, H, W]."""
        return LayerNorm2d(channels, eps=1e-6)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Returns maps [B, C, H, W] of images [B, 3, H, W]."""
        return [norm(x) for norm, x in zip(self.norms, self.maps(x), strict=True)]

    def maps(self, x: Tensor) -> list[Tensor]:
        """Returns maps before their norms."""
        found: list[Tensor] = FeatureGetterNet.forward(self, x)
        return found


def gather_biases_anew(model: nn.Module) -> nn.Module:
    """Makes LeViT-like attention of timm gather its biases in each pass, and returns the model.

    In eval mode, timm caches a gathered table, so that weights that are loaded or averaged in
    place afterwards would have no effect.
    """
    for module in model.modules():
        if hasattr(module, "attention_bias_cache"):
            module.register_forward_pre_hook(_forget_bias)
    return model


def _forget_bias(module: Any, inputs: object) -> None:  # for several of timm's classes
    module.attention_bias_cache = {}
