# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Backbones that run stage by stage, so that something can be added between stages.

`chain_of` takes what `timm.create_model` makes with `features_only=True`. The names of the weights
stay those of that network. Parts are looked up by name in each pass: timm replaces some of them
when it folds a network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from timm.models._features import FeatureInfo, FeatureListNet
from timm.models.convnext import ConvNeXt
from timm.models.efficientnet import EfficientNetFeatures
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from vit_perception.models.dense_forms import NormedMaps
from vit_perception.models.plain import SteppedBackbone
from vit_perception.models.shelf import BackboneError
from vit_perception.models.staged import StagedBackbone
from vit_perception.models.vit_trunk import VitTrunk

PROBE = 64
"""Side of a picture that shows how wide a stem is."""
GROUPS = 4
"""Stages that a plain ViT is cut into."""


@dataclass
class Parts:
    """Names of modules, run in turn.

    Attributes:
        stem: from the image to what goes into the first stage.
        entries: of each stage, what comes before the place where something is added.
        stages: of each stage, what comes behind it.
        norms: of each stage's map, off the way to the next stage.
        channels_last: whether the modules take [B, H, W, C].
    """

    stem: list[str]
    stages: list[list[str]]
    entries: list[list[str]] = field(default_factory=list)
    norms: list[str] = field(default_factory=list)
    channels_last: bool = False


class Chain(nn.Module, ABC):
    """A stem and stages. What runs through is of the chain's own kind.

    Attributes:
        body: the network, with its weights.
        widths, reductions: channels and strides of the stages' maps.
        normed: whether maps have norms off the way.
        outputs: stages whose maps are the network's.
    """

    body: nn.Module
    widths: list[int]
    reductions: list[int]
    normed: bool
    outputs: tuple[int, ...]

    @abstractmethod
    def inputs(self) -> list[int]:
        """Returns the channels of that to which something may be added, of each stage."""

    @abstractmethod
    def begin(self, image: Tensor) -> Any:
        """Returns what goes into the first stage, of images [B, 3, H, W]."""

    @abstractmethod
    def enter(self, stage: int, x: Any) -> Any:
        """Returns that to which something may be added."""

    @abstractmethod
    def run(self, stage: int, x: Any) -> Any:
        """Returns what goes into the next stage."""

    @abstractmethod
    def map_of(self, x: Any) -> Tensor:
        """Returns the map [B, C, h, w] of what runs through."""

    @abstractmethod
    def added(self, x: Any, more: Tensor) -> Any:
        """Returns what runs through with a map [B, C, h, w] added."""

    @abstractmethod
    def output(self, stage: int, x: Any) -> Tensor:
        """Returns a stage's map [B, C, h, w] as others see it."""

    @abstractmethod
    def leave_out(self, stages: int) -> None:
        """Removes the weights of the stem and of some stages behind it."""


class MapChain(Chain):
    """Maps run through.

    Args:
        body: the network.
        parts: of it.
    """

    def __init__(self, body: nn.Module, parts: Parts) -> None:
        super().__init__()
        self.body, self.parts = body, parts
        info = cast("FeatureInfo", body.feature_info)
        self.widths, self.reductions = list(info.channels()), list(info.reduction())
        self.normed = bool(parts.norms)
        self.outputs = tuple(range(len(parts.stages)))

    @torch.no_grad()
    def inputs(self) -> list[int]:
        """See `Chain`."""
        if self.parts.entries:
            return self.widths
        training = self.training
        first = self.eval().begin(torch.zeros(1, 3, PROBE, PROBE))
        self.train(training)
        return [int(self.map_of(first).shape[1]), *self.widths[:-1]]

    def begin(self, image: Tensor) -> Tensor:
        """See `Chain`."""
        return self._through(self.parts.stem, image)

    def enter(self, stage: int, x: Tensor) -> Tensor:
        """See `Chain`."""
        return self._through(self.parts.entries[stage] if self.parts.entries else (), x)

    def run(self, stage: int, x: Tensor) -> Tensor:
        """See `Chain`."""
        return self._through(self.parts.stages[stage], x)

    def map_of(self, x: Tensor) -> Tensor:
        """See `Chain`."""
        return x.permute(0, 3, 1, 2) if self.parts.channels_last else x

    def added(self, x: Tensor, more: Tensor) -> Tensor:
        """See `Chain`."""
        return x + (more.permute(0, 2, 3, 1) if self.parts.channels_last else more)

    def output(self, stage: int, x: Tensor) -> Tensor:
        """See `Chain`."""
        return self._through(self.parts.norms[stage : stage + 1], self.map_of(x))

    def leave_out(self, stages: int) -> None:
        """See `Chain`."""
        gone = self.parts.stem + sum(self.parts.entries[:stages] + self.parts.stages[:stages], [])
        for name in gone + self.parts.norms[:stages]:
            parent, _, own = name.rpartition(".")
            setattr(self.body.get_submodule(parent), own, nn.Identity())

    def _through(self, names: Sequence[str], x: Tensor) -> Tensor:
        for name in names:
            x = self.body.get_submodule(name)(x)
        return x


Tokens = tuple[Tensor, tuple[int, int]]  # [B, N, C], and the grid of those that are patches


class TokenChain(Chain):
    """Tokens of a plain network run through, in groups of blocks; its map is the last one."""

    body: SteppedBackbone

    def __init__(self, body: SteppedBackbone) -> None:
        super().__init__()
        self.body = body
        depth = len(body.steps())
        groups = np.array_split(range(depth), min(GROUPS, depth))
        self._groups = [list(each) for each in groups]
        self.widths = [body.num_features] * len(groups)
        self.reductions = [body.patch] * len(groups)
        self.normed = False
        self.outputs = (len(groups) - 1,)

    def inputs(self) -> list[int]:
        """See `Chain`."""
        return self.widths

    def begin(self, image: Tensor) -> Tokens:
        """See `Chain`."""
        grid = self.body.grid_of(int(image.shape[2]), int(image.shape[3]))
        return self.body.first_tokens(image), grid

    def enter(self, stage: int, x: Tokens) -> Tokens:
        """See `Chain`."""
        return x

    def run(self, stage: int, x: Tokens) -> Tokens:
        """See `Chain`."""
        tokens, grid = x
        blocks = self.body.steps()
        for index in self._groups[stage]:
            tokens = self.body.step(blocks[index], tokens, grid)
        return tokens, grid

    def map_of(self, x: Tokens) -> Tensor:
        """See `Chain`."""
        tokens = self.body.patches_of(x[0]).transpose(1, 2)
        return tokens.reshape(*tokens.shape[:2], *x[1])

    def added(self, x: Tokens, more: Tensor) -> Tokens:
        """See `Chain`."""
        patches = self.body.patches_of(x[0]) + more.flatten(2).transpose(1, 2)
        return self.body.with_patches(x[0], patches), x[1]

    def output(self, stage: int, x: Tokens) -> Tensor:
        """See `Chain`."""
        tokens, grid = x
        return self.map_of((self.body.norm(tokens), grid) if stage in self.outputs else x)

    def leave_out(self, stages: int) -> None:
        """See `Chain`; the stem is whatever belongs to no block."""
        steps = self.body.steps()
        kept = {*steps, self.body.norm}
        for name, child in list(self.body.named_children()):
            if child not in kept and not kept.intersection(child.children()):
                setattr(self.body, name, nn.Identity())
        for name, _ in list(self.body.named_parameters(recurse=False)):
            setattr(self.body, name, None)
        for index in sum(self._groups[:stages], []):
            _empty(steps[index])


def _empty(block: nn.Module) -> None:
    """Removes all weights of a block that keeps its place."""
    for name, _ in list(block.named_children()):
        setattr(block, name, nn.Identity())
    for name, _ in list(block.named_parameters(recurse=False)):
        setattr(block, name, None)


def chain_of(name: str, body: nn.Module) -> Chain:
    """Returns a network that runs stage by stage.

    Args:
        name: of the backbone.
        body: with maps as its output.

    Raises:
        BackboneError: it has no stages, or its kind is not known here.
    """
    model = getattr(body, "model", body)
    if isinstance(model, VisionTransformer):
        return TokenChain(VitTrunk(model))
    if isinstance(model, SteppedBackbone):
        return TokenChain(model)
    parts = _parts(body, model)
    if parts is None:
        raise BackboneError(f"backbone: expected one whose stages can be run alone, found {name}")
    return MapChain(body, parts)


def _parts(body: nn.Module, model: nn.Module) -> Parts | None:
    norms = []
    if isinstance(body, NormedMaps):
        norms = [f"norms.{index}" for index in range(len(body.norms))]
    if isinstance(model, StagedBackbone | ConvNeXt):
        stages = [[f"model.stages.{index}"] for index in range(len(model.stages))]
        return Parts(["model.stem"], stages, norms=norms)
    if isinstance(model, SwinTransformer):
        layers = [f"model.layers.{index}" for index in range(len(model.layers))]
        return Parts(
            ["model.patch_embed"],
            [[f"{layer}.blocks"] for layer in layers],
            [[f"{layer}.downsample"] for layer in layers],
            norms,
            channels_last=True,
        )
    if isinstance(body, EfficientNetFeatures):
        ends = [stage - 1 for stage in body._stage_out_idx]
        blocks = [f"blocks.{index}" for index in range(len(body.blocks))]
        return _cut(["conv_stem", "bn1", *blocks], [blocks[end] for end in ends])
    if isinstance(body, FeatureListNet):
        return _cut(list(body), list(body.return_layers))
    return None


def _cut(names: list[str], ends: Sequence[str]) -> Parts:
    """Returns parts of modules in turn, some of which give the maps."""
    places = [names.index(end) for end in ends]
    stages = [
        names[before + 1 : place + 1]
        for before, place in zip([places[0] - 1, *places], places, strict=False)
    ]
    return Parts(names[: places[0]], stages)
