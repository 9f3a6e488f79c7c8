# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Mamba YOLO: YOLOv8's layout with selective scans (arXiv 2406.05835, card 11).

With `classes` it is the paper's closed-set detector; without, DOSOD's head takes names. The
paper's counts are greater by 16: bins of the box distribution, which are constants here.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from vit_perception.models.backbones.mamba_yolo import MambaYOLOBackbone, ODSSBlock
from vit_perception.models.detectors.dosod import DOSOD
from vit_perception.models.layers import scaled_depth
from vit_perception.models.shelf import Backbone


def mamba_yolo_t(**options: Any) -> DOSOD:
    """Returns Mamba YOLO-T: 6,131,688 parameters with 80 classes."""
    return _built(width=0.25, depth=0.33, last=1024, **options)


def mamba_yolo_t_light(**options: Any) -> DOSOD:
    """Returns Mamba YOLO-T without selective scans at stride 4, for CPUs (card 11, Deployment)."""
    return mamba_yolo_t(fine_scans=False, **options)


def mamba_yolo_b(**options: Any) -> DOSOD:
    """Returns Mamba YOLO-B: 21,827,984 parameters with 80 classes."""
    return _built(width=0.5, depth=0.33, last=1024, **options)


def mamba_yolo_l(**options: Any) -> DOSOD:
    """Returns Mamba YOLO-L: 57,631,008 parameters with 80 classes."""
    return _built(width=0.75, depth=0.67, last=768, **options)


def _built(
    *,
    width: float,
    depth: float,
    last: int,
    activation: str = "silu",
    published_start: bool = False,
    fine_scans: bool = True,
    backbone: Backbone | None = None,
    **options: Any,
) -> DOSOD:
    """Returns a detector.

    Args:
        width, depth, last, activation: see `DOSOD`.
        published_start, fine_scans: see `MambaYOLOBackbone`.
        backbone: of the shelf, instead of Mamba YOLO's.
        options: others of `DOSOD`.
    """
    start: dict[str, Any] = {"activation": activation, "published_start": published_start}
    return DOSOD(
        width=width,
        depth=depth,
        last=last,
        activation=activation,
        backbone=backbone or MambaYOLOBackbone(width, depth, last, fine_scans=fine_scans, **start),
        fusion=partial(ODSSBlock, scans=scaled_depth(3, depth), neck=True, **start),
        **options,
    )
