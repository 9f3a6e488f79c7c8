# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Find things by name in a picture, without ROS.

python examples/python_api.py samples/photos/images/car_groceries.jpg "can, box, bottle"
"""

from __future__ import annotations

import json
import sys

import vit_perception as vp


def main(picture: str, names: str) -> int:
    """Prints what is found."""
    perceiver = vp.load("tabletop_nano")
    # A path, a vp.Frame, or uint8 [H, W, 3] in RGB order; OpenCV's arrays are BGR.
    found = perceiver(picture, names=[name.strip() for name in names.split(",")])
    print(found)
    for thing in found:
        print(f"{thing.name:<20} {thing.score:.2f}  {thing.box.round().tolist()}")
        if thing.mask is not None:
            print(f"{'':<20} {thing.mask.sum()} of {thing.mask.size} pixels")

    # Detections are sequences: an integer, a slice, a mask or a list of integers.
    sure = found[found.scores > 0.4]
    print(f"{len(sure)} surer than 0.4; the first as a COCO result:")
    print(json.dumps(found[:1].to_coco(image_id=1)))
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
