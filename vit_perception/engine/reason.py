# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the reason in an engine's error, which comes behind places in the engine's own code."""

from __future__ import annotations

import re

from vit_perception.wording import one_line

_SEARCHED = 2000
_SOURCE = r"[\w./\\+:-]+\.(?:cc|cpp|cu|cuh|h|hpp):[0-9]+"
# "[ONNXRuntimeError] : 1 : FAIL : "
_ONNX_RUNTIME = re.compile(r"\[ONNXRuntimeError\] : [0-9]+ : [A-Z_]+ : ")
# "Exception from src/core/model.cpp:10: ", "Check 'a == b' failed at src/core/model.cpp:10: "
_OPENVINO = re.compile(rf"Exception from {_SOURCE}:\s+|(?<= failed) at {_SOURCE}(?=:)")
# The file and line of ONNX Runtime's code, and the first word of the C++ function behind it.
_PLACE = re.compile(rf"{_SOURCE} (?=(?P<function>[\w:<>,&*~ ]*[\w>])\()")
_BARE_PLACE = re.compile(rf"{_SOURCE} ")
_AFTER_ARGUMENTS = re.compile(
    r"(?: const)?(?: \[with [^\]]*\])?(?:::(?:<lambda\([^)]*\)>|[\w:~<>]+))? ?"
)
# What ONNX Runtime says around the number of an opset that it does not know.
_BOILERPLATE = re.compile(
    r"ONNX Runtime only \*guarantees\* support for models stamped with official released onnx "
    r"opset versions\. "
    r"|The operator schemas and or other functionality may change before next ONNX release and "
    r"in this case ONNX Runtime will not guarantee backward compatibility\. "
)


def reason(error: BaseException) -> str:
    """Returns the reason of an engine's error in one line, without places in the engine's code."""
    text = " ".join(str(error).split())
    if len(text) > 2 * _SEARCHED:  # names in a graph may be of any length
        text = f"{text[:_SEARCHED]}…{text[-_SEARCHED:]}"
    for wrapper in (_ONNX_RUNTIME, _OPENVINO, _BOILERPLATE):
        text = wrapper.sub("", text)
    text = _without_places(text).strip()
    return one_line(ValueError(text)) if text else one_line(error)


def _without_places(text: str) -> str:
    kept, at = [], 0
    while place := _PLACE.search(text, at):
        end = _end_of_arguments(text, place.end("function"))
        # Without a reason behind it, the place is all there is.
        if end is None or not text[end:].strip():
            break
        kept.append(text[at : place.start()])
        at = end
    rest = text[at:]
    return "".join(kept) + (_BARE_PLACE.sub("", rest) or rest)


def _end_of_arguments(text: str, at: int) -> int | None:
    """Returns the end of a C++ function's arguments, which begin at `at`; None if they do not."""
    while text[at : at + 1] == "(":  # twice for `operator()(int)`
        depth = 0
        for end in range(at, len(text)):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            if not depth:
                break
        else:
            return None
        at = end + 1
    after = _AFTER_ARGUMENTS.match(text, at)
    return after.end() if after else at
