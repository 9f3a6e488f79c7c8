# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads meshes and textures of unknown origin, with limits and one-line errors."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from vit_perception.wording import one_line, shown_path

# A tabletop object is neither smaller than a seed nor larger than a table; a mesh outside these
# limits is in the wrong unit.
SMALLEST_M, LARGEST_M = 0.002, 3.0
MOST_MESH_BYTES = 32 * 2**20
"""Some 300,000 faces. A tabletop picture shows a few thousand; every view draws all of them."""
MOST_TEXTURE_PX = 4096
"""Of a side. Twenty-five textures of that size already take 1.2 GB in each worker."""


def read_bytes(path: Path, most: int) -> bytes:
    """Returns the bytes of a file; ValueError, one line, if it is none or longer than `most`."""
    _check_is_file(path)
    size = path.stat().st_size
    if size > most:
        raise ValueError(
            f"{shown_path(path)}: expected at most {most >> 20} MiB, found {size / 2**20:.1f} MiB"
        )
    return path.read_bytes()


def check_mesh(path: Path) -> tuple[float, float, float]:
    """Checks an OBJ file's text; returns its x, y, z extent in metres.

    Raises ValueError, one line, for what cannot be a tabletop object with its origin inside:
    numbers that are missing or not finite, another unit, an origin elsewhere.
    """
    lines = read_bytes(path, MOST_MESH_BYTES).splitlines()
    vertices = _numbers(path, lines, b"v", 3)
    if len(vertices) < 4 or not any(line.startswith(b"f ") for line in lines):
        raise ValueError(
            f"{shown_path(path)}: expected vertices and faces, found {len(vertices)} vertices"
            + ("" if len(vertices) < 4 else " and no face")
        )
    _numbers(path, lines, b"vt", 2)
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
    return _numbers(path, read_bytes(path, MOST_MESH_BYTES).splitlines(), b"vt", 2)


def _numbers(path: Path, lines: list[bytes], word: bytes, count: int) -> np.ndarray:
    """Returns the first `count` numbers of lines that begin with `word`, float64 [N,count]."""
    starts = (word + b" ", word + b"\t")
    rows = [line for line in lines if line.startswith(starts)]
    if not rows:
        return np.empty((0, count))
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
    _check_is_file(path)
    try:
        with warnings.catch_warnings():
            # Pillow warns about pictures far larger than the limit here.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(path)
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


def _check_is_file(path: Path) -> None:
    """Refuses devices and pipes, which might never end."""
    if not path.is_file():
        raise ValueError(
            f"{shown_path(path)}: expected a file, "
            f"found {'something else' if path.exists() else 'none'}"
        )
