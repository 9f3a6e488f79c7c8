# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
r"""The SROS 2 policy of the nodes: it allows the topics and services they use, no more.

    python -m vit_perception.ros.manual.policy                       as in config/sros2_policy.xml
    python -m vit_perception.ros.manual.policy --camera front --camera wrist \
        --remap front/image:=/front/color/image_raw           for nodes started like that

Format: policy.xsd of sros2, version 0.2.0. Needs no ROS.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from xml.etree import ElementTree

from vit_perception.ros.manual.interface import DETECTOR, Interface
from vit_perception.ros.manual.localizer import LOCALIZER
from vit_perception.wording import shown

VERSION = "0.2.0"
KINDS: Mapping[str, Interface] = {"detector": DETECTOR, "localizer": LOCALIZER}
ALL = {name: name for name in KINDS}
"""Each kind of node under its own name."""

# Topics and services of every lifecycle node.
_SUBSCRIBED = ("/clock",)
_PUBLISHED = ("/parameter_events", "/rosout", "~/transition_event")
_SERVICES = (
    "~/change_state",
    "~/describe_parameters",
    "~/get_available_states",
    "~/get_available_transitions",
    "~/get_parameter_types",
    "~/get_parameters",
    "~/get_state",
    "~/get_transition_graph",
    "~/get_type_description",
    "~/list_parameters",
    "~/set_parameters",
    "~/set_parameters_atomically",
)
_COMPRESSED = ("/compressedDepth", "/compressed")


def policy(
    cameras: Sequence[str] = (),
    remaps: Mapping[str, str] | None = None,
    *,
    enclave: str = "",
    namespace: str = "/",
    nodes: Mapping[str, str] = ALL,
) -> str:
    """Returns the policy as XML.

    Args:
        cameras: as the nodes' parameter.
        remaps: topic or service, as in the manual with the camera's name, to its new name.
        enclave: in which all nodes are started; empty: each in one that is called like it.
        namespace: of the nodes.
        nodes: names of nodes and which of KINDS each is.
    """
    root = ElementTree.Element("policy", version=VERSION)
    enclaves = ElementTree.SubElement(root, "enclaves")
    places: dict[str, ElementTree.Element] = {}
    for node, kind in nodes.items():
        path = enclave or f"/{node}"
        if path not in places:
            element = ElementTree.SubElement(enclaves, "enclave", path=path)
            places[path] = ElementTree.SubElement(element, "profiles")
        profile = ElementTree.SubElement(places[path], "profile", ns=namespace, node=node)
        _allow(profile, KINDS[kind], cameras, remaps or {})
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        "<!-- Written from the code by `python -m vit_perception.ros.manual`; for other names\n"
        "     of cameras and topics, `python -m vit_perception.ros.manual.policy` prints\n"
        "     another. -->\n"
        f"{text}\n"
    )


def _allow(
    profile: ElementTree.Element,
    tables: Interface,
    cameras: Sequence[str],
    names: Mapping[str, str],
) -> None:
    for kind, right, all_names in (
        (
            "topic",
            "subscribe",
            [*topics(tables.subscribed, cameras), *topics(tables.commands, ()), *_SUBSCRIBED],
        ),
        ("topic", "publish", [*topics(tables.published, cameras), *_PUBLISHED]),
        ("service", "reply", [*topics(tables.services, ()), *_SERVICES]),
    ):
        rule = ElementTree.SubElement(profile, f"{kind}s", {right: "ALLOW"})
        for name in sorted({_remapped(each, names) for each in all_names}):
            ElementTree.SubElement(rule, kind).text = name


def topics(table: Iterable[Sequence[str]], cameras: Sequence[str]) -> list[str]:
    """Returns the names in a table of `interface`, for each of the cameras."""
    names = [name for row in table for name in re.findall("`([^`]+)`", row[0])]
    return [_of_camera(name, camera) for name in names for camera in cameras or ("",)]


def _of_camera(name: str, camera: str) -> str:
    if not camera or name.startswith("/"):
        return name
    private, rest = ("~/", name[2:]) if name.startswith("~/") else ("", name)
    return f"{private}{camera}/{rest}"


def _remapped(name: str, remaps: Mapping[str, str]) -> str:
    """Returns the name after remapping; compressed images follow the raw ones."""
    if name in remaps:
        return remaps[name]
    for ending in _COMPRESSED:
        raw = name.removesuffix(ending)
        if raw != name and raw in remaps and not name.startswith("~"):
            return f"{remaps[raw]}{ending}"
    return name


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the policy."""
    parser = argparse.ArgumentParser(
        prog="python -m vit_perception.ros.manual.policy",
        description="The SROS 2 policy of the nodes.",
    )
    parser.add_argument(
        "--camera", action="append", default=[], help="one of the nodes' `cameras`; repeat it"
    )
    parser.add_argument(
        "--remap", action="append", default=[], metavar="FROM:=TO", help="as given to the node"
    )
    parser.add_argument(
        "--enclave", default="", help="that all are started in (each in one of its name)"
    )
    parser.add_argument("--namespace", default="/", help="of the nodes")
    parser.add_argument(
        "--node",
        action="append",
        default=[],
        metavar="NAME[=KIND]",
        help=f"its name, and whether it is a {' or '.join(KINDS)}; repeat it",
    )
    args = parser.parse_args(arguments)
    remaps = {}
    for each in args.remap:
        name, becomes, target = each.partition(":=")
        if not (name and becomes and target):
            parser.error(f"--remap: expected FROM:=TO, found {each!r}")
        remaps[name] = target
    nodes = {}
    for each in args.node:
        name, _, kind = each.partition("=")
        nodes[name] = kind or ("localizer" if name == "localizer" else "detector")
        if nodes[name] not in KINDS:
            parser.error(f"--node: expected {' or '.join(KINDS)} behind =, found {shown(kind)}")
    print(
        policy(
            args.camera,
            remaps,
            enclave=args.enclave,
            namespace=args.namespace,
            nodes=nodes or ALL,
        ),
        end="",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
