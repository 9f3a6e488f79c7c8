# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A dataclass of parameters as ROS parameters: descriptors, validation, live changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any, Generic, TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from vit_perception.parameters.values import taken, unknown_name
from vit_perception.setting import Setting, SettingError, natural, settings_of
from vit_perception.wording import one_line

P = TypeVar("P")

Apply = Callable[[], None]

# Parameters that rclpy declares for itself.
_FOREIGN = ("use_sim_time", "start_type_description_service", "qos_overrides.")

_TYPES = {
    "bool": Parameter.Type.BOOL,
    "integer": Parameter.Type.INTEGER,
    "double": Parameter.Type.DOUBLE,
    "string": Parameter.Type.STRING,
    "string_array": Parameter.Type.STRING_ARRAY,
}


class ParameterBridge(Generic[P]):
    """Declares the parameters on a node and keeps `current` equal to what ROS shows.

    What is given for a parameter as an empty list or nothing means its default.

    Args:
        node: where the parameters are declared.
        kind: the dataclass that declares them.
        prepare: called with parameters that are valid by themselves before they are taken:
            does what can fail and gives back what makes them count, or raises an exception
            whose text is the reason of the refusal. It must not change anything.
        others: names that are meant for other nodes, and ignored without a word.

    Raises:
        SettingError: a value given at start cannot be.

    """

    def __init__(
        self,
        node: Node,
        kind: type[P],
        prepare: Callable[[P], Apply],
        others: Collection[str] = (),
    ) -> None:
        self._node = node
        self._kind = kind
        self._prepare = prepare
        self._others = others
        self._prepared: tuple[P, Apply] | None = None
        self._settings = settings_of(kind)
        self.current = self._declare()
        node.add_pre_set_parameters_callback(self._naturally)
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._take)

    def _declare(self) -> P:
        node, given = self._node, {}
        # rclpy has no public way to names that were given but do not exist, other than declaring
        # them all, which ends at the first empty list: that has no type in ROS.
        for name, parameter in node._parameter_overrides.items():
            if name in self._settings:
                if parameter.type_ != Parameter.Type.NOT_SET:
                    given[name] = parameter.value
            elif name not in self._others and not name.startswith(_FOREIGN):
                node.get_logger().warning(f"ignored: {unknown_name(self._kind, name)}")
        parameters = taken(self._kind, given)
        for name, declared in self._settings.items():
            value = _ros_parameter(declared, getattr(parameters, name)).value
            node.declare_parameter(name, value, _descriptor(declared), ignore_override=True)
        return parameters

    def _naturally(self, parameters: list[Parameter[Any]]) -> list[Parameter[Any]]:
        """Lets `ros2 param set` write 1 for 1.0, [] and 'a, b' for lists of strings."""
        return [self._natural(parameter) for parameter in parameters]

    def _natural(self, parameter: Parameter[Any]) -> Parameter[Any]:
        declared = self._settings.get(parameter.name)
        if declared is None or parameter.type_ == Parameter.Type.NOT_SET:
            return parameter
        value = natural(declared, parameter.value)
        kinds = {"double": float, "integer": int, "string_array": tuple}
        right = declared.kind in kinds and type(value) is kinds[declared.kind]
        return _ros_parameter(declared, value) if right else parameter

    def _check(self, parameters: list[Parameter[Any]]) -> SetParametersResult:
        """Refuses what is not allowed, with the reason; otherwise keeps what `_take` needs."""
        self._prepared = None
        values = {each.name: each.value for each in parameters if each.name in self._settings}
        if not values:
            return SetParametersResult(successful=True)
        try:
            wanted = taken(self._kind, values, self.current)
            self._prepared = (wanted, self._prepare(wanted))
        except SettingError as error:
            return SetParametersResult(successful=False, reason=str(error))
        except Exception as error:
            # Raised further, it would end the executor, and the node with it.
            return SetParametersResult(successful=False, reason=one_line(error))
        return SetParametersResult(successful=True)

    def _take(self, parameters: list[Parameter[Any]]) -> None:
        if self._prepared is not None:
            self.current, apply = self._prepared
            self._prepared = None
            apply()


def _ros_parameter(declared: Setting, value: Any) -> Parameter[Any]:
    if declared.kind == "string_array":
        # An empty list has no type in ROS; one empty string stands for it.
        value = list(value) or [""]
    return Parameter(declared.name, _TYPES[declared.kind], value)


def _descriptor(declared: Setting) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(
        name=declared.name,
        type=_TYPES[declared.kind].value,
        description=declared.description,
        additional_constraints=declared.allowed,
        read_only=not (declared.live or declared.at_configure),
        # Types are checked in `_check`: rclpy's own refusal says "expected '3' got '4'".
        dynamic_typing=True,
    )
    if declared.kind == "integer" and declared.allowed:
        low, high = _range(declared, -(2**63), 2**63 - 1)
        descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=0)]
    elif declared.kind == "double" and declared.allowed:
        low, high = _range(declared, -math.inf, math.inf)
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=low, to_value=high, step=0.0)
        ]
    return descriptor


def _range(declared: Setting, lowest: float, highest: float) -> tuple[float, float]:
    """Returns the range of a descriptor, which has to hold the special value too."""
    low = lowest if declared.minimum is None else declared.minimum
    high = highest if declared.maximum is None else declared.maximum
    special = low if declared.special is None else declared.special
    return min(low, special), max(high, special)
