# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the nodes: one frozen dataclass per node is the single source.

Descriptors, validation, the files in config/ and the tables of the manual come from it.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from vit_perception.bundle_paths import DEFAULT_BUNDLE
from vit_perception.images import DEFAULT_MAX_PIXELS
from vit_perception.vocabulary import VocabularyError, checked_names, parse_names
from vit_perception.wording import shown

BUNDLE_DEFAULT = -1.0
"""Value of a threshold that means: the one written in the bundle."""

ParameterValue = bool | int | float | str | tuple[str, ...]


class ParameterError(ValueError):
    """One line that says which parameter cannot have which value, and what it can have."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What a parameter is: taken for descriptors, validation and the manual.

    `special` is the one value outside [minimum, maximum] that has a meaning of its own,
    told by `special_meaning`. `live` parameters change while the node runs; the others are
    read when it starts.
    """

    description: str
    live: bool
    minimum: float | None = None
    maximum: float | None = None
    special: float | None = None
    special_meaning: str = ""
    choices: tuple[str, ...] = ()
    name: str = ""
    default: ParameterValue = ""

    @property
    def kind(self) -> str:
        """Return the ROS type: bool, integer, double, string or string_array."""
        kinds = {bool: "bool", int: "integer", float: "double", str: "string"}
        return kinds.get(type(self.default), "string_array")

    @property
    def allowed(self) -> str:
        """Return the allowed values in words; empty when every value of the kind is."""
        if self.choices:
            return " or ".join(repr(choice) for choice in self.choices)
        if self.minimum is None or self.maximum is None:
            return ""
        words = f"{self.minimum:g} to {self.maximum:g}"
        if self.kind == "integer":
            words = f"{self.minimum:.0f} to {self.maximum:.0f}"
        return words if self.special is None else f"{words}, or {self.special:g}"


def _parameter(default: ParameterValue, description: str, **spec: Any) -> Any:
    return field(
        default=default,
        metadata={"spec": Spec(description, live=spec.pop("live", False), **spec)},
    )


def _threshold(description: str) -> Any:
    return _parameter(
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

    bundle: str = _parameter(
        DEFAULT_BUNDLE, "Folder of the model bundle, or the name of a bundled one."
    )
    vocabulary: tuple[str, ...] = _parameter(
        (),
        "Names to look for, e.g. ['red mug', 'screwdriver']. Empty: the bundle's default names.",
        live=True,
    )
    score_threshold: float = _threshold(
        "Detections with a lower score are left out. -1: the bundle's own threshold."
    )
    class_thresholds: tuple[str, ...] = _parameter(
        (),
        "Score thresholds of single names, in place of score_threshold: ['red mug=0.4'].",
        live=True,
    )
    iou_threshold: float = _threshold(
        "Of two boxes of one name that overlap more than this (intersection over union), the "
        "one with the lower score is left out. -1: the bundle's own threshold."
    )
    class_agnostic_nms: bool = _parameter(
        False, "Let boxes of different names push each other out as well.", live=True
    )
    max_detections: int = _parameter(
        100, "At most so many detections per frame, best first.", live=True, minimum=1, maximum=300
    )
    masks: bool = _parameter(
        True,
        "Decode instance masks, where the bundle has them; they are drawn on ~/overlay.",
        live=True,
    )
    max_age: float = _parameter(
        0.0,
        "Seconds: a frame older than this when its turn comes is dropped and counted as stale. "
        "0: no limit. Ages need a camera that stamps with the clock of this node.",
        live=True,
        minimum=0.0,
        maximum=3600.0,
    )
    image_transport: str = _parameter(
        "raw",
        "'raw' subscribes to sensor_msgs/Image on `image`, 'compressed' to "
        "sensor_msgs/CompressedImage on `image/compressed`.",
        choices=("raw", "compressed"),
    )
    max_image_pixels: int = _parameter(
        DEFAULT_MAX_PIXELS,
        "Images with more pixels are refused before memory is taken for them.",
        live=True,
        minimum=1,
        maximum=2**28,
    )
    precision: str = _parameter("fp32", "Which graph of the bundle runs, e.g. 'fp32' or 'int8'.")
    provider: str = _parameter(
        "cpu",
        "What runs the graph: 'cpu', 'cuda', 'tensorrt', 'openvino' or the name of an ONNX "
        "Runtime execution provider. One that is not there makes configure fail.",
    )
    threads: int = _parameter(
        0, "Threads of the engine. 0: as many as it likes.", minimum=0, maximum=256
    )
    text_encoder_dir: str = _parameter(
        "",
        "Folder of the text encoder, needed for names that the bundle does not know. Empty: "
        "the installed package of the encoder that the bundle names.",
    )
    image_timeout: float = _parameter(
        2.0,
        "Seconds without an image after which diagnostics warn. 0: never.",
        live=True,
        minimum=0.0,
        maximum=3600.0,
    )
    diagnostics_period: float = _parameter(
        1.0, "Seconds between two diagnostics messages.", live=True, minimum=0.1, maximum=60.0
    )
    overlay_rate: float = _parameter(
        0.0,
        "At most so many pictures a second on ~/overlay. 0: one for every frame.",
        live=True,
        minimum=0.0,
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
    checked: dict[str, ParameterValue] = asdict(current) if current is not None else {}
    for name, value in values.items():
        if name not in known:
            raise ParameterError(unknown_name(name))
        checked[name] = _checked(known[name], value)
    parameters = DetectorParameters(**checked)  # type: ignore[arg-type]
    _thresholds_by_name(parameters.class_thresholds)
    return parameters


def unknown_name(name: str) -> str:
    """Return a line that says that no parameter has this name, and which one comes near."""
    near = difflib.get_close_matches(name, specs(), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(specs())}"
    return f"no parameter is called {shown(name)}: {hint}"


def natural(spec: Spec, value: object) -> object:
    """Return `value` as the kind of `spec` where nothing is lost by it, else `value` itself."""
    if spec.kind == "double" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if spec.kind == "string_array":
        if isinstance(value, str):
            return _listed(value)
        if isinstance(value, Sequence) and all(isinstance(each, str) for each in value):
            # ROS cannot send an empty list of strings; one empty string stands for it.
            return () if tuple(value) == ("",) else tuple(value)
    return value


def _checked(spec: Spec, value: object) -> ParameterValue:
    value = natural(spec, value)
    types = {"bool": bool, "integer": int, "double": float, "string": str, "string_array": tuple}
    if not isinstance(value, types[spec.kind]) or (
        spec.kind == "integer" and isinstance(value, bool)
    ):
        kind = "list of strings" if spec.kind == "string_array" else spec.kind
        raise ParameterError(f"{spec.name}: expected {kind}, found {shown(value)}")
    if isinstance(value, tuple):
        return _checked_strings(spec, value)
    if isinstance(value, (int, float)) and not _in_range(spec, value):
        meaning = f" ({spec.special_meaning})" if spec.special is not None else ""
        raise ParameterError(f"{spec.name}: expected {spec.allowed}{meaning}, found {value:g}")
    if spec.choices and value not in spec.choices:
        raise ParameterError(f"{spec.name}: expected {spec.allowed}, found {shown(value)}")
    if isinstance(value, str) and not value.isprintable():
        raise ParameterError(
            f"{spec.name}: expected text without control characters, found {shown(value)}"
        )
    assert isinstance(value, (bool, int, float, str))
    return value


def _in_range(spec: Spec, value: float) -> bool:
    if spec.minimum is None or spec.maximum is None or value == spec.special:
        return True
    return math.isfinite(value) and spec.minimum <= value <= spec.maximum


def _checked_strings(spec: Spec, value: tuple[str, ...]) -> tuple[str, ...]:
    if spec.name != "vocabulary" or not value:
        return value
    try:
        return checked_names(each.strip() for each in value)
    except VocabularyError as error:
        raise ParameterError(f"vocabulary: {error}") from None


def _listed(text: str) -> object:
    if text.strip() in ("", "[]"):
        return ()
    try:
        return parse_names(text)
    except VocabularyError:
        return text


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
    return result
