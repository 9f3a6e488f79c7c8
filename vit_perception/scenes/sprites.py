# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Cut-out pictures of every object from many views, rendered once and kept on disk.

A sprite folder has two files per asset: `<id>.bin`, the pixels of its sprites one after the other
(uint8 [h,w,4], RGB premultiplied by alpha), and `<id>.json`, the description of each one. The
second is written last, so an interrupted build continues where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vit_perception.scenes.asset_files import read_rgba
from vit_perception.scenes.catalogue import Asset, Skipped
from vit_perception.scenes.labels import Thing, thing_of
from vit_perception.scenes.recolour import recoloured
from vit_perception.processes.pool import in_processes
from vit_perception.wording import one_line

SPRITE_PX = 256
FORMAT = 2


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


class SpriteSet:
    """The sprites of a folder; pixels stay on disk until they are used."""

    def __init__(self, directory: Path, assets: Iterable[Asset]) -> None:
        self.sprites: list[Sprite] = []
        for asset in assets:
            index = directory / f"{asset.id}.json"
            if not index.exists():
                continue
            records = json.loads(index.read_text(encoding="utf-8"))["sprites"]
            if not records:
                continue
            packed = np.memmap(directory / f"{asset.id}.bin", dtype=np.uint8, mode="r")
            self.sprites.extend(_sprite(asset, record, packed) for record in records)


def _sprite(asset: Asset, record: dict[str, Any], packed: np.ndarray) -> Sprite:
    height, width, start = record["height"], record["width"], record["start"]
    return Sprite(
        pixels=packed[start : start + height * width * 4].reshape(height, width, 4),
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
) -> tuple[Skipped, ...]:
    """Renders `views` sprites of every asset into `directory`; returns what could not be rendered.

    Sprites that exist already, for the same asset and settings, are kept.
    """
    directory.mkdir(parents=True, exist_ok=True)
    settings = {"format": FORMAT, "views": views, "seed": seed, "recolour": recolour}
    missing = [asset for asset in assets if not _is_built(directory, asset, settings)]
    skipped: list[Skipped] = []
    done = len(assets) - len(missing)
    for asset, reason in _build_all(missing, directory, settings, workers):
        done += 1
        if reason:
            skipped.append(Skipped(asset.id, reason))
        if on_progress:
            on_progress(done, len(assets))
    return tuple(sorted(skipped, key=lambda entry: entry.id))


def _build_all(
    assets: Sequence[Asset], directory: Path, settings: dict[str, Any], workers: int
) -> Iterator[tuple[Asset, str]]:
    """Yields each asset when it is done, with the reason if it could not be rendered."""
    build = partial(_build_one, directory=directory, settings=settings)
    if workers <= 1:
        yield from ((asset, build(asset)) for asset in assets)
        return
    yield from in_processes(build, assets, workers)


def _is_built(directory: Path, asset: Asset, settings: dict[str, Any]) -> bool:
    try:
        found = json.loads((directory / f"{asset.id}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(found.get("settings") == {**settings, "content": _content(asset)})


def _content(asset: Asset) -> str:
    """Returns a digest that distinguishes objects of one id: folders may share sprites."""
    files = [path.read_bytes() for path in (asset.mesh, asset.texture) if path is not None]
    words = repr((asset.colours, asset.caption, asset.recolourable)).encode()
    return hashlib.sha256(b"".join([words, *files])).hexdigest()[:16]


def _build_one(asset: Asset, *, directory: Path, settings: dict[str, Any]) -> str:
    """Renders one asset; returns the reason if it could not be, or an empty string."""
    cv2.setNumThreads(1)
    try:
        pictures = _cutout(asset) if asset.mesh is None else _views(asset, settings)
    except (ValueError, OSError) as error:
        return one_line(error)
    records, start = [], 0
    with (directory / f"{asset.id}.bin").open("wb") as packed:
        for pixels, record in pictures:
            packed.write(pixels.tobytes())
            height, width = pixels.shape[:2]
            records.append({**record, "height": height, "width": width, "start": start})
            start += pixels.size
    index = directory / f"{asset.id}.json"
    partial = index.with_suffix(".json.part")
    made = {"settings": {**settings, "content": _content(asset)}, "sprites": records}
    partial.write_text(json.dumps(made), encoding="utf-8")
    partial.replace(index)
    return ""


def _views(asset: Asset, settings: dict[str, Any]) -> list[tuple[np.ndarray, dict[str, Any]]]:
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


def _cutout(asset: Asset) -> list[tuple[np.ndarray, dict[str, Any]]]:
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
