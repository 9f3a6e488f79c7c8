# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The access policy, the manual's tables and a real node name the same topics and services."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("rclpy")

from sensor_msgs.msg import PointCloud2

from vit_perception.ros.manual.interface import PUBLISHED, SERVICES, SUBSCRIBED
from vit_perception.ros.manual.localizer import LOCALIZER
from vit_perception.ros.manual.policy import main, policy, topics

from ..bench import Bench, wait_for

pytestmark = pytest.mark.ros

KINDS = {"subscribe": "subscriber", "publish": "publisher", "reply": "service"}


def allowed(text: str, namespace: str = "/", node: str = "detector") -> dict[str, set[str]]:
    """Absolute names by right, resolved as sros2 does it."""
    found = {each.get("node"): each for each in ElementTree.fromstring(text).iter("profile")}
    profile = found[node]
    assert profile.get("ns") == namespace
    before = namespace.rstrip("/")
    rights: dict[str, set[str]] = {}
    for rule in profile:
        ((right, answer),) = rule.items()
        assert answer == "ALLOW" and rule.tag in ("topics", "services")
        names = [str(each.text) for each in rule]
        assert len(set(names)) == len(names)
        rights[right] = {
            name if name.startswith("/") else f"{before}/{name.replace('~', node, 1)}"
            for name in names
        }
    return rights


def in_graph(bench: Bench, right: str, node: str = "detector") -> dict[str, str]:
    """What a running node has, and its type without the middle part."""
    look = getattr(bench.outside, f"get_{KINDS[right]}_names_and_types_by_node")
    return {name: re.sub("/(msg|srv)/", "/", types[0]) for name, types in look(node, "/")}


@pytest.mark.parametrize("cameras", [(), ("front", "wrist")])
def test_a_node_has_what_the_policy_allows_and_no_more(
    bench: Bench, toy_bundle_dir: Path, cameras: Sequence[str]
) -> None:
    bench.detector(toy_bundle_dir, use_sim_time=True, **({"cameras": cameras} if cameras else {}))
    rights = allowed(policy(cameras))
    for right in ("publish", "reply"):
        wait_for(lambda right=right: in_graph(bench, right).keys() >= rights[right], right)
        assert in_graph(bench, right).keys() == rights[right]
    compressed = {name for name in rights["subscribe"] if name.endswith("/compressed")}
    wait_for(lambda: len(in_graph(bench, "subscribe")) > len(cameras), "subscriptions")
    assert in_graph(bench, "subscribe").keys() == rights["subscribe"] - compressed


@pytest.mark.parametrize("cameras", [(), ("front", "wrist")])
def test_a_localizer_has_what_the_policy_allows(bench: Bench, cameras: Sequence[str]) -> None:
    names = {"cameras": cameras} if cameras else {}
    bench.localizer(use_sim_time=True, publish_tf=True, target_frame="map", **names)
    for topic in cameras or ("",):
        prefix = f"localizer/{topic}/" if topic else "localizer/"
        bench.collect(PointCloud2, f"{prefix}object_clouds")
    rights = allowed(policy(cameras), node="localizer")
    unused = {name for name in rights["subscribe"] if "/compressed" in name}
    rights["subscribe"] -= unused
    for right in ("publish", "reply", "subscribe"):
        wait_for(
            lambda right=right: in_graph(bench, right, "localizer").keys() == rights[right],
            f"{right} {rights[right]}",
        )
    kinds = {
        name.replace("~", "/localizer") if name[0] == "~" else f"/{name}".replace("//", "/"): kind
        for row in (*LOCALIZER.subscribed, *LOCALIZER.published)
        for name, kind in zip(topics([row], ()), row[1].split(", "), strict=True)
    }
    if not cameras:
        for right in ("publish", "subscribe"):
            for name, kind in in_graph(bench, right, "localizer").items():
                assert kinds.get(name, kind) == kind, name


def test_a_node_of_compressed_images_has_the_others(bench: Bench, toy_bundle_dir: Path) -> None:
    bench.detector(toy_bundle_dir, image_transport="compressed")
    wait_for(lambda: "/image/compressed" in in_graph(bench, "subscribe"), "a subscription")
    found = in_graph(bench, "subscribe").keys()
    assert found == allowed(policy())["subscribe"] - {"/image", "/clock"}


def test_types_are_those_of_the_manual(bench: Bench, toy_bundle_dir: Path) -> None:
    bench.detector(toy_bundle_dir)
    for right, table in (("publish", PUBLISHED), ("reply", SERVICES), ("subscribe", SUBSCRIBED)):
        found = in_graph(bench, right)
        for row in table:
            for name, kind in zip(topics([row], ()), row[1].split(", "), strict=True):
                absolute = f"/{name.replace('~', 'detector')}".replace("//", "/")
                if absolute != "/image/compressed":
                    assert found[absolute] == kind, name


def test_other_names_are_followed(capsys: pytest.CaptureFixture[str]) -> None:
    order = (
        "--camera front --camera wrist --remap front/image:=/cam/image_raw --enclave /robot/eye"
    )
    order += " --namespace /robot --node eye --node place=localizer"
    order += " --remap ~/detect_once:=look --remap front/depth:=/cam/depth"
    assert main(order.split()) == 0
    text = capsys.readouterr().out
    assert ElementTree.fromstring(text).get("version") == "0.2.0"
    (enclave,) = ElementTree.fromstring(text).iter("enclave")
    assert enclave.get("path") == "/robot/eye"
    assert [each.get("node") for each in enclave.iter("profile")] == ["eye", "place"]
    place = allowed(text, "/robot", "place")["subscribe"]
    assert {"/cam/depth", "/cam/depth/compressedDepth", "/tf", "/robot/front/detections"} < place
    rights = allowed(text, "/robot", "eye")
    assert {"/cam/image_raw", "/cam/image_raw/compressed"} < rights["subscribe"]
    assert {"/robot/wrist/image", "/robot/front/camera_info", "/clock"} < rights["subscribe"]
    assert not {"/robot/front/image", "/robot/image"} & rights["subscribe"]
    assert {"/robot/eye/front/overlay/compressed", "/diagnostics"} < rights["publish"]
    assert "/robot/look" in rights["reply"] and "/robot/eye/detect_once" not in rights["reply"]


def test_each_node_has_an_enclave_of_its_name() -> None:
    enclaves = ElementTree.fromstring(policy()).iter("enclave")
    assert [each.get("path") for each in enclaves] == ["/detector", "/localizer"]


def test_a_node_of_another_kind_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--node", "eye=camera"])
    expected = "--node: expected detector or localizer behind =, found 'camera'"
    assert expected in capsys.readouterr().err


def test_a_remapping_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--remap", "image"])
    assert "--remap: expected FROM:=TO, found 'image'" in capsys.readouterr().err
