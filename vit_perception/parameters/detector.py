# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the nodes: one frozen dataclass per node is the single source.

Descriptors, validation, the files in config/ and the tables of the manual come from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vit_perception.bundle.paths import DEFAULT_BUNDLE
from vit_perception.engine.cpu_affinity import parse_cores
from vit_perception.images.raw import DEFAULT_MAX_PIXELS
from vit_perception.names import checked_names
from vit_perception.parameters.values import camera_names, taken
from vit_perception.perceiver.region import Region
from vit_perception.perceiver.settings import EngineSettings, Settings
from vit_perception.setting import setting, settings_of, shared_setting
from vit_perception.tracking.settings import TrackingSettings
from vit_perception.wording import shown


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    return checked_names(each.strip() for each in names) if names else names


def _name(text: str) -> str:
    return checked_names((text.strip(),))[0] if text else text


def _thresholds(entries: tuple[str, ...]) -> tuple[str, ...]:
    thresholds_by_name(entries)
    return entries


def _region(text: str) -> str:
    Region.parse(text)
    return text


def _cores(text: str) -> str:
    if text:
        parse_cores(text)
    return text


def thresholds_by_name(entries: Sequence[str]) -> dict[str, float]:
    """Returns the map that entries like 'red mug=0.4' write.

    Raises:
        ValueError: another entry, or a name that is there twice or cannot be; one line.
    """
    result: dict[str, float] = {}
    for entry in entries:
        name, equals, number = (part.strip() for part in entry.rpartition("="))
        try:
            threshold = float(number)
        except ValueError:
            threshold = math.nan
        if not (equals and name and 0.0 <= threshold <= 1.0):
            raise ValueError(
                "expected entries like 'red mug=0.4', with a threshold of 0 to 1, found "
                f"{shown(entry)}"
            )
        if name in result:
            raise ValueError(f"expected each name once, found {shown(name)} twice")
        result[name] = threshold
    if result:
        checked_names(result)
    return result


@dataclass(frozen=True)
class DetectorParameters:
    """Parameters of detector_node; `validate` makes one from untrusted values."""

    bundle: str = setting(
        DEFAULT_BUNDLE,
        "Folder of the model bundle, or the name of a bundled one.",
        at_configure=True,
    )
    vocabulary: tuple[str, ...] = setting(
        (),
        "Names to look for, e.g. ['red mug', 'screwdriver']. Empty: the bundle's default names.",
        live=True,
        check=_names,
    )
    score_threshold: float = shared_setting(Settings, "score_threshold")
    class_thresholds: tuple[str, ...] = setting(
        (),
        "Score thresholds of single names, in place of score_threshold: ['red mug=0.4'].",
        live=True,
        check=_thresholds,
    )
    iou_threshold: float = shared_setting(Settings, "iou_threshold")
    class_agnostic_nms: bool = shared_setting(Settings, "class_agnostic_nms")
    max_detections: int = shared_setting(Settings, "max_detections")
    masks: bool = shared_setting(Settings, "masks")
    tracking: bool = shared_setting(TrackingSettings, "tracking")
    track_memory: float = shared_setting(TrackingSettings, "track_memory")
    track_min_hits: int = shared_setting(TrackingSettings, "track_min_hits")
    track_low_score: float = shared_setting(TrackingSettings, "track_low_score")
    label_evidence: str = shared_setting(TrackingSettings, "label_evidence")
    label_certainty: float = shared_setting(TrackingSettings, "label_certainty")
    roi: str = setting(
        "",
        "Part of the image that is looked at, 'x,y,width,height' in pixels; results stay in "
        "pixels of the whole image. Empty: all of it.",
        live=True,
        check=_region,
    )
    max_age: float = setting(
        0.0,
        "Seconds: a frame older than this when its turn comes is dropped and counted as stale. "
        "0: no limit. Ages need a camera that stamps with the clock of this node.",
        live=True,
        minimum=0.0,
        maximum=3600.0,
    )
    image_transport: str = setting(
        "raw",
        "'raw' subscribes to sensor_msgs/Image on `image`, 'compressed' to "
        "sensor_msgs/CompressedImage on `image/compressed`.",
        at_configure=True,
        choices=("raw", "compressed"),
    )
    max_image_pixels: int = setting(
        DEFAULT_MAX_PIXELS,
        "Images with more pixels are refused before memory is taken for them.",
        live=True,
        minimum=1,
        maximum=2**28,
    )
    image_bits: int = setting(
        0,
        "Bits in use of images with 16 bits a channel: the largest value of so many bits is "
        "white. 0: measured, as the fewest of 8, 10, 12, 14 and 16 that hold the largest value "
        "that the camera has sent.",
        live=True,
        minimum=8,
        maximum=16,
        special=0,
        special_meaning="0 measures them",
    )
    precision: str = shared_setting(EngineSettings, "precision")
    provider: str = shared_setting(EngineSettings, "provider")
    threads: int = shared_setting(EngineSettings, "threads")
    cpu_affinity: str = setting(
        "",
        "CPU cores that the process of the node uses, with all its threads: '0-3,6'. Other "
        "programs, such as a planner, then have the rest. Empty: any.",
        at_configure=True,
        check=_cores,
    )
    configure_timeout: float = setting(
        60.0,
        "Seconds within which the engine has to be ready at configure, and after a change of "
        "precision, provider or names. What takes longer is given up, and so is a frame that the "
        "engine looks at for longer.",
        live=True,
        minimum=0.1,
        maximum=3600.0,
    )
    text_encoder_dir: str = setting(
        "",
        "Folder of the text encoder, needed for names that the bundle does not know. Empty: "
        "the installed package of the encoder that the bundle names. Not used by a bundle that "
        "has its encoder inside.",
        at_configure=True,
    )
    taught_file: str = setting(
        "",
        "File of what was taught: read by configure if it is there, written by ~/save_taught. "
        "Empty: none.",
        at_configure=True,
    )
    teach_history: float = setting(
        0.0,
        "Seconds for which images are kept, so that ~/teach can mean one by its stamp; at most "
        "256 MiB for each camera. 0: none are, and ~/teach means the image that was looked at "
        "last.",
        live=True,
        minimum=0.0,
        maximum=600.0,
    )
    teach_click: str = setting(
        "",
        "What the detection under a click on ~/overlay is called from then on, e.g. 'my mug'. "
        "Empty: clicks are refused.",
        live=True,
        check=_name,
    )
    lazy: bool = setting(
        True,
        "Subscribe to the images only while somebody subscribes to a result or a consumer in this "
        "process takes it. ~/detect_once is answered at any time.",
        live=True,
    )
    cameras: tuple[str, ...] = setting(
        (),
        "Names of cameras that share the engine: ['front', 'wrist'] subscribes to front/image and "
        "wrist/image and publishes ~/front/detections and so on. Empty: one camera, `image`.",
        check=camera_names,
    )
    autostart: bool = setting(
        False,
        "Configure and activate when the process starts. False: leave that to whoever manages "
        "the lifecycle. The launch files set it.",
    )
    image_timeout: float = setting(
        1.0,
        "Seconds without an image after which diagnostics warn. 0: never.",
        live=True,
        minimum=0.0,
        maximum=3600.0,
    )
    warn_age: float = setting(
        0.0,
        "Seconds of age at publication (95th percentile) above which diagnostics warn. 0: never.",
        live=True,
        minimum=0.0,
        maximum=3600.0,
    )
    warn_rate: float = setting(
        0.0,
        "Results a second of a camera below which diagnostics warn. 0: never.",
        live=True,
        minimum=0.0,
        maximum=1000.0,
    )
    diagnostics_period: float = setting(
        1.0, "Seconds between two diagnostics messages.", live=True, minimum=0.1, maximum=60.0
    )
    overlay_rate: float = setting(
        0.0,
        "At most so many pictures a second on ~/overlay. 0: one for every frame.",
        live=True,
        minimum=0.0,
        maximum=1000.0,
    )
    overlay_score: float = setting(
        0.0,
        "Score below which ~/overlay leaves a detection out.",
        live=True,
        minimum=0.0,
        maximum=1.0,
    )
    overlay_masks: bool = setting(True, "Draw masks on ~/overlay, not boxes alone.", live=True)
    marker_distance: float = setting(
        1.0,
        "Metres before the camera at which ~/markers draws its boxes.",
        live=True,
        minimum=0.01,
        maximum=1000.0,
    )

    def settings(self) -> Settings:
        """Returns what the Perceiver reads of these parameters."""
        shared = {name: getattr(self, name) for name in settings_of(Settings)}
        return Settings(
            **shared,
            class_thresholds=thresholds_by_name(self.class_thresholds),
            region=Region.parse(self.roi),
            **self.tracking_settings().asked,
        )

    def engine_settings(self) -> EngineSettings:
        """Returns what runs the network."""
        names = settings_of(EngineSettings)
        return EngineSettings(**{name: getattr(self, name) for name in names})

    def tracking_settings(self) -> TrackingSettings:
        """Returns what a Tracker reads of these parameters."""
        names = settings_of(TrackingSettings)
        return TrackingSettings(**{name: getattr(self, name) for name in names})


def validate(
    values: Mapping[str, object], current: DetectorParameters | None = None
) -> DetectorParameters:
    """Returns parameters with `values` in place of those of `current` (or of the defaults).

    Values are taken as a person writes them: 1 for 1.0, 'red mug, spoon' for a list of names.

    Raises:
        SettingError: one of the values cannot be; then none is taken.
    """
    return taken(DetectorParameters, values, current)
