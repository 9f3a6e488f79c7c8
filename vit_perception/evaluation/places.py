# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Where the pictures lie that an annotation file names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from vit_perception.wording import shown, shown_path


class PlaceError(ValueError):
    """A name leads to no place inside the folder; says what was expected and found."""


def find_picture(folder: Path, names: Sequence[str]) -> Path:
    """Returns the first of these files of a folder that is there, else the place of the first.

    A name is relative to the folder, or begins with it; errors quote the first. What is judged
    is the name: the folder, and files in it, may be links to elsewhere, as those who keep one
    copy of COCO make them.

    Raises:
        PlaceError: a name is empty, has a null character or leads out of the folder.
    """
    home = os.path.normpath(folder)
    places = []
    for name in names:
        if not name or "\0" in name:
            raise PlaceError(f"expected a file's name, found {shown(names[0])}")
        place = Path(os.path.normpath(os.path.join(home, name)))
        if not place.is_relative_to(home) or str(place) == home:
            raise PlaceError(
                f"expected a file inside the folder {shown_path(folder)}, found {shown(names[0])}"
            )
        places.append(place)
    # False for what is no regular file: a pipe would block, a device may never end.
    return next((place for place in places if os.path.isfile(place)), places[0])
