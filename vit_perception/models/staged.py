# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""timm's interface for a network that consists of a stem and stages.

With it, `timm.create_model(name)` makes a classifier, and with `features_only=True` the maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from timm.layers import calculate_drop_path_rates
from timm.models import build_model_with_cfg
from timm.models._features import feature_take_indices
from torch import Tensor, nn


class Headed(nn.Module):
    """A network with a linear layer at its end, as timm exchanges it.

    Attributes:
        num_features: channels of what the layer takes.
        head: the layer; identity with 0 classes.
    """

    num_features: int
    head: nn.Module

    def get_classifier(self) -> nn.Module:
        """Returns the last linear layer."""
        return self.head

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replaces the last linear layer by a new one, or none for 0 classes."""
        self.num_classes = num_classes
        self.head = nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()


class StagedBackbone(Headed):
    """A stem, stages of maps and a head.

    A subclass calls `assemble` at the end of its `__init__`. The output of a stage is both a
    feature map and the input of the next one.

    Attributes:
        stem: [B, 3, H, W] to [B, C, h, w].
        stages: each [B, C, h, w] to [B, C', h', w'].
        neck: the last map to features [B, D]: norms and pooling of the classification head.
        head: features to logits [B, num_classes]; identity with 0 classes.
    """

    def assemble(
        self,
        stem: nn.Module,
        stages: Sequence[nn.Module],
        neck: nn.Module,
        *,
        channels: Sequence[int],
        reductions: Sequence[int],
        num_classes: int,
    ) -> None:
        """Sets the parts of the network.

        Args:
            stem, stages, neck: see the class.
            channels, reductions: of each stage's output.
            num_classes: of the head.
        """
        self.stem = stem
        self.stages = nn.ModuleList(stages)
        self.neck = neck
        self.num_features = self.head_hidden_size = channels[-1]
        self.feature_info = [
            {"num_chs": width, "reduction": stride, "module": f"stages.{index}"}
            for index, (width, stride) in enumerate(zip(channels, reductions, strict=True))
        ]
        self.reset_classifier(num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Returns logits of images [B, 3, H, W]."""
        return self.forward_head(self.forward_features(x))

    def forward_features(self, x: Tensor) -> Tensor:
        """Returns the last map."""
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return x

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Returns logits of the last map, or the features before them."""
        x = self.neck(x)
        return x if pre_logits else self.head(x)

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | list[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> Any:
        """Returns maps of some stages, and the last map unless `intermediates_only`; see timm."""
        if output_fmt != "NCHW" or norm:
            raise ValueError("this backbone gives NCHW maps, without another norm")
        taken, last = feature_take_indices(len(self.stages), indices)
        x = self.stem(x)
        maps = []
        for index, stage in enumerate(self.stages):
            if stop_early and index > last:
                break
            x = stage(x)
            if index in taken:
                maps.append(x)
        return maps if intermediates_only else (x, maps)

    def prune_intermediate_layers(
        self,
        indices: int | list[int] | None = 1,
        prune_norm: bool = False,
        prune_head: bool = True,
    ) -> list[int]:
        """Removes what the chosen maps do not need; see timm."""
        taken, last = feature_take_indices(len(self.stages), indices)
        self.stages = self.stages[: last + 1]
        if prune_head:
            self.neck = nn.Identity()
            self.reset_classifier(0)
        return taken


def stagewise_rates(rate: float, depths: Sequence[int]) -> list[list[float]]:
    """Returns the rates of stochastic depth per stage.

    Args:
        rate: of the last block; rises linearly from 0.
        depths: blocks of the stages.
    """
    rates = calculate_drop_path_rates(rate, list(depths), stagewise=True)
    return cast("list[list[float]]", rates)


def build(kind: type[nn.Module], name: str, pretrained: bool, **options: Any) -> nn.Module:
    """Builds one of our networks in a function under `timm.models.register_model`.

    Returns a `kind`, or timm's wrapper around it that returns its maps.

    Raises:
        ValueError: pretrained weights were asked for; there are none.
    """
    if pretrained:
        raise ValueError(f"{name}: there are no pretrained weights, found pretrained=True")
    # timm passes these for weights.
    for key in ("pretrained_cfg", "pretrained_cfg_overlay", "cache_dir"):
        options.pop(key, None)
    return build_model_with_cfg(
        kind,
        name,
        False,
        # Without a size: timm would make options of it that not every network has.
        pretrained_cfg={"architecture": name, "num_classes": 1000, "input_size": None},
        feature_cfg={"feature_cls": "getter", "out_indices": None},  # all
        **options,
    )
