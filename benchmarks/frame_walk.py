# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The calls of this package that one frame takes from subscription to publication.

A node in this process is given one image after a few others, with a tracer on the thread that
receives and on the one that looks; somebody subscribes to ~/detections. Counted are calls of
functions defined in vit_perception, of named ones: comprehensions and generators belong to the
function around them. Timers of the node that run in between are left out.

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

import cv2
import rclpy
from detector_lines import OneProcess

import vit_perception
from vit_perception.images.media import read_picture
from vit_perception.ros.environment import keep_to_this_machine, set_image_transport

PACKAGE = str(Path(vit_perception.__file__).parent)
TIMERS = {"_follow", "report"}
WARM_UP = 5
PICTURE = "samples/photos/images/car_groceries.jpg"


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
        named = code.co_filename.startswith(PACKAGE) and not code.co_name.startswith("<")
        if named and not of_a_timer(frame):
            file = code.co_filename[len(PACKAGE) + 1 :]
            self.calls.append((file, getattr(code, "co_qualname", code.co_name)))


def of_a_timer(frame: FrameType) -> bool:
    """Returns whether a timer's callback is on the stack."""
    each: FrameType | None = frame
    while each is not None:
        if each.f_code.co_name in TIMERS and each.f_code.co_filename.startswith(PACKAGE):
            return True
        each = each.f_back
    return False


def main() -> int:
    """Walks and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bundle", default="tabletop_nano", help="folder or name")
    parser.add_argument("--picture", default=PICTURE, help="what is looked at, as 640x480")
    parser.add_argument("--show", action="store_true", help="print every call, in order")
    options = parser.parse_args()
    set_image_transport()
    keep_to_this_machine()
    walk = Walk()
    rclpy.init()
    # Diagnostics run on the same thread, but are no part of a frame's way.
    line = OneProcess({"bundle": options.bundle, "threads": 1, "diagnostics_period": 60.0})
    picture = cv2.resize(read_picture(Path(options.picture)).image, (640, 480))
    step = line.line.step(picture)
    try:
        for _ in range(WARM_UP):
            step()
        time.sleep(0.5)
        walk.on = True
        step()
        # The account, which follows publication, belongs to the frame as well.
        time.sleep(0.2)
        walk.on = False
    finally:
        line.close()
        rclpy.shutdown()
    report(walk.calls, show=options.show)
    return 0


def report(calls: list[tuple[str, str]], *, show: bool) -> None:
    """Prints calls, files and changes of file, and the files with the most calls."""
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
