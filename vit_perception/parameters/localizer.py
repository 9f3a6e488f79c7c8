# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of localizer_node; what it shares with others is declared there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vit_perception.parameters.detector import DetectorParameters
from vit_perception.parameters.values import camera_names, taken
from vit_perception.setting import setting, settings_of, shared_setting
from vit_perception.space.camera_info import looks_rectified
from vit_perception.space.settings import SLOP, SpaceSettings


@dataclass(frozen=True)
class LocalizerParameters:
    """Parameters of localizer_node; `validate` makes one from untrusted values."""

    target_frame: str = setting(
        "",
        "Frame of the results, e.g. base_link; needs /tf at the stamp of each image. Empty: the "
        "optical frame of the image.",
        live=True,
    )
    tf_timeout: float = setting(
        0.2,
        "Seconds that a frame waits for the transforms at its stamp, which often come later than "
        "the image.",
        live=True,
        minimum=0.0,
        maximum=10.0,
    )
    gravity_frame: str = setting(
        "",
        "Frame whose z axis points up, e.g. base_link: the support plane is then level, and no "
        "wall is taken for it. Empty: any plane will do.",
        live=True,
    )
    sync_slop: float = setting(
        SLOP,
        "Seconds by which the stamps of image and depth may differ where none are equal.",
        live=True,
        minimum=0.0,
        maximum=1.0,
    )
    sync_timeout: float = setting(
        0.3,
        "Seconds that detections wait for the depth and the instances of their image.",
        live=True,
        minimum=0.01,
        maximum=10.0,
    )
    depth_transport: str = setting(
        "raw",
        "'raw' subscribes to sensor_msgs/Image on `depth`, 'compressedDepth' to "
        "sensor_msgs/CompressedImage on `depth/compressedDepth`.",
        at_configure=True,
        choices=("raw", "compressedDepth"),
    )
    image_transport: str = shared_setting(DetectorParameters, "image_transport")
    max_image_pixels: int = shared_setting(DetectorParameters, "max_image_pixels")
    rectified: str = setting(
        "auto",
        "Whether the detector looks at rectified images, whose camera_info is then read as such. "
        "'auto': if the last part of the topic `image` has 'rect' in it.",
        live=True,
        choices=("auto", "true", "false"),
    )
    min_points: int = shared_setting(SpaceSettings, "min_points")
    max_range: float = shared_setting(SpaceSettings, "max_range")
    edge_pixels: int = shared_setting(SpaceSettings, "edge_pixels")
    support_plane: bool = shared_setting(SpaceSettings, "support_plane")
    reach_support: bool = shared_setting(SpaceSettings, "reach_support")
    noise_base: float = shared_setting(SpaceSettings, "noise_base")
    noise_scale: float = shared_setting(SpaceSettings, "noise_scale")
    publish_tf: bool = setting(
        False,
        "Send a transform for each thing, to a frame called <node>/<name>_<id or number>.",
        live=True,
    )
    lazy: bool = setting(
        True,
        "Subscribe to the inputs only while somebody subscribes to a result, or `publish_tf` is "
        "set.",
        live=True,
    )
    cameras: tuple[str, ...] = setting(
        (),
        "Names of cameras: ['front', 'wrist'] subscribes to front/detections, front/depth and so "
        "on and publishes ~/front/detections_3d. Empty: one camera; beside a detector in one "
        "process, the detector's.",
        check=camera_names,
    )
    autostart: bool = shared_setting(DetectorParameters, "autostart")
    input_timeout: float = setting(
        0.9,
        "Seconds without an input after which diagnostics warn. 0: never.",
        live=True,
        minimum=0.0,
        maximum=3600.0,
    )
    warn_age: float = shared_setting(DetectorParameters, "warn_age")
    warn_rate: float = shared_setting(DetectorParameters, "warn_rate")
    diagnostics_period: float = shared_setting(DetectorParameters, "diagnostics_period")

    def settings(self) -> SpaceSettings:
        """Returns what `locate` reads of these parameters."""
        return SpaceSettings(**{name: getattr(self, name) for name in settings_of(SpaceSettings)})

    def is_rectified(self, topic: str) -> bool:
        """Returns whether the images of a topic are rectified."""
        if self.rectified == "auto":
            return looks_rectified(topic)
        return self.rectified == "true"


def validate(
    values: Mapping[str, object], current: LocalizerParameters | None = None
) -> LocalizerParameters:
    """Returns parameters with `values` in place of those of `current` (or of the defaults).

    Raises:
        SettingError: one of the values cannot be; then none is taken.
    """
    return taken(LocalizerParameters, values, current)
