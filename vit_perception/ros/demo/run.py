# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a demonstration saw, ordered by stamps: messages may arrive in any order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from vit_perception.bags.detections_3d import NamedObjects
from vit_perception.bags.true_places import TruePlaces
from vit_perception.detections import Detections


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """Detections as they arrived: stamp (ns), and seconds from the stamp to the arrival."""

    stamp: int
    delay: float
    detections: Detections


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Detections with pass of the bag, stamp in the bag (ns) and version of the names.

    `delay` is seconds from the stamp, which is when the image was due, to the arrival.
    """

    bag_pass: int
    stamp: int
    delay: float
    version: int
    detections: Detections


@dataclass(slots=True)
class DemoRun:
    """All that a demonstration saw.

    Attributes:
        places: boxes in space of the first pass in the frame `world`, by stamp in the bag.
        true_places: where things truly were, by stamp; empty for a bag that does not say it.
    """

    names_before: tuple[str, ...]
    names_after: tuple[str, ...]
    camera_frames: int = 0
    first_version: int = 0
    seen: list[Seen] = field(default_factory=list)
    truth: Mapping[int, Detections] = field(default_factory=dict)
    places: Mapping[int, NamedObjects] = field(default_factory=dict)
    true_places: Mapping[int, TruePlaces] = field(default_factory=dict)
    diagnostics: dict[str, str] = field(default_factory=dict)
    change_seconds: float = 0.0

    def is_after(self, seen: Seen) -> bool:
        """Returns whether the frame was looked at with the new names."""
        return seen.version != self.first_version


def place(
    arrivals: Sequence[Arrival],
    versions: Mapping[int, int],
    shifts: Sequence[int],
    stamps: Collection[int],
) -> list[Seen]:
    """Finds pass and version of everything that arrived.

    Topics are not ordered relative to each other, and a result may be seconds late: only stamps
    tell what belongs together.

    Args:
        arrivals: in any order.
        versions: version of the names, by the stamp of the first frame with it.
        shifts: nanoseconds added to the stamps of the bag, by pass.
        stamps: of the images in the bag.

    Returns:
        Sorted by pass and stamp; arrivals without an image in the bag are left out.
    """
    known = set(stamps)
    seen = []
    for arrival in arrivals:
        for bag_pass, shift in enumerate(shifts):
            if arrival.stamp - shift in known:
                began = max((s for s in versions if s <= arrival.stamp), default=None)
                version = min(versions.values(), default=0) if began is None else versions[began]
                seen.append(
                    Seen(
                        bag_pass=bag_pass,
                        stamp=arrival.stamp - shift,
                        delay=arrival.delay,
                        version=version,
                        detections=arrival.detections,
                    )
                )
                break
    return sorted(seen, key=lambda s: (s.bag_pass, s.stamp))
