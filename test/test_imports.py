# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Every module of the package can be imported with the packages that are installed."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.util import find_spec

import pytest

import vit_perception

WORKSHOP = (
    *("hotcoco", "jinja2", "markupsafe", "mujoco", "onnx", "optuna"),
    *("ray", "threadpoolctl", "timm", "torch", "transformers"),
)
ROS = (
    *(
        "builtin_interfaces",
        "diagnostic_msgs",
        "geometry_msgs",
        "lifecycle_msgs",
        "rcl_interfaces",
        "rclpy",
    ),
    *("sensor_msgs", "std_msgs", "vision_msgs"),
)
# What a robot without the workshop, or a workshop without ROS, does not have.
MISSING = {name for name in (*WORKSHOP, *ROS) if find_spec(name) is None}
MODULES = sorted(
    module.name for module in pkgutil.walk_packages(vit_perception.__path__, "vit_perception.")
)


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_it_can_be_imported(name: str) -> None:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in MISSING:
            raise
        pytest.skip(f"{error.name} is not installed")
