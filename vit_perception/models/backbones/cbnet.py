# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""CBNetV2: two equal backbones, the second of which sees the first's maps (2107.00420, card 49).

`db_NAME` is made of two of NAME on the shelf; `db_resnet50`, `db_res2net101` and `db_swin_SIZE`
are those of the paper. What goes into a stage of the lead is its own map and the assistant's of
that stage and all coarser ones. The maps are the lead's. In training, the assistant's can have
losses of their own (`CBNet.both`, `joint_losses`). It takes as long as both in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import timm
from timm.models import is_model, register_model
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.chains import chain_of
from vit_perception.models.fusing import ConvNorm, bias_of
from vit_perception.models.joint_maps import JointMaps
from vit_perception.models.shelf import Variant, img_size, shelf
from vit_perception.models.staged import build

PREFIX = "db_"
ASSISTANT = 0.5
"""Weight of the assistant's losses."""


class FixedLink(ConvNorm):
    """A 1x1 convolution and a scale and offset per channel, which begins as zero.

    As published, they are a BatchNorm's that keeps its first statistics.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(c_in, c_out, weight=0.0)

    def train(self, mode: bool = True) -> FixedLink:
        """Sets the mode of all but the norm."""
        super().train(mode)
        self.norm.eval()
        return self


def _plain_link(c_in: int, c_out: int) -> nn.Conv2d:
    """Returns a 1x1 convolution that begins as zero."""
    link = nn.Conv2d(c_in, c_out, 1)
    nn.init.zeros_(link.weight)
    nn.init.zeros_(bias_of(link))
    return link


class Composition(nn.Module):
    """What a stage of the lead gets from the assistant; maps, finest first, to one map.

    Args:
        links: of the maps, 1x1 convolutions.
    """

    def __init__(self, links: Mapping[int, nn.Module]) -> None:
        super().__init__()
        self.links = nn.ModuleDict({str(stage): link for stage, link in links.items()})

    def forward(self, maps: list[Tensor], like: Tensor) -> Tensor:
        """Returns the sum of linked maps, each as large as another map [B, C, h, w]."""
        size = like.shape[2:]
        found = [
            F.interpolate(link(maps[int(stage)]), size=size, mode="nearest")
            for stage, link in self.links.items()
        ]
        total: Tensor = sum(found[1:], start=found[0])
        return total


class CBNet(JointMaps):
    """An assistant and a lead.

    Args:
        make: makes the maps of one of them.
        source: name of that backbone.
        shared: stages that the lead has in common with the assistant, behind the stem; None for
            the paper's: 1, or 0 if maps have norms of their own, or for plain ViTs.
        dense: False for the map of the same stage alone.
        num_classes: see timm.
        options: for `make`.

    Raises:
        BackboneError: its stages cannot be run alone.
        ValueError: no stage is left to the lead.
    """

    def __init__(
        self,
        make: Callable[..., nn.Module],
        source: str,
        shared: int | None = None,
        dense: bool = True,
        num_classes: int = 1000,
        **options: Any,
    ) -> None:
        super().__init__()
        bodies = [make(**options) for _ in range(2)]
        self.assistant, self.lead = (chain_of(source, body) for body in bodies)
        # Both begin with the same weights.
        self.lead.load_state_dict(self.assistant.state_dict())
        widths, outputs = self.assistant.widths, self.assistant.outputs
        stages, normed = len(widths), self.assistant.normed
        plain = len(outputs) < stages
        self.shared = int(not normed and not plain) if shared is None else shared
        if not 0 <= self.shared < stages:
            raise ValueError(f"shared: expected 0 to {stages - 1}, found {shared}")
        given = self.assistant.inputs()
        self.compositions = nn.ModuleList()
        for stage in range(self.shared, stages):
            links: dict[int, nn.Module] = {}
            for level in range(stage, stages if dense else stage + 1):
                # Swin's own map is added as it is.
                if level == stage and normed and widths == given:
                    links[level] = nn.Identity()
                else:
                    link = _plain_link if normed or plain else FixedLink
                    links[level] = link(widths[level], given[stage])
            self.compositions.append(Composition(links))
        self.lead.leave_out(self.shared)
        self.assemble(
            channels=[widths[each] for each in outputs],
            reductions=[self.assistant.reductions[each] for each in outputs],
            num_classes=num_classes,
        )

    def both(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Returns the maps of the assistant and of the lead, of images [B, 3, H, W]."""
        state = self.assistant.begin(x)
        states, seen = [state], []
        for stage in range(len(self.assistant.widths)):
            state = self.assistant.run(stage, self.assistant.enter(stage, state))
            states.append(state)
            seen.append(self.assistant.output(stage, state))
        found = seen[: self.shared]
        state = states[self.shared]
        for stage, composition in enumerate(self.compositions, self.shared):
            state = self.lead.enter(stage, state)
            more = composition(seen, self.lead.map_of(state))
            state = self.lead.run(stage, self.lead.added(state, more))
            found.append(self.lead.output(stage, state))
        outputs = self.assistant.outputs
        return [seen[each] for each in outputs], [found[each] for each in outputs]

    def maps(self, x: Tensor) -> list[Tensor]:
        """Returns the lead's maps."""
        return self.both(x)[1]

    def load_both(self, state: Mapping[str, Tensor]) -> None:
        """Takes the weights of one backbone for both.

        Args:
            state: by the names of the maps' network; others are left out.

        Raises:
            RuntimeError: some are absent, or of another shape.
        """
        for chain in (self.assistant, self.lead):
            own = chain.body.state_dict()
            chain.body.load_state_dict({key: state[key] for key in own if key in state})


def joint_losses(
    assistant: Mapping[str, Tensor], lead: Mapping[str, Tensor], weight: float = ASSISTANT
) -> dict[str, Tensor]:
    """Returns the losses of both, to be summed: names with 0 and 1 behind, the first weighted."""
    weighted = {f"{name}0": weight * loss for name, loss in assistant.items()}
    return weighted | {f"{name}1": loss for name, loss in lead.items()}


def _body(source: str, count: int, **options: Any) -> nn.Module:
    """Makes a backbone with its last maps."""
    return timm.create_model(
        source, features_only=True, out_indices=tuple(range(-count, 0)), **options
    )


def _entrypoint(name: str, source: str, count: int, **arguments: Any) -> None:
    """Registers two of a network of timm's with timm."""
    make = partial(_body, source, count, **arguments)

    def create(pretrained: bool = False, **options: Any) -> nn.Module:
        return build(CBNet, name, pretrained, make=make, source=source, **options)

    create.__name__ = create.__qualname__ = name
    create.__module__ = __name__
    register_model(create)


def derived(name: str) -> Variant | None:
    """Returns the entry of `db_NAME`, which timm knows then; None if there is no such backbone.

    Nothing is counted in it: its parameters and multiply-adds are 0.
    """
    source = shelf().get(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
    if source is None:
        return None
    if not is_model(name):
        _entrypoint(name, source.name, len(source.channels), **source.options)
    return replace(
        source, name=name, card=49, parameters=0, macs=0.0, options={}, dynamic=False, top1=None
    )


def _variant(
    name: str,
    source: str,
    parameters: int,
    gmacs: float,
    channels: tuple[int, ...],
    **more: Any,
) -> Variant:
    """Registers a network, and returns its entry with a head that the paper lacks."""
    _entrypoint(name, source, len(channels))
    return Variant(
        name,
        card=49,
        parameters=parameters + 1000 * (channels[-1] + 1),
        macs=gmacs * 1e9,
        channels=channels,
        **more,
    )


def _swin(size: str, parameters: int, gmacs: float, width: int) -> Variant:
    channels = (width, 2 * width, 4 * width, 8 * width)
    source = f"swin_{size}_patch4_window7_224_dense"
    return _variant(f"db_swin_{size}", source, parameters, gmacs, channels, sized=img_size)


RESNET = (256, 512, 1024, 2048)
VARIANTS: tuple[Variant, ...] = (
    # The card also counts the norm of a stem that the lead does not have, 128 parameters.
    _variant("db_resnet50", "resnet50", 51_384_000 - 128, 7.827, RESNET, dynamic=True),
    # Without the deformable convolutions of the paper's detector.
    _variant("db_res2net101", "res2net101_26w_4s", 90_684_936, 15.789, RESNET, dynamic=True),
    _swin("tiny", 55_682_676, 9.027, 96),
    _swin("small", 98_318_484, 17.528, 96),
    _swin("base", 174_631_792, 30.951, 128),
    _swin("large", 392_569_128, 69.167, 192),
    _variant(
        "db_ese_vovnet19b_slim_dw",
        "ese_vovnet19b_slim_dw",
        3_259_568,
        0.6359,
        (112, 256, 384, 512),
        representative=True,
        dynamic=True,
    ),
)
