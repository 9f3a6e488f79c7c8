# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
r"""perception_node: several nodes in one process, each with its own name.

    ros2 run vit_perception perception_node detector tools localizer --ros-args \
        --params-file mine.yaml -r image:=/wrist/image_raw -r depth:=/wrist/depth/image_raw

A word is the name of a detector; `localizer` is a localizer of the first detector, and
NAME=DETECTOR one of that name of that detector. It takes the detector's frames and detections in
this process, without a subscription. An argument that begins with a node's name and a colon is
for that node, others for all.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vit_perception.ros.detector_node import DetectorNode
from vit_perception.ros.lifecycle import ManagedNode
from vit_perception.ros.localizer_node import LocalizerNode
from vit_perception.ros.run import run
from vit_perception.setting import SettingError
from vit_perception.wording import shown

_USAGE = """\
usage: perception_node DETECTOR... [localizer | NAME=DETECTOR]... --ros-args ARGUMENTS

Several nodes in one process: a detector for each word, `localizer` for one of the first detector.
An argument that begins with a node's name and a colon is for that node, others are for all.

example:
  perception_node detector localizer --ros-args -p autostart:=true -p detector:tracking:=true \\
      -p localizer:target_frame:=base_link -r image:=/camera/color/image_raw \\
      -r depth:=/camera/aligned_depth_to_color/image_raw \\
      -r camera_info:=/camera/color/camera_info

doc/nodes.md lists topics, services and parameters."""

# Seconds for which a thread may keep the others waiting. A localizer's thread does many small
# steps in Python, of which Python's own 5 ms would each delay a detection.
_SWITCH = 5e-4
_LOCALIZER = "localizer"


def make_several(nodes: list[ManagedNode], words: Sequence[str]) -> None:
    """Adds a node for each word; see `run`.

    Raises:
        SettingError: there is no detector, a localizer of one that is not there, or two nodes
            have one name.
    """
    names = [word for word in words if not (word == _LOCALIZER or "=" in word)]
    if not names:
        raise SettingError("expected names of the detectors: perception_node detector tools")
    detectors: dict[str, DetectorNode] = {}
    for name in names:
        detectors[name] = DetectorNode(name)
        _add(nodes, detectors[name])
    for word in words:
        if word == _LOCALIZER or "=" in word:
            name, _, detector = word.partition("=")
            detector = detector or names[0]
            if not name or detector not in detectors:
                raise SettingError(
                    f"{shown(word)}: expected localizer=DETECTOR, with a detector of "
                    f"{', '.join(names)}"
                )
            _add(nodes, LocalizerNode(name, detectors[detector]))
    if len(nodes) > len(names):
        sys.setswitchinterval(_SWITCH)


def _add(nodes: list[ManagedNode], node: ManagedNode) -> None:
    nodes.append(node)
    name = node.get_fully_qualified_name()
    # This also happens if -r __node:= renames them all.
    if name in [each.get_fully_qualified_name() for each in nodes[:-1]]:
        raise SettingError(f"expected names that differ, found {shown(name)} twice")


def main() -> int:
    """Runs perception_node."""
    return run(make_several, ManagedNode.autostart, ManagedNode.leave, _USAGE)


if __name__ == "__main__":
    sys.exit(main())
