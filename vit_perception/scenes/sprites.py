# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Cut-out pictures of every object from many views, rendered once and kept on disk.

A sprite folder has one file per asset and way to render it, `<id>.<digest>.sprites`. The digest is
of the asset's files and of the settings, so that several commands may share a folder at the same
time: each finds or makes what it would make alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vit_perception.output.failure import writing
from vit_perception.processes.pool import in_processes
from vit_perception.scenes.asset_files import read_rgba
from vit_perception.scenes.catalogue import Asset, Skipped
from vit_perception.scenes.labels import Thing, thing_of
from vit_perception.scenes.recolour import recoloured
from vit_perception.scenes.sprite_file import Picture, SpriteError, read_sprites, write_sprites
from vit_perception.wording import one_line

SPRITE_PX = 256
FORMAT = 3
_ID_BYTES = 100
"""Of an id in a file's name; ids may be as long as a name can be."""


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A cut-out object: pixels uint8 [h,w,4], RGB premultiplied by alpha.

    `metres` is the size of a pixel on the object (0 for photographs, whose scale is unknown),
    `elevation` the camera's angle above the horizon in degrees.
    """

    pixels: np.ndarray
    thing: Thing
    metres: float
    elevation: float


@dataclass(frozen=True, slots=True)
class Rendered:
    """The sprite files by asset id, and the assets that could not be rendered."""

    files: Mapping[str, Path]
    skipped: tuple[Skipped, ...]


class SpriteSet:
    """The sprites of assets; pixels stay on disk until they are used.

    Raises:
        SpriteError: a file is absent or damaged.
    """

    def __init__(self, assets: Iterable[Asset], files: Mapping[str, Path]) -> None:
        """Reads the files that `build_sprites` returned; assets without one have no sprites."""
        self.sprites: list[Sprite] = [
            _sprite(asset, pixels, record)
            for asset in assets
            if asset.id in files
            for pixels, record in read_sprites(files[asset.id])
        ]


def _sprite(asset: Asset, pixels: np.ndarray, record: dict[str, Any]) -> Sprite:
    return Sprite(
        pixels=pixels,
        thing=thing_of(asset, tuple(record["colours"]), record["caption"]),
        metres=record["metres"],
        elevation=record["elevation"],
    )


def build_sprites(
    assets: Sequence[Asset],
    directory: Path,
    *,
    views: int,
    seed: int,
    recolour: bool,
    workers: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> Rendered:
    """Renders `views` sprites of every asset into `directory`, unless they are there already.

    Raises:
        OutputError: the folder or a file cannot be written.
        WorkerError: a worker was killed.
    """
    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
    settings = {"format": FORMAT, "views": views, "seed": seed, "recolour": recolour}
    files: dict[str, Path] = {}
    skipped: list[Skipped] = []
    missing: list[tuple[Asset, Path]] = []
    for asset in assets:
        try:
            path = directory / _file_name(asset, settings)
        except OSError as error:
            skipped.append(Skipped(asset.id, one_line(error)))
            continue
        if _is_built(path):
            files[asset.id] = path
        else:
            missing.append((asset, path))
    done = len(assets) - len(missing)
    for (asset, path), reason in _build_all(missing, settings, workers):
        done += 1
        if reason:
            skipped.append(Skipped(asset.id, reason))
        else:
            files[asset.id] = path
        if on_progress:
            on_progress(done, len(assets))
    return Rendered(files, tuple(sorted(skipped, key=lambda entry: entry.id)))


def of_older_versions(assets: Sequence[Asset], directory: Path) -> tuple[Path, ...]:
    """Returns sprite files of older versions of this package, which nothing uses any more."""
    return tuple(
        path
        for asset in assets
        for path in (directory / f"{asset.id}.bin", directory / f"{asset.id}.json")
        if path.is_file()
    )


def _build_all(
    tasks: Sequence[tuple[Asset, Path]], settings: dict[str, Any], workers: int
) -> Iterator[tuple[tuple[Asset, Path], str]]:
    """Yields each task when it is done, with the reason if it could not be rendered."""
    build = partial(_build_one, settings=settings)
    if workers <= 1 or not tasks:
        yield from ((task, build(task)) for task in tasks)
        return
    yield from in_processes(build, tasks, workers)


def _is_built(path: Path) -> bool:
    try:
        read_sprites(path)
    except SpriteError:
        return False
    return True


def _file_name(asset: Asset, settings: dict[str, Any]) -> str:
    """Returns a name for one object in one way to render it: folders may share sprites."""
    words = json.dumps([settings, asset.id, asset.colours, asset.caption, asset.recolourable])
    digest = hashlib.sha256(words.encode())
    for path in (asset.mesh, asset.texture):
        content = path.read_bytes() if path is not None else b""
        digest.update(len(content).to_bytes(8, "little") + content)
    start = asset.id.encode()[:_ID_BYTES].decode(errors="ignore")
    return f"{start}.{digest.hexdigest()[:16]}.sprites"


def _build_one(task: tuple[Asset, Path], *, settings: dict[str, Any]) -> str:
    """Renders one asset; returns the reason if it could not be, or an empty string."""
    cv2.setNumThreads(1)
    asset, path = task
    try:
        pictures = _cutout(asset) if asset.mesh is None else _views(asset, settings)
    except (ValueError, OSError) as error:
        return one_line(error)
    write_sprites(path, pictures)
    return ""


def _views(asset: Asset, settings: dict[str, Any]) -> list[Picture]:
    # Imported late: this module is also used where nothing is rendered.
    from vit_perception.scenes.object_view import ObjectRenderer, sample_view

    digest = hashlib.sha256(asset.id.encode()).digest()
    rng = np.random.default_rng([settings["seed"], int.from_bytes(digest[:4], "little")])
    pictures = []
    with ObjectRenderer(asset) as renderer:
        for _ in range(settings["views"]):
            colours, caption = asset.colours, asset.caption
            if settings["recolour"] and asset.recolourable:
                look = recoloured(asset, renderer.palette, rng)
                renderer.set_texture(look.texture)
                colours, caption = look.colours, look.caption
            view = sample_view(rng)
            pixels, metres = renderer.render(view)
            pixels, scale = _shrink(pixels)
            record = {
                "colours": colours,
                "caption": caption,
                "metres": metres / scale,
                "elevation": view.elevation,
            }
            pictures.append((pixels, record))
    return pictures


def _cutout(asset: Asset) -> list[Picture]:
    """Returns a photograph that comes cut out: from above, trimmed by a pixel against halos."""
    rgba = read_rgba(asset.texture)
    alpha = cv2.erode(rgba[..., 3], np.ones((3, 3), np.uint8))
    left, top, width, height = cv2.boundingRect((alpha > 127).astype(np.uint8))
    if width < 8 or height < 8:
        raise ValueError(f"{asset.texture.name}: expected a visible object, found none")
    window = (slice(top, top + height), slice(left, left + width))
    weight = alpha[window].astype(np.float32)[..., None] / 255
    premultiplied = (rgba[window][..., :3] * weight).astype(np.uint8)
    pixels, _ = _shrink(np.dstack([premultiplied, alpha[window]]))
    record = {"colours": asset.colours, "caption": asset.caption, "metres": 0.0, "elevation": 80.0}
    return [(pixels, record)]


def _shrink(pixels: np.ndarray) -> tuple[np.ndarray, float]:
    """Shrinks by area, which gives the cut edge its soft alpha; also returns the factor."""
    height, width = pixels.shape[:2]
    scale = min(0.75, SPRITE_PX / max(height, width))
    size = max(round(width * scale), 2), max(round(height * scale), 2)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), scale
