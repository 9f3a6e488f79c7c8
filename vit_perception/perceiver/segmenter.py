# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Class maps of images, from a bundle of task semantic_segmentation."""

from __future__ import annotations

import math
import threading
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.bundle.bundle import MAPS, Bundle
from vit_perception.class_map import ClassMap
from vit_perception.engine.factory import open_session
from vit_perception.frame import Frame
from vit_perception.images.media import read_picture
from vit_perception.letterbox import Canvas, Letterbox
from vit_perception.perceiver.contract import (
    CLASS_LOGITS,
    GraphContractError,
    check_logits,
    check_segmenter,
)
from vit_perception.perceiver.settings import AUTO, BF16, EngineSettings, PerceiverError
from vit_perception.perceiver.stages import StageTimes
from vit_perception.wording import shown_path


class Segmenter:
    """Says of each pixel of an image which class it belongs to.

    Calls may come from several threads and run one after the other: the input buffer is reused.

    Args:
        bundle: of task semantic_segmentation; its default names are the classes.
        precision, provider, threads: see EngineSettings; precision and provider not "auto".

    Raises:
        PerceiverError: a bundle of another task, a graph that breaks the contract, or a setting
            outside its range.
        SessionError: the engine refuses the graph or is absent.
        BundleError: no such precision, or a file changed since the bundle was loaded.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        precision: str = EngineSettings.precision,
        provider: str = EngineSettings.provider,
        threads: int = EngineSettings.threads,
    ) -> None:
        engine = EngineSettings(precision, provider, threads)
        where = shown_path(bundle.directory)
        if bundle.task != MAPS:
            raise PerceiverError(f"{where}: expected task {MAPS}, found {bundle.task}")
        for name in ("precision", "provider"):
            if getattr(engine, name) == AUTO:
                raise PerceiverError(
                    f"{name}: expected one by its name for a segmenter, found {AUTO!r}"
                )
        self.bundle = bundle
        self.names = bundle.default_names
        file = bundle.graphs.get(precision, precision)
        self._session = open_session(
            bundle.graph(precision),
            provider=provider,
            threads=threads,
            name=f"{where}/{file}",
            bfloat16=precision == BF16,
        )
        try:
            self.stride = check_segmenter(self._session, bundle)
        except GraphContractError as error:
            raise PerceiverError(f"{self._session.name}: {error}") from error
        self._canvas = Canvas(
            bundle.input_height, bundle.input_width, bundle.pad_value, self.stride
        )
        self._lock = threading.Lock()

    @property
    def provider(self) -> str:
        """What runs the network, see `Session`."""
        return self._session.provider

    def __call__(
        self, image: Frame | NDArray[np.uint8] | str | Path, *, stages: StageTimes | None = None
    ) -> ClassMap:
        """Returns the class of each pixel of an image.

        Args:
            image: a frame, pixels uint8 [H, W, 3] in RGB order, or the path of a picture.
            stages: receives the times of "letterbox", "inference" and "labels".

        Raises:
            FrameError, MediaError: no pixels, or no picture.
            SessionError: the engine failed.
            PerceiverError: the graph returned other shapes than the contract's, or numbers that
                are not finite.
        """
        if isinstance(image, (str, Path)):
            image = read_picture(Path(image))
        frame = image if isinstance(image, Frame) else Frame(image)
        stages = StageTimes() if stages is None else stages
        with self._lock:
            letterbox = self._canvas.draw(frame.image)
            stages.lap("letterbox")
            outputs = self._session.run({"image": self._canvas.pixels})
            stages.lap("inference")
        logits = outputs[CLASS_LOGITS]
        try:
            check_logits(logits, self.bundle, self.stride)
        except GraphContractError as error:
            raise PerceiverError(f"{self._session.name}: {error}") from error
        labels = labels_at(logits[0], letterbox, self.stride)
        stages.lap("labels")
        return ClassMap(labels, self.names, frame.stamp)


def labels_at(logits: NDArray[np.float32], letterbox: Letterbox, stride: int) -> NDArray[np.uint8]:
    """Returns the highest class at the centre of each pixel of the source.

    Logits are interpolated linearly between the centres of their cells, and end at the edge of
    the picture. Classes that are highest in no cell are left out, which is PP-MobileSeg's VIM
    (arXiv 2304.05152).

    Args:
        logits: [K, h, w], finite, of the whole input.
        letterbox: where the picture lies in the input; its margins are multiples of the stride.
        stride: pixels of the input per cell.

    Returns:
        uint8 [H, W] of the source.
    """
    height, width = letterbox.source_height, letterbox.source_width
    top, left = letterbox.top // stride, letterbox.left // stride
    rows = math.ceil(letterbox.resized_height / stride)
    columns = math.ceil(letterbox.resized_width / stride)
    inside = logits[:, top : top + rows, left : left + columns]
    # cv2 takes a factor as it is, while from two sizes it would round it.
    down, across = stride / letterbox.scale_y, stride / letterbox.scale_x
    first, *others = np.unique(inside.argmax(axis=0)).tolist()
    labels = np.full((height, width), first, np.uint8)
    if not others:
        return labels

    def enlarged(number: int) -> NDArray[np.float32]:
        cells = np.ascontiguousarray(inside[number])
        plane = cv2.resize(cells, None, fx=across, fy=down, interpolation=cv2.INTER_LINEAR)
        return np.asarray(plane[:height, :width], np.float32)

    highest = enlarged(first)
    for number in others:
        plane = enlarged(number)
        above = cv2.compare(plane, highest, cv2.CMP_GT)
        np.copyto(labels, np.uint8(number), where=above.view(np.bool_))
        cv2.max(plane, highest, dst=highest)
    return labels
