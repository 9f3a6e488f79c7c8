# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What the pixels of a rendered table belong to, whatever its name: the classes of class maps."""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """The class of a pixel, and its number in a class map.

    A container that can be grasped, such as a mug, is a thing.
    """

    BACKGROUND = 0
    SUPPORT = 1
    """The table."""
    FURNITURE = 2
    """A shelf, its boards too."""
    CONTAINER = 3
    """An open bin that stands on the table, its floor too."""
    THING = 4


ROLES = tuple(role.name.lower() for role in Role)
"""Names of the classes, by number."""
