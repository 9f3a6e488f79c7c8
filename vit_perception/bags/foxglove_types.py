# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Fields of Foxglove's messages for drawings over an image.

Names, types and order are those of foxglove_msgs, https://docs.foxglove.dev/docs/sdk/schemas, as
distributions of ROS 2 have them. Viewers take the definition from the bag.
"""

from __future__ import annotations

from types import MappingProxyType

IMAGE_ANNOTATIONS = "foxglove_msgs/msg/ImageAnnotations"
LINE_LOOP, LINE_LIST = 2, 4
"""Types of a PointsAnnotation: a closed outline, and separate lines of two points each."""

FOXGLOVE_MSGS = MappingProxyType(
    {
        "Color": "float64 r\nfloat64 g\nfloat64 b\nfloat64 a\n",
        "Point2": "float64 x\nfloat64 y\n",
        "CircleAnnotation": (
            "builtin_interfaces/Time timestamp\nfoxglove_msgs/Point2 position\n"
            "float64 diameter\nfloat64 thickness\n"
            "foxglove_msgs/Color fill_color\nfoxglove_msgs/Color outline_color\n"
        ),
        "PointsAnnotation": (
            "uint8 UNKNOWN=0\nuint8 POINTS=1\nuint8 LINE_LOOP=2\nuint8 LINE_STRIP=3\n"
            "uint8 LINE_LIST=4\n"
            "builtin_interfaces/Time timestamp\nuint8 type\nfoxglove_msgs/Point2[] points\n"
            "foxglove_msgs/Color outline_color\nfoxglove_msgs/Color[] outline_colors\n"
            "foxglove_msgs/Color fill_color\nfloat64 thickness\n"
        ),
        "TextAnnotation": (
            "builtin_interfaces/Time timestamp\nfoxglove_msgs/Point2 position\nstring text\n"
            "float64 font_size\nfoxglove_msgs/Color text_color\n"
            "foxglove_msgs/Color background_color\n"
        ),
        "ImageAnnotations": (
            "foxglove_msgs/CircleAnnotation[] circles\n"
            "foxglove_msgs/PointsAnnotation[] points\nfoxglove_msgs/TextAnnotation[] texts\n"
        ),
    }
)
