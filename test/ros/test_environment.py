# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("rclpy")

from vit_perception.ros import environment
from vit_perception.ros.environment import (
    OLD_PROFILE_VARIABLE,
    PROFILE_VARIABLE,
    keep_to_this_machine,
    profile_variables,
    set_image_transport,
)


def test_the_profile_of_the_package_is_set_for_this_ros() -> None:
    variables: dict[str, str] = {}
    set_image_transport(variables)
    assert variables.keys() == set(profile_variables())
    (profile,) = set(variables.values())
    ElementTree.fromstring(Path(profile).read_text(encoding="utf-8"))


@pytest.mark.parametrize("variable", [PROFILE_VARIABLE, OLD_PROFILE_VARIABLE])
def test_a_profile_of_the_user_stays(variable: str) -> None:
    variables = {variable: "/etc/my_profile.xml"}
    set_image_transport(variables)
    assert variables == {variable: "/etc/my_profile.xml"}


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("3.3.16", (OLD_PROFILE_VARIABLE,)),
        ("7.1.6", (OLD_PROFILE_VARIABLE,)),
        ("9.1.2", (PROFILE_VARIABLE,)),
        ("unknown", (PROFILE_VARIABLE, OLD_PROFILE_VARIABLE)),
    ],
)
def test_the_variable_is_the_one_that_this_fast_dds_reads(
    version: str, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "version", lambda _: version)
    assert profile_variables() == names


def test_domains_are_ones_that_linux_has_ports_for() -> None:
    variables: dict[str, str] = {}
    for _ in range(50):
        keep_to_this_machine(variables)
        assert 1 <= int(variables["ROS_DOMAIN_ID"]) <= 101
    assert variables["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
