# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The shelf of backbones: every family in `models/backbones`, by the names timm knows them by.

A file of `models/backbones` with a tuple `VARIANTS` is on the shelf. What it names can be made by
`timm.create_model`, because timm has it or because the file registers it there.
"""

from __future__ import annotations

import copy
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any, TypeVar, cast

import timm
from timm.models import reparameterize_model
from timm.models._features import FeatureInfo
from torch import Tensor, nn

from vit_perception.models import backbones

#: A plain convolutional network that reaches 90 % of a CPU's arithmetic peak.
REFERENCE = "mobilenetv4_conv_small"

_Network = TypeVar("_Network", bound=nn.Module)


def any_size(height: int, width: int) -> Mapping[str, Any]:
    """`Variant.sized` of a network that takes any size as it is."""
    return {}


def img_size(height: int, width: int) -> Mapping[str, Any]:
    """`Variant.sized` of a network that takes its size as timm's `img_size`."""
    return {"img_size": (height, width)}


class BackboneError(ValueError):
    """A backbone that is not on the shelf, or an input it cannot take: one line."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One network of the shelf, with the figures that its card says to check.

    Attributes:
        name: as `timm.create_model` takes it.
        card: number of the paper's card.
        parameters: with a head of 1000 classes, in training form.
        macs: multiply-adds of one picture of size `input`, with the head; of the form for
            inference where `fused` is given.
        channels: of the maps, finest first.
        reductions: their strides.
        input: height and width that the card counts at.
        published: whether the counts are the paper's, rounded, instead of counted ones.
        representative: whether this is the family's one in the short tests.
        options: for `timm.create_model`, always.
        sized: further ones for an input of a height and width, where the network has to know it
            or makes constants for it.
        dynamic: whether a graph with free height and width can be exported.
        fused: parameters of `for_inference`, where they are checked; else None.
        top1: accuracy on ImageNet-1k that the paper publishes, in percent, trained on that
            alone; None where it gives none. Not measured here.
    """

    name: str
    card: int
    parameters: int
    macs: float
    channels: tuple[int, ...]
    reductions: tuple[int, ...] = (4, 8, 16, 32)
    input: tuple[int, int] = (224, 224)
    published: bool = False
    representative: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    sized: Callable[[int, int], Mapping[str, Any]] = any_size
    dynamic: bool = False
    fused: int | None = None
    top1: float | None = None


class Backbone(nn.Module):
    """Maps of a backbone, always [B, C, H, W].

    Args:
        name: timm's.
        body: what timm makes of the name with `features_only=True`.

    Attributes:
        name: as given.
        channels, reductions: of the maps, finest first.
    """

    def __init__(self, name: str, body: nn.Module) -> None:
        super().__init__()
        self.name = name
        self.body = body
        info = cast("FeatureInfo", body.feature_info)
        self.channels: tuple[int, ...] = tuple(info.channels())
        self.reductions: tuple[int, ...] = tuple(info.reduction())
        # Some of timm's families give [B, H, W, C].
        self._channels_last = str(getattr(body, "output_fmt", "NCHW")).endswith("NHWC")

    def forward(self, image: Tensor) -> list[Tensor]:
        """Maps of float images [B, 3, H, W], finest first."""
        maps = self.body(image)
        return [x.permute(0, 3, 1, 2) for x in maps] if self._channels_last else list(maps)


@cache
def families() -> dict[str, ModuleType]:
    """Modules of `models/backbones` that have `VARIANTS`, by name."""
    found = {}
    for module in pkgutil.iter_modules(backbones.__path__):
        family = importlib.import_module(f"{backbones.__name__}.{module.name}")
        if hasattr(family, "VARIANTS"):
            found[module.name] = family
    return found


@cache
def shelf() -> dict[str, Variant]:
    """All variants by name."""
    return {each.name: each for family in families().values() for each in family.VARIANTS}


def find(name: str) -> Variant:
    """The variant of a name.

    Raises:
        BackboneError: there is none; says which come near.
    """
    known = shelf()
    if name not in known:
        near = [each for each in known if name.split("_")[0] in each] or list(known)
        raise BackboneError(
            f"backbone: expected one of {', '.join(near[:8])}"
            f"{' …' if len(near) > 8 else ''}, found {name!r}"
        )
    return known[name]


def create_backbone(name: str, size: tuple[int, int]) -> Backbone:
    """Make a backbone, with random weights, that gives its maps.

    Args:
        name: on the shelf.
        size: height and width of its input in pixels; other sizes are taken as well where the
            variant has no `sized`.

    Raises:
        BackboneError: no such backbone.
    """
    variant = find(name)
    # Where timm gives more maps than the card counts, the last ones are the card's.
    levels = tuple(range(-len(variant.channels), 0))
    options = {**variant.options, **variant.sized(*size)}
    return Backbone(
        name, timm.create_model(name, features_only=True, out_indices=levels, **options)
    )


def create_reference() -> Backbone:
    """Make the backbone that speeds are told against; it stands on no card."""
    return Backbone(REFERENCE, timm.create_model(REFERENCE, features_only=True))


def create_classifier(name: str, size: tuple[int, int], classes: int = 1000) -> nn.Module:
    """Make the classification network of a backbone, logits [B, classes] from [B, 3, H, W]."""
    variant = find(name)
    return timm.create_model(
        name, **{"num_classes": classes, **variant.options, **variant.sized(*size)}
    )


def for_inference(model: _Network) -> _Network:
    """A copy in eval mode with everything folded that the card says can be, without gradients.

    Modules say how: `fuse()` returns what takes their place, `reparameterize()` and
    `switch_to_deploy()` change them (timm's protocol). Asked are the modules inside `model`, not
    `model` itself.
    """
    made = copy.deepcopy(model).train(False)
    reparameterize_model(made, inplace=True)
    return made.train(False).requires_grad_(False)
