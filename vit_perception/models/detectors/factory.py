# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes detectors by the name that a recipe, a bundle or a command gives."""

from __future__ import annotations

from collections.abc import Callable

from vit_perception.models.detectors.dosod import (
    DOSOD,
    dosod_l,
    dosod_m,
    dosod_nano,
    dosod_s,
    dosod_small,
)
from vit_perception.models.detectors.mamba_yolo import (
    mamba_yolo_b,
    mamba_yolo_l,
    mamba_yolo_t,
    mamba_yolo_t_light,
)
from vit_perception.models.detectors.rt_detr import (
    RTDETR,
    rt_detr_r18,
    rt_detr_r34,
    rt_detr_r50,
    rt_detr_r50_m,
    rt_detr_r101,
)
from vit_perception.models.shelf import BackboneError, create_backbone

ARCHITECTURES: dict[str, Callable[..., DOSOD]] = {
    "dosod": dosod_nano,
    "dosod_nano": dosod_nano,
    "dosod_small": dosod_small,
    "dosod_s": dosod_s,
    "dosod_m": dosod_m,
    "dosod_l": dosod_l,
    "mamba_yolo_t": mamba_yolo_t,
    "mamba_yolo_t_light": mamba_yolo_t_light,
    "mamba_yolo_b": mamba_yolo_b,
    "mamba_yolo_l": mamba_yolo_l,
}
"""Detectors by name; "dosod" is DOSOD's neck and head at nano width, for any backbone.

"dosod_small" is the same with more room for names. Mamba YOLO has DOSOD's head, unless it is given
`classes`.
"""

DETRS: dict[str, Callable[..., RTDETR]] = {
    "rt_detr_r18": rt_detr_r18,
    "rt_detr_r34": rt_detr_r34,
    "rt_detr_r50_m": rt_detr_r50_m,
    "rt_detr_r50": rt_detr_r50,
    "rt_detr_r101": rt_detr_r101,
}
"""Detectors without suppression, by name."""


class DetectorError(ValueError):
    """The detector cannot be built; one line."""


def create_detector(
    architecture: str,
    *,
    backbone: str = "",
    size: tuple[int, int] = (640, 640),
    **options: object,
) -> DOSOD:
    """Builds a detector with random weights.

    Args:
        architecture: one of `ARCHITECTURES`.
        backbone: name on the shelf (`models.shelf`); empty for the architecture's own.
        size: height and width of the input, multiples of 32, for backbones that depend on it.
        options: of `DOSOD`, in place of the architecture's.

    Raises:
        DetectorError: there is no such architecture or backbone, or the backbone has no fine map.
    """
    if architecture not in ARCHITECTURES:
        raise DetectorError(
            f"architecture must be one of {', '.join(ARCHITECTURES)}, found {architecture}"
        )
    try:
        made = create_backbone(backbone, size) if backbone else None
        return ARCHITECTURES[architecture](backbone=made, **options)
    except BackboneError as error:
        raise DetectorError(str(error)) from None


def create_detr(
    name: str, *, backbone: str = "", size: tuple[int, int] = (640, 640), **options: object
) -> RTDETR:
    """Builds a detector without suppression, with random weights.

    Args:
        name: one of `DETRS`.
        backbone: name on the shelf (`models.shelf`); empty for the detector's own.
        size: height and width of the input, multiples of 32, for backbones that depend on it.
        options: of `RTDETR`, in place of the detector's.

    Raises:
        DetectorError: there is no such detector or backbone, or the backbone has no fine map.
    """
    if name not in DETRS:
        raise DetectorError(f"detector: expected one of {', '.join(DETRS)}, found {name}")
    try:
        if backbone:
            options["backbone"] = create_backbone(backbone, size)
        return DETRS[name](**options)
    except BackboneError as error:
        raise DetectorError(str(error)) from None
