# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""YOLOv8's head for a closed set of classes, with the branches of DOSOD's (card 11)."""

from __future__ import annotations

from torch import nn

from vit_perception.models.fusing import bias_of
from vit_perception.models.heads.dosod_head import STRIDES, DOSODHead, rare_logit


class ClosedHead(DOSODHead):
    """DOSOD's head, whose class branches end in logits instead of class embeddings.

    Args:
        channels: neck channels per level.
        class_width: channels of the class branch; None for max(P3 channels, min(classes, 100)).
        classes: of the closed set.
        activation: "silu" (the paper's) or "relu".
    """

    def __init__(
        self,
        channels: tuple[int, int, int],
        class_width: int | None,
        classes: int,
        activation: str = "silu",
    ) -> None:
        if class_width is None:
            class_width = max(channels[0], min(classes, 100))
        super().__init__(channels, class_width, classes, classes, 0, activation)
        for branch, stride in zip(self.class_branches, STRIDES, strict=True):
            nn.init.constant_(bias_of(branch.last), rare_logit(classes, stride))
        self.cls_contrasts = nn.ModuleList(nn.Identity() for _ in STRIDES)
