# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""CvT: Introducing Convolutions to Vision Transformers (arXiv 2103.15808, card 47).

Built from the stages of transformers, whose two deviations from the paper are corrected: the
activation, and stochastic depth, which drops the whole stream there at one rate per stage.
Attention uses plain matrix products; its convolutions absorb their norms for inference.

It has no position code, so any size works. Attention of the first stage is global at stride 4 and
costs most of 480x640; `stride_kv=(4, 2, 2)` reduces it to a quarter, for networks trained from
scratch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import torch
from timm.layers import DropPath, QuickGELU
from timm.models import register_model
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vit_perception.models.shelf import Variant
from vit_perception.models.staged import StagedBackbone, build, stagewise_rates

if TYPE_CHECKING:
    from transformers.models.cvt.modeling_cvt import (
        CvtSelfAttention,
        CvtSelfAttentionConvProjection,
        CvtStage,
    )

REDUCTIONS = (4, 8, 16)


class DepthwiseNorm(nn.Module):
    """transformers' depthwise convolution and BatchNorm, with `fuse`."""

    def __init__(self, source: CvtSelfAttentionConvProjection) -> None:
        super().__init__()
        self.convolution = source.convolution
        self.normalization = source.normalization

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, C, H, W] to [B, C, H', W']."""
        out: Tensor = self.normalization(self.convolution(x))
        return out

    @torch.no_grad()
    def fuse(self) -> nn.Conv2d:
        """Returns the same as one convolution with bias."""
        return fuse_conv_bn_eval(self.convolution.eval(), self.normalization.eval())


class Attention(nn.Module):
    """Attention whose queries, keys and values pass a depthwise convolution (card 47, 4).

    Scores are scaled by the full width, not by that of a head.

    Args:
        source: transformers' module, whose parts and their names it reuses.
    """

    def __init__(self, source: CvtSelfAttention) -> None:
        super().__init__()
        self.heads: int = source.num_heads
        self.scale: float = source.scale
        self.with_cls_token = source.with_cls_token
        for part in ("query", "key", "value"):
            convolution = getattr(source, f"convolution_projection_{part}")
            convolution.convolution_projection = DepthwiseNorm(convolution.convolution_projection)
            setattr(self, f"convolution_projection_{part}", convolution)
            setattr(self, f"projection_{part}", getattr(source, f"projection_{part}"))

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """Maps [B, N, C] to [B, N, C]; N = height x width, and one class token in front if any."""
        batch, _, channels = tokens.shape
        token = tokens[:, :1] if self.with_cls_token else None
        cells = tokens[:, 1:] if self.with_cls_token else tokens
        image = cells.transpose(1, 2).reshape(batch, channels, height, width)
        query, key, value = (
            self._projected(part, image, token) for part in ("query", "key", "value")
        )
        context = functional.scaled_dot_product_attention(query, key, value, scale=self.scale)
        return context.transpose(1, 2).reshape(batch, -1, channels)

    def _projected(self, part: str, image: Tensor, token: Tensor | None) -> Tensor:
        """Returns query, key or value [B, heads, N, C / heads]."""
        x = getattr(self, f"convolution_projection_{part}")(image)
        if token is not None:
            x = torch.cat((token, x), dim=1)
        x = getattr(self, f"projection_{part}")(x)
        batch, _, channels = x.shape
        apart: Tensor = x.reshape(batch, -1, self.heads, channels // self.heads)
        return apart.transpose(1, 2)


class Stage(nn.Module):
    """Convolutional embedding and blocks; [B, C, H, W] to [B, C', H', W'].

    Args:
        source: transformers' stage, whose parts and their names it reuses.
        drop_path_rates: of its blocks.
        activation: of the MLPs.
    """

    def __init__(
        self, source: CvtStage, drop_path_rates: Sequence[float], activation: type[nn.Module]
    ) -> None:
        super().__init__()
        self.embedding = source.embedding
        self.layers = source.layers
        self.cls_token: nn.Parameter | None = getattr(source, "cls_token", None)
        layers: list[Any] = list(self.layers)  # its parts are replaced below
        for layer, rate in zip(layers, drop_path_rates, strict=True):
            layer.attention.attention = Attention(layer.attention.attention)
            layer.intermediate.activation = activation()
            # Branches are dropped before they are added.
            layer.drop_path = nn.Identity()
            layer.attention.output.dropout = DropPath(rate)
            layer.output.dropout = DropPath(rate)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the map without the class token."""
        return self.map_and_token(x)[0]

    def map_and_token(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Returns the map and the class token [B, C'], if there is one."""
        x = self.embedding(x)
        batch, channels, height, width = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        if self.cls_token is not None:
            tokens = torch.cat((self.cls_token.expand(batch, -1, -1), tokens), dim=1)
        for layer in self.layers:
            tokens = layer(tokens, height, width)
        token = None
        if self.cls_token is not None:
            token, tokens = tokens[:, 0], tokens[:, 1:]
        return tokens.transpose(1, 2).reshape(batch, channels, height, width), token


class CvT(StagedBackbone):
    """The network.

    Args:
        widths, heads, depths: of the three stages.
        drop_path_rate: of the last block of the last stage; rises from 0 inside that stage.
        quick_gelu: as published; otherwise the exact GELU of transformers.
        stride_kv: of keys and values in the three stages.
        num_classes: of the head; 0 for none.
        in_chans: channels of the image.
    """

    def __init__(
        self,
        widths: Sequence[int],
        heads: Sequence[int],
        depths: Sequence[int],
        drop_path_rate: float = 0.0,
        quick_gelu: bool = True,
        stride_kv: Sequence[int] = (2, 2, 2),
        num_classes: int = 1000,
        in_chans: int = 3,
    ) -> None:
        # Imported late: the other backbones do not need transformers.
        from transformers import CvtConfig, CvtModel

        super().__init__()
        config = CvtConfig(
            num_channels=in_chans,
            embed_dim=list(widths),
            num_heads=list(heads),
            depth=list(depths),
            drop_path_rate=[0.0, 0.0, 0.0],
            stride_kv=list(stride_kv),
        )
        activation = QuickGELU if quick_gelu else nn.GELU
        sources = cast("Sequence[CvtStage]", CvtModel(config).encoder.stages)
        rates = [[0.0] * depths[0], [0.0] * depths[1]]
        rates += stagewise_rates(drop_path_rate, depths[2:])
        self.assemble(
            nn.Identity(),
            [Stage(*each, activation) for each in zip(sources, rates, strict=True)],
            nn.LayerNorm(widths[-1]),
            channels=widths,
            reductions=REDUCTIONS,
            num_classes=num_classes,
        )

    def forward_features(self, x: Tensor) -> Tensor:
        """Returns the class token [B, C]."""
        *first, last = self.stages
        for stage in first:
            x = stage(x)
        assert isinstance(last, Stage)
        _, token = last.map_and_token(x)
        assert token is not None
        return token


def from_transformers(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Renames weights of transformers' `CvtForImageClassification` to the names used here."""
    prefixes = {"cvt.encoder.": "", "layernorm.": "neck.", "classifier.": "head."}
    renamed = {}
    for name, tensor in weights.items():
        old = next(prefix for prefix in prefixes if name.startswith(prefix))
        renamed[prefixes[old] + name.removeprefix(old)] = tensor
    return renamed


@register_model
def cvt_13(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns CvT-13."""
    shape = {"widths": (64, 192, 384), "heads": (1, 3, 6), "depths": (1, 2, 10)}
    return build(CvT, "cvt_13", pretrained, **{**shape, "drop_path_rate": 0.1, **options})


@register_model
def cvt_21(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns CvT-21."""
    shape = {"widths": (64, 192, 384), "heads": (1, 3, 6), "depths": (1, 4, 16)}
    return build(CvT, "cvt_21", pretrained, **{**shape, "drop_path_rate": 0.1, **options})


@register_model
def cvt_w24(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns CvT-W24."""
    shape = {"widths": (192, 768, 1024), "heads": (3, 12, 16), "depths": (2, 2, 20)}
    return build(CvT, "cvt_w24", pretrained, **{**shape, "drop_path_rate": 0.3, **options})


_variant = partial(Variant, card=47, reductions=REDUCTIONS, dynamic=True)

VARIANTS: tuple[Variant, ...] = (
    _variant(
        "cvt_13",
        parameters=19_997_480,
        macs=4.566e9,
        channels=(64, 192, 384),
        top1=81.6,
        representative=True,
    ),
    _variant("cvt_21", parameters=31_622_696, macs=7.178e9, channels=(64, 192, 384), top1=82.5),
    _variant(
        "cvt_w24",
        parameters=277_196_392,
        macs=194.2e9,
        channels=(192, 768, 1024),
        input=(384, 384),
    ),
)
