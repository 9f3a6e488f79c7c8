# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads meshes and textures of unknown origin, with limits and one-line errors."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from vit_perception.input.file import read_file
from vit_perception.wording import one_line, shown, shown_path

# A tabletop object is neither smaller than a seed nor larger than a table; a mesh outside these
# limits is in the wrong unit.
SMALLEST_M, LARGEST_M = 0.002, 3.0
MOST_MESH_BYTES = 32 * 2**20
"""Some 300,000 faces. A tabletop picture shows a few thousand; every view draws all of them."""
MOST_LINES = 300_000
"""Of each kind: vertices, texture places, faces."""
MOST_CORNERS = 100
"""Of a face; cutting it into triangles takes quadratic time."""
MOST_PICTURE_BYTES = 128 * 2**20
MOST_TEXTURE_PX = 4096
"""Of a side. Twenty-five textures of that size already take 1.2 GB in each worker."""
# Others start programs, such as Ghostscript, or are rare.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")

_NUMBER = rb"-?\d{1,9}"
_FACE = re.compile(
    rb"f(?:[ \t]+%b(?:/(?:%b)?(?:/%b)?)?){3,%d}[ \t]*" % (_NUMBER, _NUMBER, _NUMBER, MOST_CORNERS)
)
_CORNER = re.compile(rb"[ \t](%b)(?:/(%b)?)?(?:/(%b))?" % (_NUMBER, _NUMBER, _NUMBER))


def check_mesh(path: Path) -> tuple[float, float, float]:
    """Checks an OBJ file's text; returns its x, y, z extent in metres.

    Raises ValueError, one line, for what cannot be a tabletop object with its origin inside:
    numbers that are missing or not finite, faces of other corners than the file has, another unit,
    an origin elsewhere, far more than a picture shows.
    """
    lines = _lines(path)
    vertices = _numbers(path, lines, b"v", 3)
    faces = _starting(lines, b"f")
    if len(vertices) < 4 or not faces:
        raise ValueError(
            f"{shown_path(path)}: expected vertices and faces, found {len(vertices)} vertices"
            + ("" if len(vertices) < 4 else " and no face")
        )
    points = _numbers(path, lines, b"vt", 2)
    _check_faces(path, faces, (len(vertices), len(points), len(_starting(lines, b"vn"))))
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    extent = high - low
    longest = float(extent.max())
    if not SMALLEST_M <= longest <= LARGEST_M:
        raise ValueError(
            f"{shown_path(path)}: expected a longest side of {SMALLEST_M} to {LARGEST_M} m, "
            f"found {longest:.4g} m"
        )
    foot = np.array([*(low + high)[:2] / 2, low[2]])
    away = float(np.abs(foot).max())
    # Objects are turned about their origin; far from it, they would leave the picture.
    if away > longest:
        raise ValueError(
            f"{shown_path(path)}: expected the origin in the middle of the bottom, "
            f"found it {away:.4g} m away"
        )
    return float(extent[0]), float(extent[1]), float(extent[2])


def texture_points(path: Path) -> np.ndarray:
    """Returns the texture coordinates (u right, v up) of a checked mesh, float64 [N,2]."""
    return _numbers(path, _lines(path), b"vt", 2)


def _lines(path: Path) -> list[bytes]:
    # Readers of OBJ skip blanks in front.
    return [line.lstrip() for line in read_file(path, MOST_MESH_BYTES).splitlines()]


def _starting(lines: list[bytes], word: bytes) -> list[bytes]:
    """Returns the lines that begin with a word."""
    return [line for line in lines if line.startswith((word + b" ", word + b"\t"))]


def _check_faces(path: Path, faces: list[bytes], counts: tuple[int, int, int]) -> None:
    """Refuses faces whose corners the file does not have.

    Args:
        path: for messages.
        faces: lines "f 1/1/1 2/2/2 3/3/3"; numbers count from 1, negative ones from the end.
        counts: of vertices, texture places and normals.
    """
    if len(faces) > MOST_LINES:
        raise ValueError(f"{shown_path(path)}: expected at most {MOST_LINES} faces, found more")
    for line in faces:
        if not _FACE.fullmatch(line):
            raise ValueError(
                f"{shown_path(path)}: expected faces of 3 to {MOST_CORNERS} corners, "
                f"found {shown(line.decode('ascii', 'replace'))}"
            )
    columns = zip(*_CORNER.findall(b"\n".join(faces)), strict=True)
    for word, count, column in zip(("v", "vt", "vn"), counts, columns, strict=True):
        for number in map(int, filter(None, column)):
            if not 1 <= abs(number) <= count:
                raise ValueError(
                    f"{shown_path(path)}: expected faces of the {count} {word} in the file, "
                    f"found {number}"
                )


def _numbers(path: Path, lines: list[bytes], word: bytes, count: int) -> np.ndarray:
    """Returns the first `count` numbers of lines that begin with `word`, float64 [N,count]."""
    rows = _starting(lines, word)
    if not rows:
        return np.empty((0, count))
    if len(rows) > MOST_LINES:
        raise ValueError(
            f"{shown_path(path)}: expected at most {MOST_LINES} {word.decode()}, found {len(rows)}"
        )
    columns = range(1, count + 1)
    try:
        numbers = np.loadtxt(rows, usecols=columns, comments=None, ndmin=2, encoding="ascii")
    except ValueError:
        raise ValueError(
            f"{shown_path(path)}: expected {count} numbers after {word.decode()}, "
            f"found other words"
        ) from None
    if not np.isfinite(numbers).all():
        raise ValueError(
            f"{shown_path(path)}: expected finite numbers after {word.decode()}, found others"
        )
    return numbers


def read_rgb(path: Path) -> np.ndarray:
    """Returns a texture's pixels, uint8 [H,W,3]; ValueError, one line, if they are unreadable."""
    return _pixels(path, "RGB")


def read_rgba(path: Path) -> np.ndarray:
    """Returns a cut-out's pixels, uint8 [H,W,4]; ValueError, one line, if they are unreadable."""
    return _pixels(path, "RGBA")


def _pixels(path: Path, mode: str) -> np.ndarray:
    data = io.BytesIO(read_file(path, MOST_PICTURE_BYTES))
    try:
        with warnings.catch_warnings():
            # Pillow warns about pictures far larger than the limit here.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(data, formats=_FORMATS)
        with picture:
            wide, high = picture.size
            if max(wide, high) > MOST_TEXTURE_PX:
                raise Image.DecompressionBombError(f"{wide} x {high}")
            return np.asarray(picture.convert(mode))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(
            f"{shown_path(path)}: expected at most {MOST_TEXTURE_PX} px a side, found {error}"
        ) from None
    except UnidentifiedImageError:
        raise ValueError(f"{shown_path(path)}: expected a picture, found other bytes") from None
    # Pillow raises SyntaxError for damaged parts of a file.
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(
            f"{shown_path(path)}: expected a picture, found {one_line(error)}"
        ) from None
