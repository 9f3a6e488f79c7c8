# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Imports torchvision, which timm needs, even if its operators do not match torch's build.

torchvision's compiled operators belong to one build of torch. With another they are not loaded,
and its import ends with "operator torchvision::nms does not exist". This package does not call
these operators, so declaring two names is enough for the import to succeed.
"""

from __future__ import annotations

import sys

import torch

_SIGNATURES = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def _import() -> torch.library.Library | None:
    try:
        import torchvision  # noqa: F401
    except ImportError:
        return None  # timm will say so
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    else:
        return None
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")
    for signature in _SIGNATURES:
        library.define(signature)
    import torchvision  # noqa: F401

    return library


LIBRARY = _import()
"""Keeps the definitions alive; None if torchvision has its own."""
