# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""t2, the time-series transformer, and its transfer to tracks (card 17).

"Paying Attention to Astronomical Transients: Introducing the Time-series Transformer for
Photometric Classification", arXiv 2105.06178. A series on equally spaced times becomes tokens by
a convolution of kernel 1; encoder blocks attend over time; the mean over time is classified. The
mean being linear, each step's share in a logit is known: the class activation map.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

EPSILON = 1e-6
"""Of the layer norms."""


@dataclass(frozen=True, slots=True)
class T2Config:
    """The sizes of a t2.

    Attributes:
        steps: L, of the series.
        channels: M, of the series.
        features: R, numbers that belong to the whole series, such as a redshift.
        features_as: further time steps, each repeated over the channels; or further channels,
            each repeated over the steps (the paper's option "M").
        width: d, of a token.
        heads, feedforward, blocks: of the encoder.
        classes: C.
        dropout: in the blocks and before the classifier.
    """

    steps: int
    channels: int
    features: int = 0
    features_as: Literal["steps", "channels"] = "steps"
    width: int = 32
    heads: int = 16
    feedforward: int = 128
    blocks: int = 1
    classes: int = 14
    dropout: float = 0.1


PLASTICC = T2Config(steps=100, channels=6, features=2)
"""The paper's best: 14 kinds of transients in 6 passbands, with redshift; 13,390 parameters."""
TRACK = T2Config(steps=32, channels=9, features=3, heads=4, classes=2)
"""For one candidate name of a track: wrong or right; 13,090 parameters."""


class T2(nn.Module):
    """The time-series transformer.

    Args:
        config: its sizes.
    """

    positions: Tensor

    def __init__(self, config: T2Config) -> None:
        super().__init__()
        self.config = config
        as_steps = config.features_as == "steps"
        steps = config.steps + (config.features if as_steps else 0)
        channels = config.channels + (0 if as_steps else config.features)
        self.embedding = nn.Conv1d(channels, config.width, 1)
        self.register_buffer("positions", sinusoids(steps, config.width), persistent=False)
        self.encoder = nn.ModuleList(
            nn.TransformerEncoderLayer(
                config.width,
                config.heads,
                config.feedforward,
                config.dropout,
                layer_norm_eps=EPSILON,
                batch_first=True,
            )
            for _ in range(config.blocks)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.width, config.classes)

    def tokens(self, series: Tensor, features: Tensor | None = None) -> Tensor:
        """Returns the encoded steps [B, L (+ R), d].

        Args:
            series: [B, L, M].
            features: [B, R]; None if there are none.
        """
        if features is not None:
            if self.config.features_as == "steps":
                repeated = features[:, :, None].expand(-1, -1, self.config.channels)
                series = torch.cat([series, repeated], dim=1)
            else:
                repeated = features[:, None, :].expand(-1, self.config.steps, -1)
                series = torch.cat([series, repeated], dim=2)
        x: Tensor = self.embedding(series.transpose(1, 2)).relu().transpose(1, 2) + self.positions
        for block in self.encoder:
            x = block(x)
        return x

    def forward(self, series: Tensor, features: Tensor | None = None) -> Tensor:
        """Returns logits [B, C]; see `tokens`."""
        pooled = self.tokens(series, features).mean(dim=1)
        logits: Tensor = self.classifier(self.dropout(pooled))
        return logits

    def activation_map(self, series: Tensor, features: Tensor | None = None) -> Tensor:
        """Returns the share of each step in each logit, [B, L (+ R), C].

        Its mean over the steps and the classifier's bias add up to the logits of evaluation.
        """
        shares: Tensor = self.tokens(series, features) @ self.classifier.weight.T
        return shares


def sinusoids(steps: int, width: int) -> Tensor:
    """Returns position encodings [steps, width]: sines in even columns, cosines in odd ones."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    angles = torch.arange(steps)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


def balanced_log_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Returns the mean over the classes of a batch of their own mean -ln p(true).

    Args:
        logits: [B, C].
        labels: int64 [B]; classes that a batch lacks do not count.
    """
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    classes = nn.functional.one_hot(labels, logits.shape[1]).to(losses.dtype)
    counts = classes.sum(dim=0)
    means = losses @ classes / counts.clamp(min=1)
    return means.sum() / (counts > 0).sum()
