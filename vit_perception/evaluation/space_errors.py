# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How far boxes in space are from where things truly are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vit_perception.bags.detections_3d import NamedObjects

NEAR = 0.15
"""Metres between centres up to which a box is taken for that of a thing of its name."""


Thing = tuple[str, str]
"""Name and id of a true thing; things without ids are told apart by name alone."""


@dataclass(slots=True)
class SpaceErrors:
    """Distances between the centres of found and true boxes of one name, over many moments.

    Attributes:
        seen: moments at which each thing was there.
        errors: metres, at each moment at which it was found.
        found: float64 [3], centre of its box at those moments, metres.
    """

    seen: Counter[Thing] = field(default_factory=Counter)
    errors: dict[Thing, list[float]] = field(default_factory=dict)
    found: dict[Thing, list[NDArray[np.float64]]] = field(default_factory=dict)

    def add(self, truth: NamedObjects, boxes: NamedObjects) -> None:
        """Adds one moment; things and boxes of a name are matched one to one, the nearest first.

        Args:
            truth, boxes: in the same frame.
        """
        things = list(zip(truth.names, truth.ids, strict=True))
        self.seen.update(things)
        for name in dict.fromkeys(truth.names):
            named = [thing for thing in things if thing[0] == name]
            true = truth.objects.centres[[each == name for each in truth.names]]
            seen = boxes.objects.centres[[each == name for each in boxes.names]]
            away = np.linalg.norm(true[:, None] - seen[None], axis=2)
            # What is farther than NEAR must not draw a pair to itself.
            rows, columns = linear_sum_assignment(np.minimum(away, NEAR))
            for row, column in zip(rows, columns, strict=True):
                if away[row, column] < NEAR:
                    thing = named[row]
                    self.errors.setdefault(thing, []).append(float(away[row, column]))
                    self.found.setdefault(thing, []).append(seen[column])

    def all_errors(self) -> NDArray[np.float64]:
        """Returns the errors of all names: float64 [N], metres."""
        return np.array([error for errors in self.errors.values() for error in errors], np.float64)
