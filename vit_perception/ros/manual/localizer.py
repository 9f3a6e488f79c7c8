# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Topics, lifecycle and diagnostics of localizer_node; tables as in `interface`. Needs no ROS."""

from __future__ import annotations

from vit_perception.images.depth import ENCODINGS
from vit_perception.ros.frames.stamps import ODDITIES
from vit_perception.ros.localizer.causes import CAUSES
from vit_perception.ros.manual.interface import Interface
from vit_perception.space.objects import LEFT_OUT

SUBSCRIBED = (
    (
        "`detections`",
        "vision_msgs/Detection2DArray",
        "What a detector found, such as its `~/detections`: remap it to `/detector/detections`. "
        "Best effort, depth 5, as all inputs are; `qos_overrides` change that.",
    ),
    (
        "`instances`",
        "sensor_msgs/Image",
        "Its `~/instances`, with the masks. Without them things are placed by the surface in the "
        "middle of their boxes.",
    ),
    (
        "`depth`",
        "sensor_msgs/Image",
        f"Distances along the optical axis, {', '.join(ENCODINGS)} (REP 118): millimetres, with "
        "32FC1 metres. With the frame_id and the size of the image each pixel belongs to the one "
        "at the same place. Else it is moved into the image, with its own camera_info and the "
        "transform between the frames.",
    ),
    (
        "`depth/compressedDepth`",
        "sensor_msgs/CompressedImage",
        "The same with `depth_transport:=compressedDepth`. Follows a remapping of `depth`.",
    ),
    (
        "`camera_info`",
        "sensor_msgs/CameraInfo",
        "Of the image: calibration, distortion, region and binning. The last message counts.",
    ),
    (
        "`depth/camera_info`",
        "sensor_msgs/CameraInfo",
        "Of a depth image that is not aligned with the image. Remap it beside `depth`.",
    ),
    (
        "`image`",
        "sensor_msgs/Image",
        "For the colours of `~/object_clouds` alone, and only while somebody subscribes to them.",
    ),
    (
        "`image/compressed`",
        "sensor_msgs/CompressedImage",
        "The same with `image_transport:=compressed`. Follows a remapping of `image`.",
    ),
    (
        "`/tf`, `/tf_static`",
        "tf2_msgs/TFMessage, tf2_msgs/TFMessage",
        "Transforms at the stamp of the image, never the latest: with `target_frame` or "
        "`gravity_frame`, and between the frames of depth and image.",
    ),
)
PUBLISHED = (
    (
        "`~/detections_3d`",
        "vision_msgs/Detection3DArray",
        "One message for each of the detections whose image has a depth, also when nothing has a "
        "place, with the stamp of the image. `bbox` is the box of the visible surface with full "
        "sizes along its own axes: on a support plane the third axis is the plane's normal and "
        "the first the longer side on it. The hypothesis has the same pose, with a covariance; "
        "`id` is that of the detection.",
    ),
    (
        "`~/support`",
        "geometry_msgs/PoseStamped",
        "A pose on the plane that the things stand on; its z axis is the normal, to the side of "
        "the camera. Published where a plane was found.",
    ),
    (
        "`~/object_clouds`",
        "sensor_msgs/PointCloud2",
        "The surfaces of all things: x, y, z, rgb where there is an image, and `instance`, the "
        "number that the thing has in `~/instances`. Only while somebody subscribes.",
    ),
    (
        "`~/markers`",
        "visualization_msgs/MarkerArray",
        "Cubes and names for RViz; only while somebody subscribes.",
    ),
    (
        "`/tf`",
        "tf2_msgs/TFMessage",
        "With `publish_tf` a transform for each thing, to `<node>/<name>_<id>`; things without an "
        "id are numbered among those of their name, best first.",
    ),
    (
        "`/diagnostics`",
        "diagnostic_msgs/DiagnosticArray",
        "Two entries for each camera, `<node>: input` and `<node>: frames`, and one for the node, "
        "`<node>: node`; in every lifecycle state. The first names every input that is waited "
        "for, within two seconds.",
    ),
)
LOCALIZER = Interface(SUBSCRIBED, PUBLISHED)
LIFECYCLE = (
    ("configure", "Makes the topics of the results."),
    ("activate", "Subscribes to the inputs; with `lazy`, only while somebody wants a result."),
    (
        "deactivate",
        "Unsubscribes at once. What waits for its depth is dropped, and the image that is being "
        "placed is not published.",
    ),
    ("cleanup", "Removes the topics of the results."),
)
DIAGNOSTICS = (
    (
        "input.<topic>.topic, input.<topic>.qos, input.<topic>.publishers",
        "What is subscribed and who publishes there, e.g. `input.depth.topic`.",
    ),
    ("input.<topic>.silence_s", "Seconds since the last message."),
    ("input.notes", "What is done without: instances, the depth's own camera_info."),
    *((f"stamps.{kind}", f"Number of {what}.") for kind, what in ODDITIES.items()),
    ("rate.received_hz, rate.published_hz", "Since the message before."),
    (
        "frames.received, frames.published, frames.dropped, frames.pending",
        "Images with detections since the node started. At every instant received = published + "
        "dropped; those pending are waiting or being worked on.",
    ),
    *((f"frames.dropped.{cause}", f"Of these: {why}.") for cause, why in CAUSES.items()),
    ("frames.undecodable.<reason>", "Unreadable ones by reason, e.g. `encoding`, `instances`."),
    ("frames.waiting", "Images that wait now for depth, instances, camera_info or transforms."),
    ("frames.by_boxes", "Images whose things were placed by their boxes, without masks."),
    ("objects.placed", "Things that got a place since the node started."),
    *(
        (f"objects.left_out.{cause}", f"Things without one: {why}.")
        for cause, why in LEFT_OUT.items()
    ),
    (
        "latency.<stage>.p50_ms, .p95_ms, .max_ms",
        "Of the last 300 images: `wait` (for all that belongs together), `decode`, `register` "
        "(depth into the image), `locate`, `transform`, `publish`, `total` (from the callback of "
        "the detections to publication), `drawing` (clouds and markers).",
    ),
    ("age.p50_ms, .p95_ms, .max_ms", "Image stamp to publication, by the node's clock."),
    ("last_error", "The last image that was lost to an error, or failed transition."),
    ("state", "The lifecycle state; `idle` (`lazy`, and nobody subscribes) behind it."),
    ("worker.busy_s", "Seconds since it began with the present image."),
    ("transforms.from", "Who keeps the transforms: tf2_ros or the node; empty for nobody."),
)
