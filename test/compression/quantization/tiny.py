# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Tiny networks of timm for tests of quantizers."""

from __future__ import annotations

import vit_perception.models  # noqa: F401  # timm needs torchvision's operators

# isort: split
import timm
import torch
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from test.models.backbones.randomised import randomise

CLASSES = 7


def tiny_vit(seed: int = 0) -> nn.Module:
    """Returns a ViT of two blocks for images of 32 pixels."""
    torch.manual_seed(seed)
    vit = VisionTransformer(
        img_size=32, patch_size=8, embed_dim=48, depth=2, num_heads=3, num_classes=CLASSES
    )
    return randomise(vit, seed)


def tiny_swin(seed: int = 0) -> nn.Module:
    """Returns a Swin of two stages for images of 32 pixels, with shifted windows."""
    torch.manual_seed(seed)
    swin = SwinTransformer(
        img_size=32,
        patch_size=2,
        embed_dim=24,
        depths=(2, 2),
        num_heads=(2, 4),
        window_size=4,
        num_classes=CLASSES,
    )
    return randomise(swin, seed)


def of_timm(name: str, seed: int = 0) -> nn.Module:
    """Returns a network of timm with random weights."""
    torch.manual_seed(seed)
    return randomise(timm.create_model(name, num_classes=CLASSES), seed)


def pictures(count: int, size: int = 32, seed: int = 0) -> Tensor:
    """Returns float images [count, 3, size, size] of noise."""
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))
