# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The calls of this package that one frame takes from subscription to publication.

A node in this process is given one image after a few others, with a tracer on the thread that
receives and on the one that looks; somebody subscribes to ~/detections. Counted are calls of
functions defined in vit_perception, of named ones: comprehensions and generators belong to the
function around them, and the interpreter's own __init__ of dataclasses has no file.

    python benchmarks/frame_walk.py --bundle tabletop_nano --show
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import rclpy
from detector_lines import OneProcess

import vit_perception
from vit_perception.ros.environment import keep_to_this_machine, set_image_transport

PACKAGE = str(Path(vit_perception.__file__).parent)
WARM_UP = 5


class Walk:
    """Records calls in the order in which they begin, on all threads begun after it."""

    def __init__(self) -> None:
        self.on = False
        self.calls: list[tuple[str, str]] = []
        threading.setprofile(self._trace)

    def _trace(self, frame: FrameType, event: str, _: Any) -> None:
        if not self.on or event != "call":
            return
        code = frame.f_code
        if code.co_filename.startswith(PACKAGE) and not code.co_name.startswith("<"):
            file = code.co_filename[len(PACKAGE) + 1 :]
            self.calls.append((file, getattr(code, "co_qualname", code.co_name)))


def main() -> int:
    """Walk and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bundle", default="tabletop_nano", help="folder or name")
    parser.add_argument("--show", action="store_true", help="print every call, in order")
    options = parser.parse_args()
    set_image_transport()
    keep_to_this_machine()
    walk = Walk()
    rclpy.init()
    # Diagnostics run on the same thread, and are no part of a frame's way.
    line = OneProcess({"bundle": options.bundle, "threads": 1, "diagnostics_period": 60.0})
    picture = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    step = line.line.step(picture)
    try:
        for _ in range(WARM_UP):
            step()
        time.sleep(0.5)
        walk.on = True
        step()
        # What follows publication, the account, belongs to the frame as well.
        time.sleep(0.2)
        walk.on = False
    finally:
        line.close()
        rclpy.shutdown()
    report(walk.calls, show=options.show)
    return 0


def report(calls: list[tuple[str, str]], *, show: bool) -> None:
    """Print calls, files and changes of file, and the files with the most calls."""
    if show:
        for file, name in calls:
            print(f"{file:<40}{name}")
    files = Counter(file for file, _ in calls)
    changes = sum(a[0] != b[0] for a, b in zip(calls, calls[1:], strict=False))
    print(f"{len(calls)} calls in {len(files)} files, {changes} changes of file")
    for file, count in files.most_common():
        print(f"{count:5} {file}")


if __name__ == "__main__":
    sys.exit(main())
