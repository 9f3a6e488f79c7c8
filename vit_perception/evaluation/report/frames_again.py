# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads some pictures of a measurement again, each recording once and forward."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from types import TracebackType

from vit_perception.bags.image import BagImage
from vit_perception.bags.reader import BagDamageError, BagReader
from vit_perception.evaluation.dataset import read_frame
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.samples.bag import BagSequence
from vit_perception.evaluation.samples.folder import FolderSequence
from vit_perception.frame import Frame
from vit_perception.wording import shown

FrameOf = Callable[[str, int], Frame]
"""Reads a picture again, by the key of its sequence and its number."""


def check_unchanged(looked_at: LookedAt, frame: Frame) -> None:
    """Makes sure that a picture that was read again is the one that was looked at.

    Raises:
        EvaluationError: it has another stamp or size.
    """
    if (frame.stamp, (frame.height, frame.width)) != (looked_at.stamp, looked_at.size):
        raise EvaluationError(
            f"{shown(looked_at.sequence)}: expected picture {looked_at.number} as it was looked "
            "at, found another: the data have changed meanwhile"
        )


class FramesAgain:
    """Pictures by the key of their sequence and their number; a context, as bags stay open.

    Pictures of a bag are best asked for in ascending order: one that lies behind the last one
    begins the bag anew. Those in between are not decoded.

    Args:
        sequences: of the measurement.
        wanted: those that will be asked for; None: any.
    """

    def __init__(
        self,
        sequences: Sequence[BagSequence | FolderSequence],
        wanted: Collection[tuple[str, int]] | None = None,
    ) -> None:
        self._sequences = {each.key: each for each in sequences}
        self._wanted = wanted
        self._open = ""
        self._images: Iterator[BagImage] | None = None
        self._last = -1

    def __enter__(self) -> FramesAgain:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def __call__(self, sequence: str, number: int) -> Frame:
        """Returns a picture.

        Raises:
            EvaluationError: it is no picture any more.
            BagError: the bag cannot be opened any more.
        """
        source = self._sequences[sequence]
        if isinstance(source, FolderSequence):
            return read_frame(source.data.pictures[number])
        image = self._image(source, number)
        if image is None or image.frame is None:
            found = "none" if image is None else image.line
            raise EvaluationError(
                f"{source.title}: expected picture {number} as it was looked at, found {found}"
            )
        return image.frame

    def _image(self, source: BagSequence, number: int) -> BagImage | None:
        if self._images is None or self._open != source.key or number <= self._last:
            self._close()
            self._open, self._images, self._last = source.key, self._read(source), -1
        try:
            for image in self._images:
                self._last = image.index
                if image.index >= number:
                    return image if image.index == number else None
        except BagDamageError:  # it has been told with the figures; the picture is not there
            return None
        return None

    def _read(self, source: BagSequence) -> Iterator[BagImage]:
        wanted = self._wanted
        numbers = None if wanted is None else {n for key, n in wanted if key == source.key}
        with BagReader(source.path) as bag:
            yield from bag.images(source.topic, numbers)

    def _close(self) -> None:
        close = getattr(self._images, "close", None)
        if close is not None:
            close()
        self._images = None
