# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Things in space as RViz markers."""

from __future__ import annotations

from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Vector3
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from vit_perception.perceiver.overlay import class_colour
from vit_perception.ros.localizer.found import Found
from vit_perception.ros.localizer.messages import pose_message
from vit_perception.space.objects import Objects
from vit_perception.space.rigid import Rigid

_LIFETIME = Duration(sec=1)
_SEE_THROUGH = 0.5
# Metres: the height of letters, and the least side of a cube that RViz draws.
_TEXT, _THIN = 0.03, 1e-3


def object_markers(header: Header, found: Found, objects: Objects) -> MarkerArray:
    """Returns a cube and a name for each thing, after one that deletes the previous ones."""
    markers = [Marker(header=header, action=Marker.DELETEALL)]
    for index, row in enumerate(objects.rows.tolist()):
        name = found.names[row]
        red, green, blue = (channel / 255 for channel in class_colour(name))
        common = {
            "header": header,
            "id": index,
            "action": Marker.ADD,
            "lifetime": _LIFETIME,
        }
        pose, size = objects.pose(index), objects.sizes[index].clip(_THIN).tolist()
        # Above the box, as its third axis points.
        top = Rigid(pose.rotation, pose.apply(objects.sizes[index] * (0.0, 0.0, 0.5)))
        label = f"{name} {found.ids[row]}".rstrip()
        markers += [
            Marker(
                ns="boxes",
                type=Marker.CUBE,
                pose=pose_message(pose),
                scale=Vector3(**dict(zip("xyz", size, strict=True))),
                color=ColorRGBA(r=red, g=green, b=blue, a=_SEE_THROUGH),
                **common,
            ),
            Marker(
                ns="names",
                type=Marker.TEXT_VIEW_FACING,
                pose=pose_message(top),
                scale=Vector3(z=_TEXT),
                color=ColorRGBA(r=red, g=green, b=blue, a=1.0),
                text=f"{label} {found.scores[row]:.2f}",
                **common,
            ),
        ]
    return MarkerArray(markers=markers)
