# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Draws detections into their image, for people."""

from __future__ import annotations

import unicodedata
import zlib

import cv2
import numpy as np
import numpy.typing as npt

from vit_perception.detections import Detections
from vit_perception.masks import Masks

Image = npt.NDArray[np.uint8]
Rectangle = tuple[int, int, int, int]  # left, top, right, bottom in px

_FONT = cv2.FONT_HERSHEY_SIMPLEX
# The shorter side in px of a picture with text of scale 1; larger pictures scale up.
_REFERENCE_HEIGHT = 480
_FONT_SIZE = 0.5
# The font at scale 1, in px: OpenCV 4 and 5 report different heights, but draw the same.
_ASCENT, _DESCENT = 22, 8
_PADDING = 3
# Share of the colour in a mask's pixels; the object stays visible.
_MASK_OPACITY = 0.45


def draw(
    image: Image, detections: Detections, *, masks: bool = True, least_score: float = 0.0
) -> Image:
    """Draws boxes with name, id and score, and masks where there are some.

    Args:
        image: uint8 [H, W, 3] RGB; not changed.
        detections: boxes and masks in pixels of this image.
        masks: whether to draw masks.
        least_score: detections below it are left out.

    Returns:
        uint8 [H, W, 3] RGB. Labels lie inside the picture and, if there is room, do not
        overlap; a name has the same colour in every picture.

    """
    canvas = np.ascontiguousarray(image).copy()
    scale = scale_of(canvas)
    thickness = max(1, round(2 * scale))
    taken: list[Rectangle] = []
    # The best detection is drawn last, on top; its label is placed first.
    order = np.argsort(-detections.scores, kind="stable")
    drawn = [int(i) for i in order if detections.scores[i] >= least_score]
    labels = {i: _place(canvas, detections, i, scale, taken) for i in drawn}
    colours = {i: class_colour(detections.class_name(i)) for i in labels}
    for index in reversed(labels) if masks else ():
        _draw_mask(canvas, detections.masks, index, colours[index], max(1, round(scale)))
    for index in reversed(labels):
        left, top, right, bottom = (round(float(v)) for v in detections.boxes[index])
        cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), colours[index], thickness)
    for index in reversed(labels):
        draw_label(canvas, *labels[index], colours[index], scale)
    return np.asarray(canvas, np.uint8)


def class_colour(name: str) -> tuple[int, int, int]:
    """Returns the RGB colour of a class name: saturated, and the same in every run."""
    # The lower bits of the CRC hardly differ between "box", "can" and "bottle".
    hue = (zlib.crc32(name.encode()) >> 9) % 180
    pixel = np.array([[[hue, 210, 235]]], np.uint8)
    red, green, blue = cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0]
    return int(red), int(green), int(blue)


def scale_of(image: Image) -> float:
    """Returns how large lines and labels are in a picture of this size."""
    return max(0.6, float(min(image.shape[:2])) / _REFERENCE_HEIGHT)


def place_label(
    canvas: Image,
    text: str,
    box: npt.NDArray[np.float32],
    scale: float,
    taken: list[Rectangle],
) -> tuple[str, Rectangle]:
    """Returns a label's text as it can be drawn and the rectangle for it, at its box.

    Args:
        canvas: the picture; the rectangle lies inside it.
        text: of the label.
        box: float32 [4], x1 y1 x2 y2 in px.
        scale: see `scale_of`.
        taken: rectangles to keep clear of if there is room; gets the new one.
    """
    text = _printable(text)
    size = _FONT_SIZE * scale
    (width, _), _ = cv2.getTextSize(text, _FONT, size, _stroke(scale))
    width += 2 * _PADDING
    height = round((_ASCENT + _DESCENT) * size) + _PADDING
    left, top, right, bottom = (round(float(v)) for v in box)
    corners = (
        (left, top - height),
        (left, bottom),
        (left, top),
        (right - width, top - height),
        (right - width, bottom),
        (left, bottom - height),
    )
    places = [_inside(canvas, x, y, width, height) for x, y in corners]
    place = min(places, key=lambda p: sum(_overlap(p, other) for other in taken))
    taken.append(place)
    return text, place


def draw_label(
    canvas: Image, text: str, place: Rectangle, colour: tuple[int, int, int], scale: float
) -> None:
    """Draws a label of `place_label` into a picture."""
    left, top, right, bottom = place
    cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), colour, cv2.FILLED)
    luma = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
    ink = (0, 0, 0) if luma > 128 else (255, 255, 255)
    size = _FONT_SIZE * scale
    origin = (left + _PADDING, top + _PADDING // 2 + round(_ASCENT * size) + 1)
    cv2.putText(canvas, text, origin, _FONT, size, ink, _stroke(scale), cv2.LINE_AA)


def _place(
    canvas: Image, detections: Detections, index: int, scale: float, taken: list[Rectangle]
) -> tuple[str, Rectangle]:
    """Returns the text of a detection and the rectangle for it."""
    found = detections[index]
    number = f" #{found.id}" if found.id else ""
    text = f"{found.name}{number} {found.score:.2f}"
    return place_label(canvas, text, detections.boxes[index], scale, taken)


def _inside(canvas: Image, x: int, y: int, width: int, height: int) -> Rectangle:
    x = max(0, min(x, canvas.shape[1] - width))
    y = max(0, min(y, canvas.shape[0] - height))
    return x, y, x + width, y + height


def _overlap(a: Rectangle, b: Rectangle) -> int:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


def _draw_mask(
    canvas: Image, masks: Masks | None, index: int, colour: tuple[int, int, int], thickness: int
) -> None:
    """Tints the mask's pixels and draws its outline; changes only pixels of its crop."""
    if masks is None or not masks.crops[index].size:
        return
    (x, y), crop = masks.origins[index].tolist(), masks.crops[index]
    there = canvas[y : y + crop.shape[0], x : x + crop.shape[1]]
    inside = crop.view(np.uint8)
    levels = np.arange(256)[:, None] * (1 - _MASK_OPACITY)
    table = np.rint(levels + np.array(colour) * _MASK_OPACITY).astype(np.uint8)
    region = there.copy()
    cv2.copyTo(cv2.LUT(region, table[None]), inside, region)
    outlines, _ = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    there[:] = cv2.drawContours(region, outlines, -1, colour, thickness)


def _stroke(scale: float) -> int:
    return max(1, round(scale))


def _printable(name: str) -> str:
    """Returns the name in ASCII, without accents: the font of OpenCV 4 has no other letters."""
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return plain.encode("ascii", "replace").decode()
