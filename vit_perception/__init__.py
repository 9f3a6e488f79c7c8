# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Open-vocabulary detection for robots: camera frames in, named boxes and masks out.

    import vit_perception as vp

    perceiver = vp.load("tabletop_small")
    found = perceiver(image, names=["red mug"])

The robot side (everything except models, export, compression, training and scenes)
needs no torch; only `vit_perception.ros` needs ROS.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vit_perception.api import Detections, Frame, Vocabulary, load

# ONNX Runtime 1.29 and later sends usage data and keeps a device id in ~/.cache unless this is set
# before its import. Here, as no module of this package is imported before this one.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = ["Detections", "Frame", "Vocabulary", "load"]
__version__ = "0.2.0"


def __getattr__(name: str) -> object:
    """Imports a name of the face when it is asked for: numpy and the engine take a while."""
    if name not in __all__:
        raise AttributeError(f"module 'vit_perception' has no attribute {name!r}")
    from vit_perception import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
