# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A ViT trained on drawn shapes: what quantizers cost shows in its accuracy."""

from __future__ import annotations

import copy
from functools import cache

import vit_perception.models  # noqa: F401  # timm needs torchvision's operators

# isort: split
import torch
import torch.nn.functional as F
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

CLASSES = 8
SIDE = 32


def shapes(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Returns images [count, 3, 32, 32] of one shape each and their classes [count].

    Disc, ring, square, frame, plus, cross, upright and lying bar; of any bright colour, size and
    place on a darker one, with noise.
    """
    generator = torch.Generator().manual_seed(seed)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    labels = torch.randint(CLASSES, (count,), generator=generator)
    size = uniform(5, 9, 1, 1)
    x = torch.arange(SIDE) - uniform(12, SIDE - 12, 1, 1)
    y = torch.arange(SIDE)[:, None] - uniform(12, SIDE - 12, 1, 1)
    radius, box = (x.square() + y.square()).sqrt(), torch.maximum(x.abs(), y.abs())
    thin = size / 3
    in_box = box < size
    turned = torch.minimum((x - y).abs(), (x + y).abs()) < 1.4 * thin
    masks = torch.stack(
        [
            radius < size,
            (radius < size) & (radius > size - 2.5),
            in_box,
            in_box & (box > size - 2.5),
            in_box & (torch.minimum(x.abs(), y.abs()) < thin),
            in_box & turned,
            in_box & (x.abs() < thin),
            in_box & (y.abs() < thin),
        ]
    )
    mask = masks[labels, torch.arange(count)][:, None].float()
    front, back = uniform(0.4, 1.5, 3, 1, 1), uniform(-1, 0, 3, 1, 1)
    noise = 0.2 * torch.randn(count, 3, SIDE, SIDE, generator=generator)
    return mask * front + (1 - mask) * back + noise, labels


@cache
def trained_vit(steps: int = 1000, seed: int = 0) -> nn.Module:
    """Returns a ViT of four blocks that tells the shapes apart, in eval mode; takes a minute.

    It is made once; a caller that changes it takes a copy.
    """
    torch.manual_seed(seed)
    vit = VisionTransformer(
        img_size=SIDE, patch_size=8, embed_dim=64, depth=4, num_heads=4, num_classes=CLASSES
    )
    optimizer = torch.optim.AdamW(vit.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for step in range(steps):
        images, labels = shapes(64, seed=10_000 * seed + step)
        loss = F.cross_entropy(vit(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return vit.eval()


@torch.no_grad()
def spread(vit: nn.Module, deviation: float = 0.7, seed: int = 0) -> nn.Module:
    """Returns a copy whose channels behind each LayerNorm differ, as those of large ViTs do.

    Norms are multiplied with log-normal factors, which the weights behind undo: in float the
    function is the same.

    Args:
        vit: of `trained_vit`.
        deviation: of the logarithm of the factors.
        seed: of the factors.
    """
    generator = torch.Generator().manual_seed(seed)
    vit = copy.deepcopy(vit)
    for block in vit.blocks:
        for norm, layer in ((block.norm1, block.attn.qkv), (block.norm2, block.mlp.fc1)):
            factors = deviation * torch.randn(norm.weight.shape, generator=generator)
            norm.weight *= factors.exp()
            norm.bias *= factors.exp()
            layer.weight /= factors.exp()
    return vit


@torch.no_grad()
def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Returns the part of images whose class is found."""
    found = torch.cat([model(batch).argmax(-1) for batch in images.split(256)])
    return float((found == labels).float().mean())
