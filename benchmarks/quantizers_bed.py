# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The small networks that `quantizers.py` quantizes, and their training on crops.

A network is trained once: its weights and a line in `bed.json` stay in the folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import vit_perception.models  # noqa: F401  # timm needs torchvision's operators

# isort: split
import timm
import torch
from crop_learning import Recipe, accuracy, learn
from quantizers_data import Data
from safetensors.torch import load_file, save_file
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from vit_perception.models.head_gates import Gates
from vit_perception.models.quantizable_attention import Clip, Quantizable, make_quantizable


def _deit(classes: int, side: int) -> nn.Module:
    """DeiT-tiny with fewer channels, layers and pixels to a patch."""
    return VisionTransformer(
        side, 12, num_classes=classes, embed_dim=128, depth=6, num_heads=4, qkv_bias=True
    )


def _swin(classes: int, side: int) -> nn.Module:
    """Swin with three stages, whose shifted windows fit 96 px."""
    return SwinTransformer(
        side,
        num_classes=classes,
        embed_dim=48,
        depths=(2, 2, 4),
        num_heads=(2, 4, 8),
        window_size=side // 16,
        drop_path_rate=0.0,
    )


def _named(name: str, sized: bool = False) -> Callable[[int, int], nn.Module]:
    def made(classes: int, side: int) -> nn.Module:
        more = {"img_size": (side, side)} if sized else {}
        return timm.create_model(name, num_classes=classes, **more)

    return made


NETWORKS: dict[str, Callable[[int, int], nn.Module]] = {
    "deit": _deit,
    "swin": _swin,
    "mobilevit_xxs": _named("mobilevit_xxs"),
    "mobilevit_xs": _named("mobilevit_xs"),
    "mobilevitv2_050": _named("mobilevitv2_050"),
    "efficientformerv2_s0": _named("efficientformerv2_s0", sized=True),
    "shvit_s1": _named("shvit_s1"),
    "tf_efficientnet_lite0": _named("tf_efficientnet_lite0"),
}
"""Each takes a number of classes and a side in px; the last has weights from photographs."""

VARIANTS: dict[str, Quantizable] = {
    "vanilla": Quantizable(),
    "clipped": Quantizable(clip=Clip()),
    "gated": Quantizable(gates=Gates()),
    "embed_norm": Quantizable(embed_norm=True),
}
"""Training options of card 55, by name."""


@dataclass(frozen=True)
class Trained:
    """A network of the folder.

    Attributes:
        network, variant: keys of `NETWORKS` and `VARIANTS`.
        seed: of weights and order of crops.
        parameters: their number.
        accuracy: of crops from other pictures, in float.
        loss, steps, minutes: see `crop_learning.Learned`.
        start: file of the weights that it began with, or empty.
    """

    network: str
    variant: str
    seed: int
    parameters: int
    accuracy: float
    loss: float
    steps: int
    minutes: float
    start: str

    @property
    def name(self) -> str:
        """A name for files and tables."""
        return file_name(self.network, self.variant, self.seed)


def file_name(network: str, variant: str, seed: int) -> str:
    """Returns the name of a network's files."""
    return "-".join([network, *([variant] if variant != "vanilla" else []), f"seed{seed}"])


def read_bed(folder: Path) -> list[Trained]:
    """Returns the networks of a folder, in the order of their training."""
    file = folder / "bed.json"
    return [Trained(**each) for each in json.loads(file.read_text())] if file.is_file() else []


def load_network(folder: Path, trained: Trained, data: Data) -> nn.Module:
    """Returns a trained network in eval mode."""
    model = _network(trained.network, trained.variant, data)
    model.load_state_dict(load_file(folder / f"{trained.name}.safetensors"))
    return model.eval()


def train_network(
    folder: Path, data: Data, network: str, variant: str, recipe: Recipe, weights: Path | None
) -> Trained:
    """Trains a network and stores it.

    Args:
        folder: of the bed.
        data: what it learns and is judged by.
        network, variant: keys of `NETWORKS` and `VARIANTS`.
        recipe: its seed makes the weights too.
        weights: folder with weights to begin with, or None: a safetensors file whose name begins
            with the network's. Tensors of other shapes, such as the head's, stay random.
    """
    torch.manual_seed(recipe.seed)
    model = _network(network, variant, data)
    start = _begin_with(model, network, weights) if weights else ""
    learned = learn(model, data.images, data.labels, replace(recipe, side=data.side))
    made = Trained(
        network,
        variant,
        recipe.seed,
        sum(p.numel() for p in model.parameters()),
        accuracy(model, data.judged_images, data.judged_labels, data.side),
        start=start,
        **asdict(learned),
    )
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, folder / f"{made.name}.safetensors")
    rows: list[dict[str, Any]] = [asdict(each) for each in (*read_bed(folder), made)]
    (folder / "bed.json").write_text(json.dumps(rows, indent=1) + "\n")
    return made


def _network(network: str, variant: str, data: Data) -> nn.Module:
    model = NETWORKS[network](len(data.names), data.side)
    make_quantizable(model, VARIANTS[variant])
    return model


def _begin_with(model: nn.Module, network: str, weights: Path) -> str:
    """Loads the weights that fit; returns the file's name, or nothing."""
    for file in sorted(weights.glob(f"{network}*.safetensors")):
        own = model.state_dict()
        fitting = {
            name: tensor.to(own[name].dtype)
            for name, tensor in load_file(file).items()
            if name in own and tensor.shape == own[name].shape
        }
        model.load_state_dict(fitting, strict=False)
        return file.name
    return ""
