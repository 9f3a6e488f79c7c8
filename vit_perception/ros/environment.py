# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Environment of processes that send camera images on one machine."""

from __future__ import annotations

import os
import random
from collections.abc import MutableMapping
from importlib.metadata import PackageNotFoundError, version

from vit_perception.bundle.paths import find_shared
from vit_perception.wording import one_line

PROFILE_VARIABLE = "FASTDDS_DEFAULT_PROFILES_FILE"
"""Read by Fast DDS 3 (Kilted and later), which warns if the old one is set."""
OLD_PROFILE_VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"
"""Read by Fast DDS 2."""
_FIRST_RCLPY_OF_KILTED = 9
# The ports of a domain above 101 overlap those that Linux gives to clients.
_LAST_DOMAIN = 101


class StartError(Exception):
    """ROS does not start in this process; says why in one line."""


def start_failure(error: Exception) -> str:
    """Returns the line that tells why `rclpy.init`, or what comes after it, has failed."""
    line = one_line(error)
    # The folder of the log is unknown without HOME, cannot be written, or its disk is full.
    hint = "; ROS_LOG_DIR names another folder" if "logging" in line else ""
    return f"cannot start: {line}{hint}"


def set_image_transport(environment: MutableMapping[str, str] | None = None) -> None:
    """Sets the package's Fast DDS profile, made for images; call it before `rclpy.init`.

    A profile that the user has set stays.

    Raises:
        NotInstalledError: config/fastdds.xml is absent.
    """
    target = os.environ if environment is None else environment
    if PROFILE_VARIABLE not in target and OLD_PROFILE_VARIABLE not in target:
        profile = str(find_shared("config/fastdds.xml"))
        target.update(dict.fromkeys(profile_variables(), profile))


def profile_variables() -> tuple[str, ...]:
    """Returns the names of the variables that the installed Fast DDS reads."""
    try:
        major = int(version("rclpy").partition(".")[0])
    except (PackageNotFoundError, ValueError):
        return PROFILE_VARIABLE, OLD_PROFILE_VARIABLE
    return (PROFILE_VARIABLE if major >= _FIRST_RCLPY_OF_KILTED else OLD_PROFILE_VARIABLE,)


def keep_to_this_machine(
    environment: MutableMapping[str, str] | None = None, domain: int | None = None
) -> None:
    """Sets a domain, seen on this machine only; call it before `rclpy.init`.

    Args:
        environment: is changed; None: that of this process.
        domain: None: a random one.
    """
    target = os.environ if environment is None else environment
    chosen = random.SystemRandom().randint(1, _LAST_DOMAIN) if domain is None else domain
    target["ROS_DOMAIN_ID"] = str(chosen)
    target["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
