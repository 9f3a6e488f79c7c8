# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
r"""perception_node: several detectors in one process, each a node with its own name.

    ros2 run vit_perception perception_node detector tools --ros-args \
        --params-file mine.yaml -r tools:image:=/wrist/image_raw

An argument that begins with a node's name and a colon is for that node, others for all.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vit_perception.ros.detector_node import DetectorNode
from vit_perception.ros.run import run
from vit_perception.setting import SettingError
from vit_perception.wording import shown


def make_several(nodes: list[DetectorNode], words: Sequence[str]) -> None:
    """Adds a detector for each name; see `run`.

    Raises:
        SettingError: there is no name, or two nodes have one name.
    """
    if not words:
        raise SettingError("expected names of the detectors: perception_node detector tools")
    for word in words:
        nodes.append(DetectorNode(word))
        name = nodes[-1].get_fully_qualified_name()
        # This also happens if -r __node:= renames them all.
        if name in [each.get_fully_qualified_name() for each in nodes[:-1]]:
            raise SettingError(f"expected names that differ, found {shown(name)} twice")


def main() -> int:
    """Runs perception_node."""
    return run(make_several, DetectorNode.autostart, DetectorNode.leave)


if __name__ == "__main__":
    sys.exit(main())
