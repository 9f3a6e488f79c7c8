# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""perception_node with a slow engine: `slow_node.py SECONDS DETECTOR… --ros-args …`."""

from __future__ import annotations

import sys
import time
from typing import Any

from vit_perception.engine.onnxruntime import OnnxRuntimeSession
from vit_perception.ros.perception_node import main

seconds = float(sys.argv.pop(1))
run = OnnxRuntimeSession.run


def slowly(self: OnnxRuntimeSession, inputs: dict[str, Any]) -> dict[str, Any]:
    time.sleep(seconds)
    return run(self, inputs)


if __name__ == "__main__":
    OnnxRuntimeSession.run = slowly  # type: ignore[method-assign]
    sys.exit(main())
