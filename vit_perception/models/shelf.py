# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The shelf of backbones: every family in `models/backbones`, by timm's names.

A file of `models/backbones` with a tuple `VARIANTS` is on the shelf. `timm.create_model` can make
its entries, because timm has them or because the file registers them. If it also has a function
`derived`, from a name to a `Variant` or None, it makes networks of others on the shelf.
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

REFERENCE = "mobilenetv4_conv_small"
"""A plain convolutional network that reaches 90 % of a CPU's arithmetic peak."""

_Network = TypeVar("_Network", bound=nn.Module)


def any_size(height: int, width: int) -> Mapping[str, Any]:
    """Returns no options: `Variant.sized` of a network that takes any size."""
    return {}


def img_size(height: int, width: int) -> Mapping[str, Any]:
    """Returns timm's `img_size`: `Variant.sized` of a network that needs it."""
    return {"img_size": (height, width)}


class BackboneError(ValueError):
    """A backbone is not on the shelf, or cannot take the input; one line."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One network of the shelf, with the figures of its card.

    Attributes:
        name: for `timm.create_model`.
        card: number of the paper's card.
        parameters: with a head of 1000 classes, in training form; 0 if derived from another
            variant, and not counted.
        macs: multiply-adds of one picture of size `input`, with the head; of the form for
            inference if `fused` is given.
        channels: of the maps, finest first.
        reductions: their strides.
        input: height and width at which the card counts.
        published: whether the counts are the paper's, rounded, instead of counted ones.
        representative: whether it stands for its family in the short tests.
        options: always passed to `timm.create_model`.
        sized: further options for a height and width, if the network has to know its input size or
            makes constants for it.
        dynamic: whether a graph with free height and width can be exported.
        fused: parameters of `for_inference` if they are checked, else None.
        top1: ImageNet-1k accuracy in percent as the paper publishes it, trained on ImageNet-1k
            only; None if it gives none. Not measured here.
        pixels: mean and deviation, by which published weights take pixels of 0 to 1.
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
    pixels: tuple[float, float] = (0.0, 1.0)


class Backbone(nn.Module):
    """Maps of a backbone, always [B, C, H, W].

    Args:
        name: timm's.
        body: the network that timm makes of the name with `features_only=True`.
        pixels: see `Variant`.

    Attributes:
        name: as given.
        channels, reductions: of the maps, finest first.
    """

    def __init__(
        self, name: str, body: nn.Module, pixels: tuple[float, float] = (0.0, 1.0)
    ) -> None:
        super().__init__()
        self.name = name
        self.body = body
        info = cast("FeatureInfo", body.feature_info)
        self.channels: tuple[int, ...] = tuple(info.channels())
        self.reductions: tuple[int, ...] = tuple(info.reduction())
        # Some of timm's families return [B, H, W, C].
        self._channels_last = str(getattr(body, "output_fmt", "NCHW")).endswith("NHWC")
        mean, deviation = pixels
        # Not folded: a network may begin with any layer, and pads with the mean.
        self._scale, self._offset = 1 / deviation, -mean / deviation

    def scale_input(self, factor: float) -> None:
        """Multiplies images by a factor, before all else."""
        self._scale *= factor

    def forward(self, image: Tensor) -> list[Tensor]:
        """Returns maps of float images [B, 3, H, W] RGB in [0, 1], finest first."""
        if self._scale != 1:
            image = image * self._scale
        if self._offset:
            image = image + self._offset
        maps = self.body(image)
        return [x.permute(0, 3, 1, 2) for x in maps] if self._channels_last else list(maps)


@cache
def families() -> dict[str, ModuleType]:
    """Returns the modules of `models/backbones` that have `VARIANTS`, by name."""
    found = {}
    for module in pkgutil.iter_modules(backbones.__path__):
        family = importlib.import_module(f"{backbones.__name__}.{module.name}")
        if hasattr(family, "VARIANTS"):
            found[module.name] = family
    return found


@cache
def shelf() -> dict[str, Variant]:
    """Returns all variants by name."""
    return {each.name: each for family in families().values() for each in family.VARIANTS}


def find(name: str) -> Variant:
    """Returns the variant of a name.

    Raises:
        BackboneError: there is none; suggests similar names.
    """
    known = shelf()
    if name not in known:
        for family in families().values():
            variant: Variant | None = family.derived(name) if hasattr(family, "derived") else None
            if variant is not None:
                return variant
        near = [each for each in known if name.split("_")[0] in each] or list(known)
        raise BackboneError(
            f"backbone: expected one of {', '.join(near[:8])}"
            f"{' …' if len(near) > 8 else ''}, found {name!r}"
        )
    return known[name]


def create_backbone(name: str, size: tuple[int, int]) -> Backbone:
    """Makes a backbone with random weights that returns its maps.

    Args:
        name: on the shelf.
        size: height and width of its input in pixels; variants without `sized` take other sizes
            too.

    Raises:
        BackboneError: there is no such backbone.
    """
    variant = find(name)
    # If timm has more maps than the card counts, the card's are the last ones.
    levels = tuple(range(-len(variant.channels), 0))
    options = {**variant.options, **variant.sized(*size)}
    body = timm.create_model(name, features_only=True, out_indices=levels, **options)
    return Backbone(name, body, variant.pixels)


def create_reference() -> Backbone:
    """Makes the backbone to which speeds are compared; it has no card."""
    return Backbone(REFERENCE, timm.create_model(REFERENCE, features_only=True))


def create_classifier(name: str, size: tuple[int, int], classes: int = 1000) -> nn.Module:
    """Makes the classification network of a backbone, logits [B, classes] from [B, 3, H, W]."""
    variant = find(name)
    return timm.create_model(
        name, **{"num_classes": classes, **variant.options, **variant.sized(*size)}
    )


def for_inference(model: _Network) -> _Network:
    """Returns a copy in eval mode, without gradients, with everything folded that folds.

    Uses timm's protocol: `fuse()` returns a module's replacement, `reparameterize()` and
    `switch_to_deploy()` change it in place. Applies to the modules inside `model`, not to `model`
    itself.
    """
    made = copy.deepcopy(model).train(False)
    reparameterize_model(made, inplace=True)
    return made.train(False).requires_grad_(False)
