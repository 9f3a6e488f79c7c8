# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Topics and services of detector_node: the manual and the access policy come from these tables.

A row is names, types and meaning. With `cameras`, the name of the camera comes before each
subscribed and published topic but `/diagnostics`; COMMANDS, which are subscribed as well, and
SERVICES are the node's. Needs no ROS.
"""

from __future__ import annotations

from dataclasses import dataclass

from vit_perception.images.encodings import DECODERS
from vit_perception.ros.frames.gate import DETECT_ONCE_TIMEOUT

Table = tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Interface:
    """The tables of one node; `commands` and `services` are the node's, not a camera's."""

    subscribed: Table
    published: Table
    commands: Table = ()
    services: Table = ()


SUBSCRIBED = (
    (
        "`image`",
        "sensor_msgs/Image",
        f"The camera: {', '.join(DECODERS)}; with or without row padding. "
        "Best effort, depth 1; `qos_overrides./<topic>.subscription.reliability`, `.durability`, "
        "`.depth` and `.history` change that, and `.publisher.` that of the topics below.",
    ),
    (
        "`image/compressed`",
        "sensor_msgs/CompressedImage",
        "The same with `image_transport:=compressed`: jpeg, png or webp. Follows a remapping of "
        "`image`.",
    ),
    ("`camera_info`", "sensor_msgs/CameraInfo", "Of the image, for `~/markers` alone."),
    (
        "`~/teach`",
        "vision_msgs/Detection2DArray",
        "Things to find from now on by what they look like. The stamp is that of the image, "
        "0 for the one looked at last (older ones: `teach_history`); `class_id` of a detection's "
        "first result is the name, `bbox` the box around the thing in pixels of the image. A "
        "score below 0 says that the thing is *not* to be called so; a `bbox` of size 0 forgets "
        "the name. A message is done as a whole, with a new vocabulary version and a line in the "
        "log, or refused with the reason in log and diagnostics. What is taught counts for all "
        "cameras.",
    ),
    (
        "`~/overlay_mouse_left`",
        "geometry_msgs/Point",
        "A click on `~/overlay`, as rqt_image_view publishes it: the detection under it, in the "
        "image looked at last, is taught as `teach_click`; the smallest one, if there are "
        "several.",
    ),
)
COMMANDS = (
    (
        "`~/set_vocabulary`",
        "std_msgs/String",
        "Names to look for from now on, e.g. `red mug, spoon`; empty: the bundle's default names. "
        "Sets the parameter `vocabulary`, and is refused, with a line in the log, as that is.",
    ),
)
PUBLISHED = (
    (
        "`~/detections`",
        "vision_msgs/Detection2DArray",
        "One message per frame, also when nothing was found, with the stamp and frame_id of the "
        "image. `class_id` is the name; boxes are in pixels of the image. With `tracking`, `id` "
        "is the same as long as it is the same thing, and empty until that is confirmed.",
    ),
    (
        "`~/instances`",
        "sensor_msgs/Image",
        "mono16, of the size of the image: 0 is background, n belongs to the n-th of the "
        "`~/detections` of the same stamp. Where masks overlap, the detection with the higher "
        "score gets the pixel. Made only while somebody subscribes, and with masks only. "
        "`vit_perception.ros.instances` reads it.",
    ),
    (
        "`~/semantic`",
        "sensor_msgs/Image",
        "mono8, of the size of the image: the number that the name of each pixel has in "
        "`~/label_info`; 255 where no name fits. More than 255 names are looked for: mono16 and "
        "65535. Made of the masks of `~/detections`, only while somebody subscribes.",
    ),
    (
        "`~/label_info`",
        "vision_msgs/LabelInfo",
        "The names, numbered in the order of the vocabulary. Latched (transient local).",
    ),
    (
        "`~/vision_info`",
        "vision_msgs/VisionInfo",
        "`database_version` counts vocabularies. Latched. Published before the first detections "
        "of a version and with their stamp: a result belongs to the newest info whose stamp is "
        "not after its own. When an image is stamped before the info published last, as when a "
        "bag starts again, `~/label_info` and `~/vision_info` are published again.",
    ),
    (
        "`~/overlay`, `~/overlay/compressed`",
        "sensor_msgs/Image, sensor_msgs/CompressedImage",
        "The picture with the detections drawn in; drawn only while somebody subscribes.",
    ),
    (
        "`~/markers`",
        "visualization_msgs/MarkerArray",
        "Boxes and names for RViz, `marker_distance` before the camera; only while somebody "
        "subscribes and `camera_info` comes in.",
    ),
    (
        "`/diagnostics`",
        "diagnostic_msgs/DiagnosticArray",
        "Two entries for each camera, `<node>: input` and `<node>: frames`, and one for the node, "
        "`<node>: engine`; in every lifecycle state.",
    ),
)
SERVICES = (
    (
        "`~/set_enabled`",
        "std_srvs/SetBool",
        "`false` pauses the node: it drops frames and counts them as `inactive`; engine and "
        "subscription stay. `true` resumes.",
    ),
    (
        "`~/detect_once`",
        "std_srvs/Trigger",
        "Looks at the next frame of each camera and publishes the result, also while paused or "
        "idle. The answer says what was found, or, after "
        f"{DETECT_ONCE_TIMEOUT:g} s, that no frame was published.",
    ),
    (
        "`~/save_taught`",
        "std_srvs/Trigger",
        "Writes what was taught so far to `taught_file`.",
    ),
)

DETECTOR = Interface(SUBSCRIBED, PUBLISHED, COMMANDS, SERVICES)
