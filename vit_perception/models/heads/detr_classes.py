# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What RT-DETR compares its tokens with: classes of its own, or names of a joint space (card 06).

The second is DOSOD's contrast (card 01): a logit is exp(s) * <name, P x> + b, and a vocabulary
folds through P, so that the joint space's width is never computed for all cells.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.heads.dosod_head import TextAdaptor

PRIOR = -math.log(99)
"""Bias with which every score starts at 1 %."""


class ClosedClasses(nn.Linear):
    """Logits of fixed classes: [..., C] to [..., K]."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__(width, classes)
        nn.init.constant_(self.bias, PRIOR)

    def forward(self, x: Tensor, class_embeddings: Tensor | None = None) -> Tensor:
        """Returns logits; there are no embeddings to look at."""
        return F.linear(x, self.weight, self.bias)


class OpenClasses(nn.Module):
    """Logits of any names: [B, N, C] to [B, N, K].

    Args:
        width: C.
        embedding: dimension E of the joint space.
    """

    def __init__(self, width: int, embedding: int) -> None:
        super().__init__()
        self.projection = nn.Linear(width, embedding)
        nn.init.zeros_(self.projection.bias)
        self.logit_scale = nn.Parameter(torch.tensor(-1.0))
        self.bias = nn.Parameter(torch.tensor(PRIOR))

    def forward(self, x: Tensor, class_embeddings: Tensor | None = None) -> Tensor:
        """Returns logits.

        Args:
            x: [B, N, C].
            class_embeddings: [K, E] or, with one vocabulary per image, [B, K, E].

        Raises:
            ValueError: there are none.
        """
        if class_embeddings is None:
            raise ValueError("class_embeddings are needed: this head has a live vocabulary")
        names = class_embeddings * self.logit_scale.exp()
        offset = names @ self.projection.bias + self.bias
        weight = (names @ self.projection.weight).transpose(-1, -2)
        return x @ weight + offset[..., None, :]

    def embed(self, x: Tensor) -> Tensor:
        """Returns region embeddings [..., E] of tokens [..., C]."""
        found: Tensor = self.projection(x)
        return found


class ClosedLabels(nn.Embedding):
    """Contents of noisy queries of fixed classes; the last row is that of padding, zero."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__(classes + 1, width, padding_idx=classes)
        nn.init.xavier_uniform_(self.weight[:-1])

    def contents(self, labels: Tensor, class_embeddings: Tensor | None) -> Tensor:
        """Returns [B, N, C] of labels int64 [B, N]."""
        found: Tensor = self(labels)
        return found


class OpenLabels(nn.Linear):
    """Contents of noisy queries, made of class embeddings."""

    def __init__(self, embedding: int, width: int) -> None:
        super().__init__(embedding, width, bias=False)

    def contents(self, labels: Tensor, class_embeddings: Tensor | None) -> Tensor:
        """Returns [B, N, C] of labels int64 [B, N]; label K, of padding, has zeros.

        Args:
            class_embeddings: [K, E] or [B, K, E].
        """
        assert class_embeddings is not None
        rows = class_embeddings.expand(len(labels), -1, -1)
        padded = F.pad(rows, (0, 0, 0, 1))
        index = labels[..., None].expand(-1, -1, rows.shape[2])
        found: Tensor = self(padded.gather(1, index))
        return found


class Classes(nn.Module):
    """The heads of the selection and of the layers, and the contents of noisy queries.

    Args:
        width: of tokens.
        layers: of the decoder.
        classes: number of fixed classes; 0 for a live vocabulary.
        embedding, text_dimension, adaptor_layers: of a live vocabulary, see `DOSODHead`.

    Attributes:
        selection: head of the cells.
        layers: head of each layer.
        labels: see `ClosedLabels`.
        text_mlp: from text embeddings to class embeddings; empty with fixed classes.
        count: number of fixed classes; 0 for a live vocabulary.
    """

    def __init__(
        self,
        width: int,
        layers: int,
        classes: int,
        embedding: int,
        text_dimension: int,
        adaptor_layers: int,
    ) -> None:
        super().__init__()
        self.count = classes
        self.text_mlp: nn.Sequential = nn.Sequential()
        self.labels: ClosedLabels | OpenLabels

        def head() -> nn.Module:
            return ClosedClasses(width, classes) if classes else OpenClasses(width, embedding)

        self.selection = head()
        self.layers = nn.ModuleList(head() for _ in range(layers))
        if classes:
            self.labels = ClosedLabels(classes, width)
        else:
            self.labels = OpenLabels(embedding, width)
            self.text_mlp = TextAdaptor(text_dimension, embedding, adaptor_layers)
