# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the nodes: one frozen dataclass per node is the single source.

Descriptors, validation, the files in config/ and the tables of the manual come from it.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from vit_perception.bundle.paths import DEFAULT_BUNDLE
from vit_perception.engine.cpu_affinity import AffinityError, parse_cores
from vit_perception.images.decode import DEFAULT_MAX_PIXELS
from vit_perception.perceiver.region import Region, RegionError
from vit_perception.setting import ParameterError, ParameterValue, Spec, checked, parameter
from vit_perception.vocabulary import VocabularyError, checked_names
from vit_perception.wording import shown

BUNDLE_DEFAULT = -1.0
"""Value of a threshold that means: the one written in the bundle."""


def _threshold(description: str) -> Any:
    return parameter(
        BUNDLE_DEFAULT,
        description,
        live=True,
        minimum=0.0,
        maximum=1.0,
        special=BUNDLE_DEFAULT,
        special_meaning="the bundle's own",
    )


@dataclass(frozen=True)
class DetectorParameters:
    """Parameters of detector_node; `validate` makes one from untrusted values."""

    bundle: str = parameter(
        DEFAULT_BUNDLE, "Folder of the model bundle, or the name of a bundled one."
    )
    vocabulary: tuple[str, ...] = parameter(
        (),
        "Names to look for, e.g. ['red mug', 'screwdriver']. Empty: the bundle's default names.",
        live=True,
    )
    score_threshold: float = _threshold(
        "Detections with a lower score are left out. -1: the bundle's own threshold."
    )
    class_thresholds: tuple[str, ...] = parameter(
        (),
        "Score thresholds of single names, in place of score_threshold: ['red mug=0.4'].",
        live=True,
    )
    iou_threshold: float = _threshold(
        "Of two boxes of one name that overlap more than this (intersection over union), the "
        "one with the lower score is left out. -1: the bundle's own threshold."
    )
    class_agnostic_nms: bool = parameter(
        False, "Let boxes of different names push each other out as well.", live=True
    )
    max_detections: int = parameter(
        100, "At most so many detections per frame, best first.", live=True, minimum=1, maximum=300
    )
    masks: bool = parameter(
        True,
        "Decode instance masks, where the bundle has them, for ~/instances and ~/overlay.",
        live=True,
    )
    roi: str = parameter(
        "",
        "Part of the image that is looked at, 'x,y,width,height' in pixels; results stay in "
        "pixels of the whole image. Empty: all of it.",
        live=True,
    )
    max_age: float = parameter(
        0.0,
        "Seconds: a frame older than this when its turn comes is dropped and counted as stale. "
        "0: no limit. Ages need a camera that stamps with the clock of this node.",
        live=True,
        minimum=0.0,
        maximum=3600.0,
    )
    image_transport: str = parameter(
        "raw",
        "'raw' subscribes to sensor_msgs/Image on `image`, 'compressed' to "
        "sensor_msgs/CompressedImage on `image/compressed`.",
        choices=("raw", "compressed"),
    )
    max_image_pixels: int = parameter(
        DEFAULT_MAX_PIXELS,
        "Images with more pixels are refused before memory is taken for them.",
        live=True,
        minimum=1,
        maximum=2**28,
    )
    precision: str = parameter(
        "fp32",
        "Which graph of the bundle runs, e.g. 'fp32' or 'int8'. A change takes effect when the "
        "new one has been opened; until then the old one runs.",
        live=True,
    )
    provider: str = parameter(
        "cpu",
        "What runs the graph: 'cpu', 'cuda', 'tensorrt', 'openvino' (the package openvino, on the "
        "CPU) or the name of an ONNX Runtime execution provider. One that is not there makes "
        "configure fail, and a change is refused.",
        live=True,
    )
    threads: int = parameter(
        0,
        "Threads of the engine. 0: one for each physical core that the process may use.",
        minimum=0,
        maximum=256,
    )
    cpu_affinity: str = parameter(
        "",
        "CPU cores that the node's process keeps to, with all its threads, so that others, a "
        "planner say, keep theirs: '0-3,6'. Empty: any.",
    )
    text_encoder_dir: str = parameter(
        "",
        "Folder of the text encoder, needed for names that the bundle does not know. Empty: "
        "the installed package of the encoder that the bundle names. Not used by a bundle that "
        "has its encoder inside.",
    )
    cameras: tuple[str, ...] = parameter(
        (),
        "Names of cameras that share the engine: ['front', 'wrist'] subscribes to front/image and "
        "wrist/image and publishes ~/front/detections and so on. Empty: one camera, `image`.",
    )
    autostart: bool = parameter(
        False,
        "Configure and activate when the process starts. False: leave that to whoever manages "
        "the lifecycle. The launch files set it.",
    )
    image_timeout: float = parameter(
        1.0,
        "Seconds without an image after which diagnostics warn. 0: never.",
        live=True,
        minimum=0.0,
        maximum=3600.0,
    )
    warn_age: float = parameter(
        0.0,
        "Seconds of age at publication (95th percentile) above which diagnostics warn. 0: never.",
        live=True,
        minimum=0.0,
        maximum=3600.0,
    )
    warn_rate: float = parameter(
        0.0,
        "Results a second of a camera below which diagnostics warn. 0: never.",
        live=True,
        minimum=0.0,
        maximum=1000.0,
    )
    diagnostics_period: float = parameter(
        1.0, "Seconds between two diagnostics messages.", live=True, minimum=0.1, maximum=60.0
    )
    overlay_rate: float = parameter(
        0.0,
        "At most so many pictures a second on ~/overlay. 0: one for every frame.",
        live=True,
        minimum=0.0,
        maximum=1000.0,
    )
    overlay_score: float = parameter(
        0.0,
        "Score below which ~/overlay leaves a detection out.",
        live=True,
        minimum=0.0,
        maximum=1.0,
    )
    overlay_masks: bool = parameter(True, "Draw masks on ~/overlay, not boxes alone.", live=True)
    marker_distance: float = parameter(
        1.0,
        "Metres before the camera at which ~/markers draws its boxes.",
        live=True,
        minimum=0.01,
        maximum=1000.0,
    )

    @property
    def thresholds_by_name(self) -> dict[str, float]:
        """Return `class_thresholds` as a map from name to threshold."""
        return _thresholds_by_name(self.class_thresholds)


def specs(parameters: type[DetectorParameters] = DetectorParameters) -> dict[str, Spec]:
    """Return what each parameter is, by name, in the order of the dataclass."""
    result = {}
    for each in fields(parameters):
        spec: Spec = each.metadata["spec"]
        values = {name: getattr(spec, name) for name in Spec.__slots__}
        result[each.name] = Spec(**{**values, "name": each.name, "default": each.default})
    return result


def validate(
    values: Mapping[str, object], current: DetectorParameters | None = None
) -> DetectorParameters:
    """Return parameters with `values` in place of those of `current` (or of the defaults).

    Values are taken as a person writes them: 1 for 1.0, 'red mug, spoon' for a list of names.

    Raises:
        ParameterError: one of the values cannot be; then none is taken.

    """
    known = specs()
    taken: dict[str, ParameterValue] = asdict(current) if current is not None else {}
    for name, value in values.items():
        if name not in known:
            raise ParameterError(unknown_name(name))
        taken[name] = _understood(known[name], checked(known[name], value))
    parameters = DetectorParameters(**taken)  # type: ignore[arg-type]
    _thresholds_by_name(parameters.class_thresholds)
    return parameters


def unknown_name(name: str) -> str:
    """Return a line that says that no parameter has this name, and which one comes near."""
    near = difflib.get_close_matches(name, specs(), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(specs())}"
    return f"no parameter is called {shown(name)}: {hint}"


def _understood(spec: Spec, value: ParameterValue) -> ParameterValue:
    if spec.name == "cpu_affinity" and value:
        try:
            parse_cores(str(value))
        except AffinityError as error:
            raise ParameterError(str(error)) from None
    if spec.name == "roi":
        try:
            Region.parse(str(value))
        except RegionError as error:
            raise ParameterError(str(error)) from None
    if not isinstance(value, tuple):
        return value
    if spec.name == "cameras":
        _check_cameras(value)
    if spec.name != "vocabulary" or not value:
        return value
    try:
        return checked_names(each.strip() for each in value)
    except VocabularyError as error:
        raise ParameterError(f"vocabulary: {error}") from None


def _check_cameras(names: tuple[str, ...]) -> None:
    for name in names:
        # Names of topics in ROS; one that begins with an underscore would be hidden.
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", name) or "__" in name:
            raise ParameterError(
                "cameras: expected names of letters, digits and single underscores that begin "
                f"with a letter, found {shown(name)}"
            )
    if len(set(names)) < len(names):
        raise ParameterError(f"cameras: expected each name once, found {shown(list(names))}")


def _thresholds_by_name(entries: Sequence[str]) -> dict[str, float]:
    result: dict[str, float] = {}
    for entry in entries:
        name, equals, number = (part.strip() for part in entry.rpartition("="))
        try:
            threshold = float(number)
        except ValueError:
            threshold = math.nan
        if not (equals and name and 0.0 <= threshold <= 1.0):
            raise ParameterError(
                f"class_thresholds: expected entries like 'red mug=0.4', with a threshold of "
                f"0 to 1, found {shown(entry)}"
            )
        if name in result:
            raise ParameterError(
                f"class_thresholds: expected each name once, found {shown(name)} twice"
            )
        result[name] = threshold
    if result:
        try:
            checked_names(result)
        except VocabularyError as error:
            raise ParameterError(f"class_thresholds: {error}") from None
    return result
