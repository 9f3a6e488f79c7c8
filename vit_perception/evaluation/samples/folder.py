# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The pictures of a COCO folder as a sequence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vit_perception.evaluation.dataset import Dataset, Picture, read_frame
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.samples.coco_truth import truth_from
from vit_perception.evaluation.samples.keys import (
    plain_name,
    recording_name,
    shown_source,
    without_folders,
)
from vit_perception.evaluation.samples.sample import FrameTruth, LeftOut, Sample
from vit_perception.frame import Frame
from vit_perception.wording import shown, shown_path


class FolderSequence:
    """The pictures of a data set, in its order; see `SampleSequence`.

    Attributes:
        path: the folder.
        data: the data set.

    Args:
        data: the data set.
        key: None: of the name of the folder.
        name: of the folder, for people; None: see `shown_source`.
    """

    def __init__(self, data: Dataset, key: str | None = None, name: str | None = None) -> None:
        self.path: Path = data.directory
        self.data = data
        self.key = plain_name(recording_name(data.directory)) if key is None else key
        self.title = shown_source(data.directory) if name is None else name
        self.notes: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """Returns the names that the data set asks for, in its order."""
        return self.data.names

    def __len__(self) -> int:
        """Returns how many pictures there are."""
        return len(self.data.pictures)

    def samples(self) -> Iterator[Sample | LeftOut]:
        """Yields all pictures in order.

        Raises:
            EvaluationError: a file cannot be read, or has another size than is stated.
        """
        things: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        for annotation in self.data.annotations:
            things[annotation["image_id"]].append(annotation)
        for number, picture in enumerate(self.data.pictures):
            truth = truth_from(things[picture.id], self.data.categories)
            try:
                frame = read_frame(picture)
                _check_masks(picture, frame, truth)
            except EvaluationError as error:
                line = without_folders(str(error), self.path, self.title)
                raise EvaluationError(line) from error
            yield Sample(number, shown_path(picture.file_name), frame, truth)

    def unused(self) -> Mapping[str, int]:
        """Returns nothing: `load_dataset` refuses objects without a picture."""
        return {}


def _check_masks(picture: Picture, frame: Frame, truth: FrameTruth) -> None:
    """Refuses masks of another size, which can only be in a data set that states none."""
    for rle in truth.masks or ():
        if list(rle["size"]) != [frame.height, frame.width]:
            raise EvaluationError(
                f"{shown_path(picture.path)}: expected masks of {[frame.height, frame.width]} px, "
                f"found {shown(rle['size'])}"
            )
