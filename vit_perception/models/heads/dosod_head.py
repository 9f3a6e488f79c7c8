# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The decoupled head of DOSOD: box distances, class embeddings and their contrast with text.

Source: card 01, Mechanism. The head has neither BatchNorm nor L2 normalisation between the class
embeddings and the text: a logit is exp(s) * <text, x> + b, so a vocabulary folds into one 1x1
convolution per level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from vit_perception.models.fusing import bias_of
from vit_perception.models.heads.mask_head import MaskHead
from vit_perception.models.layers import ConvModule

STRIDES = (8, 16, 32)
BINS = 16
"""Bins of the distribution over one box side (distribution focal loss)."""

_Member = TypeVar("_Member", bound=nn.Module)


@dataclass(frozen=True)
class HeadOutput:
    """Raw maps of the three levels, strides 8, 16, 32.

    Attributes:
        logits: per level [B, K, h, w] class logits.
        distances: per level [B, 4 * BINS, h, w] side-major (l, t, r, b) bin logits.
        coefficients: per level [B, P, h, w] weights of the prototypes; empty without masks.
        prototypes: [B, P, H / 4, W / 4], or None without masks.
        class_features: per level [B, class_width, h, w], of which `region_embeddings` are made;
            empty with a fixed vocabulary.
    """

    logits: list[Tensor]
    distances: list[Tensor]
    coefficients: tuple[Tensor, ...] = ()
    prototypes: Tensor | None = None
    class_features: tuple[Tensor, ...] = ()


class TextAdaptor(nn.Sequential):
    """MLP from the text encoder's space into the joint space: mlpNx has N linear layers.

    ReLU follows all layers but the last; the output is not normalised.
    Input [..., text_dimension] unit length, output [..., embedding].
    """

    def __init__(self, text_dimension: int, embedding: int, layers: int = 3) -> None:
        if layers == 0 and text_dimension != embedding:
            raise ValueError(
                f"mlp0x is the identity: text dimension {text_dimension} must equal the "
                f"embedding dimension {embedding}"
            )
        sizes = [text_dimension] + [embedding] * layers
        modules: list[nn.Module] = []
        for index in range(layers):
            linear = nn.Linear(sizes[index], sizes[index + 1])
            # torch's default biases exceed the differences between unit-length texts, and a short
            # training is spent on undoing that.
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
            last = index == layers - 1
            modules.append(linear if last else nn.Sequential(linear, nn.ReLU(inplace=True)))
        super().__init__(*modules)


def rare_logit(classes: int, stride: int) -> float:
    """Returns the log of how rare a class is at an anchor: 5 objects on a 640 px picture."""
    return math.log(5 / classes / (640 / stride) ** 2)


class Contrast(nn.Module):
    """Scale and offset of one level's text-image product."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.logit_scale = nn.Parameter(torch.tensor(-1.0))
        # The prior of a rare positive among 80 classes (card 01).
        self.bias = nn.Parameter(torch.tensor(rare_logit(80, stride)))

    def weight(self, class_embeddings: Tensor) -> Tensor:
        """Returns scaled class embeddings [..., K, E]."""
        return class_embeddings * self.logit_scale.exp()


class FixedContrast(nn.Module):
    """A fixed vocabulary as a 1x1 convolution (the paper's reparameterization)."""

    def __init__(self, embedding: int, classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(embedding, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return out


class Branch(nn.Sequential):
    """Two 3x3 convolutions and a 1x1 convolution with bias; [B, C_in, h, w] to [B, C_out, h, w].

    Args:
        c_in, width, c_out: channels before, between and after them.
        activation: after the first two.
    """

    def __init__(self, c_in: int, width: int, c_out: int, activation: str) -> None:
        super().__init__(
            ConvModule(c_in, width, 3, activation=activation),
            ConvModule(width, width, 3, activation=activation),
            nn.Conv2d(width, c_out, 1),
        )

    @property
    def last(self) -> nn.Conv2d:
        """The last convolution."""
        return cast("nn.Conv2d", self[2])

    def features(self, x: Tensor) -> Tensor:
        """Returns the input of the last convolution, [B, width, h, w]."""
        found: Tensor = self[1](self[0](x))
        return found


class DOSODHead(nn.Module):
    """Box and class-embedding branches of three levels, their contrasts and the text adaptor.

    Args:
        channels: neck channels per level.
        class_width: channels of the class branch (max(P3 channels, 80) in the paper).
        embedding: dimension E of the joint space.
        text_dimension: dimension D of the text encoder's output.
        adaptor_layers: linear layers of the adaptor (0, 1, 3 or 5 in the paper).
    """

    def __init__(
        self,
        channels: tuple[int, int, int],
        class_width: int,
        embedding: int,
        text_dimension: int,
        adaptor_layers: int = 3,
        activation: str = "silu",
    ) -> None:
        super().__init__()
        box_width = 4 * BINS
        self.cls_preds = nn.ModuleList(
            Branch(c, class_width, embedding, activation) for c in channels
        )
        self.reg_preds = nn.ModuleList(
            Branch(c, box_width, 4 * BINS, activation) for c in channels
        )
        self.cls_contrasts = nn.ModuleList(Contrast(stride) for stride in STRIDES)
        self.text_mlp: nn.Sequential = TextAdaptor(text_dimension, embedding, adaptor_layers)
        self.embedding = embedding
        for class_branch, box_branch in zip(self.class_branches, self.box_branches, strict=True):
            nn.init.zeros_(bias_of(class_branch.last))
            nn.init.ones_(bias_of(box_branch.last))

    @property
    def class_branches(self) -> list[Branch]:
        """The branches to the class embeddings, per level."""
        return _members(self.cls_preds, Branch)

    @property
    def box_branches(self) -> list[Branch]:
        """The branches to the bins of the distances, per level."""
        return _members(self.reg_preds, Branch)

    @property
    def contrasts(self) -> list[Contrast]:
        """The contrasts of a live vocabulary, per level."""
        return _members(self.cls_contrasts, Contrast)

    @property
    def fixed_contrasts(self) -> list[FixedContrast]:
        """The contrasts of a folded vocabulary, per level."""
        return _members(self.cls_contrasts, FixedContrast)

    @property
    def fixed(self) -> bool:
        """Whether the classes are the head's own, not asked for."""
        return not isinstance(self.cls_contrasts[0], Contrast)

    def folded(self, level: int, class_embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """Folds a vocabulary through the last 1x1 convolution of one class branch.

        Args:
            level: 0, 1, 2 for strides 8, 16, 32.
            class_embeddings: [..., K, E] outputs of the text adaptor.

        Returns:
            weight [..., K, class_width] and bias [..., K]: logits = weight . features + bias.
        """
        projection, contrast = self.class_branches[level].last, self.contrasts[level]
        text = contrast.weight(class_embeddings)
        weight = text @ projection.weight.flatten(1)
        return weight, text @ bias_of(projection) + contrast.bias

    def class_features(self, level: int, x: Tensor) -> Tensor:
        """Returns the class branch before its last convolution, [B, class_width, h, w]."""
        return self.class_branches[level].features(x)

    def class_maps(self, level: int, x: Tensor) -> Tensor:
        """Returns the class embeddings of all positions, [B, E, h, w]."""
        maps: Tensor = self.cls_preds[level](x)
        return maps

    def region_embeddings(self, level: int, features: Tensor) -> Tensor:
        """Returns class embeddings [N, E] of some positions' class features [N, class_width]."""
        last = self.class_branches[level].last
        return nn.functional.linear(features, last.weight.flatten(1), bias_of(last))

    def box_features(self, level: int, x: Tensor) -> Tensor:
        """Returns the box branch before its last convolution, [B, 4 * BINS, h, w]."""
        return self.box_branches[level].features(x)

    def forward(
        self,
        features: tuple[Tensor, Tensor, Tensor],
        class_embeddings: Tensor | None = None,
        masks: MaskHead | None = None,
    ) -> HeadOutput:
        """Returns raw outputs, without prototypes.

        Args:
            features: neck maps.
            class_embeddings: [K, E] or, with one vocabulary per image, [B, K, E]; None if fixed.
            masks: computes the coefficients of the anchors.
        """
        logits, kept = [], []
        for level, x in enumerate(features):
            if self.fixed:
                logits.append(self.cls_contrasts[level](self.class_maps(level, x)))
                continue
            if class_embeddings is None:
                raise ValueError("class_embeddings are needed: this head has a live vocabulary")
            weight, bias = self.folded(level, class_embeddings)
            # Folding first costs K*E*c per level instead of h*w*E*c, for the same sum.
            kept.append(self.class_features(level, x))
            product = weight @ kept[-1].flatten(2)
            logits.append((product + bias[..., None]).unflatten(2, x.shape[2:]))
        boxes = [self.box_features(level, x) for level, x in enumerate(features)]
        distances = [branch.last(x) for branch, x in zip(self.box_branches, boxes, strict=True)]
        if masks is None:
            return HeadOutput(logits, distances, class_features=tuple(kept))
        coefficients = tuple(masks.weights(level, x) for level, x in enumerate(boxes))
        return HeadOutput(logits, distances, coefficients, class_features=tuple(kept))


def _members(modules: nn.ModuleList, kind: type[_Member]) -> list[_Member]:
    """Returns the modules of a list, checked to be of one kind.

    Raises:
        TypeError: a module is of another kind.
    """
    found = [module for module in modules if isinstance(module, kind)]
    if len(found) < len(modules):
        raise TypeError(f"expected {kind.__name__} only, found {modules}")
    return found
