# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""timm's interface for a network that makes all of its maps together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from timm.models._features import feature_take_indices
from torch import Tensor

from vit_perception.models.staged import Headed


class JointMaps(Headed, ABC):
    """Maps, and a linear layer on the mean of the coarsest.

    A subclass calls `assemble` at the end of its `__init__`, and gives `maps`.
    """

    def assemble(
        self, *, channels: Sequence[int], reductions: Sequence[int], num_classes: int
    ) -> None:
        """Sets what timm asks for.

        Args:
            channels, reductions: of the maps.
            num_classes: of the head.
        """
        self.num_features = self.head_hidden_size = channels[-1]
        self.feature_info = [
            {"num_chs": width, "reduction": stride, "module": f"maps.{index}"}
            for index, (width, stride) in enumerate(zip(channels, reductions, strict=True))
        ]
        self.reset_classifier(num_classes)

    @abstractmethod
    def maps(self, x: Tensor) -> list[Tensor]:
        """Returns maps [B, C, h, w] of images [B, 3, H, W], finest first."""

    def forward(self, x: Tensor) -> Tensor:
        """Returns logits of images [B, 3, H, W]."""
        return self.forward_head(self.forward_features(x))

    def forward_features(self, x: Tensor) -> Tensor:
        """Returns the last map."""
        return self.maps(x)[-1]

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Returns logits of the last map, or the features before them."""
        features = x.mean((2, 3))
        return features if pre_logits else self.head(features)

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | list[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> Any:
        """Returns some maps, and the last map unless `intermediates_only`; see timm."""
        if output_fmt != "NCHW" or norm:
            raise ValueError("this backbone gives NCHW maps, without another norm")
        taken, _ = feature_take_indices(len(self.feature_info), indices)
        maps = self.maps(x)
        some = [maps[index] for index in taken]
        return some if intermediates_only else (maps[-1], some)

    def prune_intermediate_layers(
        self,
        indices: int | list[int] | None = 1,
        prune_norm: bool = False,
        prune_head: bool = True,
    ) -> list[int]:
        """Removes the head; all else takes part in each map. See timm."""
        taken, _ = feature_take_indices(len(self.feature_info), indices)
        if prune_head:
            self.reset_classifier(0)
        return taken
