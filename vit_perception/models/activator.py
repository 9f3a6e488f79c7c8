# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Activator: a gated unit in place of perceptrons, which mixes no tokens (2405.15953, card 65).

`with_activators` puts it into any network of timm that has perceptrons of linear layers. The
paper's own network, `Activator`, sees each patch alone and takes the mean, so it is a measure of
what a network without mixing knows and costs. It is not on the shelf: a cell of its map would know
nothing of its neighbours. `ActivatorMixer` and `kernel` are ours, and the paper's figures do not
hold for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from timm.layers import Mlp
from torch import Tensor, nn

from vit_perception.models.staged import Headed

DROPOUT = 0.5
"""Of the perceptrons of the paper's network."""
Activation = Callable[[], nn.Module]
_Network = TypeVar("_Network", bound=nn.Module)


class ActivatorMlp(nn.Module):
    """Two branches, normalised alike and multiplied; [..., width] to the same shape.

    Args:
        width: of the input.
        hidden: of the branches; 2 * width makes 6 * width**2 weights, of which a perceptron of
            ratio 4 has 8 * width**2.
        activation: of the first branch; the paper tries SiLU and ReLU too.
    """

    def __init__(
        self, width: int, hidden: int | None = None, activation: Activation = nn.GELU
    ) -> None:
        super().__init__()
        hidden = hidden or 2 * width
        # Both branches in one product.
        self.expand = nn.Linear(width, 2 * hidden)
        self.activation = activation()
        self.norm = nn.LayerNorm(hidden)
        self.reduce = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.expand(x).chunk(2, -1)
        out: Tensor = self.reduce(self.norm(self.activation(first)) * self.norm(second))
        return out


class ActivatorBlock(nn.Module):
    """A gated unit and, in the full form, a perceptron, behind one norm that both share.

    Args:
        width, hidden: of the tokens and of the branches.
        perceptron: whether there is one.
        activation: see `ActivatorMlp`.
        dropout: of the perceptron, in training.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        perceptron: bool = True,
        activation: Activation = nn.GELU,
        dropout: float = DROPOUT,
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.unit = ActivatorMlp(width, hidden, activation)
        self.perceptron = Mlp(width, hidden, drop=dropout) if perceptron else None

    def forward(self, x: Tensor) -> Tensor:
        """Maps tokens [..., width] to the same shape, each alone."""
        x = x + self.unit(self.norm(x))
        if self.perceptron is not None:
            x = x + self.perceptron(self.norm(x))
        return x


class ActivatorMixer(nn.Module):
    """A depthwise convolution, added, in front of a block: the mixing that Activator lacks.

    Args:
        block: of tokens of `width` channels.
        width: of the tokens.
        kernel: 3 or 7; kernel**2 weights for each channel.
    """

    def __init__(self, block: ActivatorBlock, width: int, kernel: int = 3) -> None:
        super().__init__()
        self.mix = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width, bias=False)
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, h, w, width] to the same shape."""
        x = x + self.mix(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        out: Tensor = self.block(x)
        return out


class Activator(Headed):
    """The paper's classifier of small pictures; without `kernel` it is a bag of patches.

    Args:
        width, hidden, depth: of the tokens, the branches and the network.
        perceptron: the full form; without, gated units alone.
        activation: see `ActivatorMlp`.
        kernel: of convolutions that mix tokens, ours; 0 for none, as in the paper.
        patch: side, px.
        dropout: of perceptrons, in training.
        in_chans, num_classes: see timm.
    """

    def __init__(
        self,
        width: int = 256,
        hidden: int = 512,
        depth: int = 4,
        perceptron: bool = True,
        activation: Activation = nn.GELU,
        kernel: int = 0,
        patch: int = 4,
        dropout: float = DROPOUT,
        in_chans: int = 3,
        num_classes: int = 10,
    ) -> None:
        super().__init__()
        self.num_features = self.head_hidden_size = width
        self.patches = nn.Conv2d(in_chans, width, patch, patch)
        blocks = (
            ActivatorBlock(width, hidden, perceptron, activation, dropout) for _ in range(depth)
        )
        self.blocks = nn.Sequential(
            *(ActivatorMixer(block, width, kernel) if kernel else block for block in blocks)
        )
        self.reset_classifier(num_classes)

    def tokens(self, x: Tensor) -> Tensor:
        """Returns the patches [B, h, w, width] of images [B, 3, H, W], before the blocks."""
        patches: Tensor = self.patches(x).permute(0, 2, 3, 1)
        return patches

    def classify(self, tokens: Tensor) -> Tensor:
        """Returns logits of some tokens [B, ..., width]; without `kernel`, of any of them."""
        logits: Tensor = self.head(self.blocks(tokens).flatten(1, -2).mean(1))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        """Returns logits of images [B, 3, H, W]."""
        return self.classify(self.tokens(x))


def with_activators(
    model: _Network, hidden: int | None = None, activation: Activation = nn.GELU
) -> _Network:
    """Puts a gated unit in place of each of timm's perceptrons, in place, and returns the model.

    Args:
        model: a ViT, a Swin, a ConvNeXt with linear layers, or another with timm's `Mlp`.
        hidden: of the branches; twice the width by default.
        activation: see `ActivatorMlp`.

    Raises:
        ValueError: there is no perceptron of linear layers that keeps its width.
    """
    found = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if type(child) is Mlp
        and isinstance(child.fc1, nn.Linear)
        and child.fc1.in_features == child.fc2.out_features
    ]
    if not found:
        raise ValueError(
            f"expected perceptrons of timm's Mlp, found none in {type(model).__name__}"
        )
    for parent, name, child in found:
        assert isinstance(child.fc1, nn.Linear)
        weight = child.fc1.weight
        unit = ActivatorMlp(child.fc1.in_features, hidden, activation)
        setattr(parent, name, unit.to(weight.device, weight.dtype))
    return model
