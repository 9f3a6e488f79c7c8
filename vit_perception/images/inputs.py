# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of a folder as inputs of a network, for what is measured over many of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vit_perception.images.media import MediaError, read_picture
from vit_perception.images.search import find_media
from vit_perception.letterbox import Canvas
from vit_perception.wording import shown_path


def chosen_pictures(folder: Path, count: int) -> list[Path]:
    """Returns at most `count` pictures of a data set, evenly spaced in the order of their names.

    Args:
        folder: a data set with images/, or a folder of pictures.

    Raises:
        MediaError: there are no pictures.
    """
    images = folder / "images"
    found = find_media([images if images.is_dir() else folder])
    pictures = [file.path for file in found.files if not file.is_video]
    if not pictures:
        raise MediaError(f"{shown_path(folder)}: expected pictures, found videos only")
    count = min(count, len(pictures))
    return [pictures[index * len(pictures) // count] for index in range(count)]


def letterboxed(
    pictures: Iterable[Path], height: int, width: int, pad_value: int = 114
) -> Iterator[NDArray[np.uint8]]:
    """Yields each picture as the network's input, uint8 [1, height, width, 3].

    Raises:
        MediaError: a file is no picture.
    """
    canvas = Canvas(height, width, pad_value)
    for path in pictures:
        canvas.draw(read_picture(path).image)
        yield canvas.pixels.copy()
