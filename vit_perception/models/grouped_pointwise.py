# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""gMLP of FMViT: a sum of grouped 1x1 convolutions in training, one 1x1 for inference."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vit_perception.models.fusing import ConvNorm, bias_of, norm_scale

GROUPS = (1, 2, 4, 8)
"""Numbers of groups of the branches (card 20)."""


class GroupedPointwise(nn.Module):
    """Branches of 1x1 convolution and BatchNorm, summed; [B, C_in, H, W] to [B, C_out, H, W].

    Args:
        c_in, c_out: widths.
        groups: of the branches; those that do not divide both widths are left out.
        identity: adds a branch that is only a BatchNorm; None: if the widths are equal.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        groups: Sequence[int] = GROUPS,
        identity: bool | None = None,
    ) -> None:
        super().__init__()
        self.c_in, self.c_out = c_in, c_out
        self.branches = nn.ModuleList(
            ConvNorm(c_in, c_out, groups=count)
            for count in groups
            if c_in % count == 0 and c_out % count == 0
        )
        identity = c_in == c_out if identity is None else identity
        self.identity = nn.BatchNorm2d(c_in) if identity else None

    def forward(self, x: Tensor) -> Tensor:
        """Returns the sum of the branches."""
        parts: list[Tensor] = [branch(x) for branch in self.branches]
        if self.identity is not None:
            parts.append(self.identity(x))
        return sum(parts[1:], parts[0])

    @torch.no_grad()
    def fuse(self) -> nn.Conv2d:
        """Returns the eval-mode form: one dense 1x1 convolution with bias."""
        device = next(self.parameters()).device
        dense = nn.Conv2d(self.c_in, self.c_out, 1, device=device)
        weight = dense.weight.zero_()[:, :, 0, 0]
        bias = bias_of(dense).zero_()
        for branch in self.branches:
            assert isinstance(branch, ConvNorm)
            conv = branch.fuse()
            blocks = conv.weight[:, :, 0, 0].chunk(conv.groups)
            weight += torch.block_diag(*blocks)
            bias += bias_of(conv)
        if self.identity is not None:
            scale, offset = norm_scale(self.identity)
            weight += torch.diag(scale)
            bias += offset
        return dense
