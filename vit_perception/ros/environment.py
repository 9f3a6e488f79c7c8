# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Environment of processes that send camera images on one machine."""

from __future__ import annotations

import os
import random
from collections.abc import MutableMapping
from importlib.metadata import PackageNotFoundError, version

from vit_perception.bundle.paths import find_shared

# Fast DDS 3 (Kilted and later) and Fast DDS 2 read different variables, and the former warns
# about the other one.
PROFILE_VARIABLE = "FASTDDS_DEFAULT_PROFILES_FILE"
OLD_PROFILE_VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"
_FIRST_RCLPY_OF_KILTED = 9
# Above 101 the ports of a domain reach into those that Linux gives to clients.
_LAST_DOMAIN = 101


def set_image_transport(environment: MutableMapping[str, str] | None = None) -> None:
    """Make Fast DDS fit for images; call it before `rclpy.init`.

    A profile that the user has set stays.

    Raises:
        NotInstalledError: config/fastdds.xml is absent.

    """
    target = os.environ if environment is None else environment
    if PROFILE_VARIABLE not in target and OLD_PROFILE_VARIABLE not in target:
        profile = str(find_shared("config/fastdds.xml"))
        target.update(dict.fromkeys(profile_variables(), profile))


def profile_variables() -> tuple[str, ...]:
    """Names of the variables that the Fast DDS of this ROS reads."""
    try:
        major = int(version("rclpy").partition(".")[0])
    except (PackageNotFoundError, ValueError):
        return PROFILE_VARIABLE, OLD_PROFILE_VARIABLE
    return (PROFILE_VARIABLE if major >= _FIRST_RCLPY_OF_KILTED else OLD_PROFILE_VARIABLE,)


def keep_to_this_machine(environment: MutableMapping[str, str] | None = None) -> None:
    """Choose a domain of one's own, seen by this machine only; call before `rclpy.init`."""
    target = os.environ if environment is None else environment
    target["ROS_DOMAIN_ID"] = str(random.SystemRandom().randint(1, _LAST_DOMAIN))
    target["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
