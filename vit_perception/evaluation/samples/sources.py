# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Bags and COCO folders, whichever is given, as sequences of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vit_perception.bags.reader import BagError
from vit_perception.bags.recording import holds_bag
from vit_perception.evaluation.coco_file import ANNOTATIONS
from vit_perception.evaluation.dataset import load_dataset
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.samples.bag import BagSequence, bag_sequences
from vit_perception.evaluation.samples.folder import FolderSequence
from vit_perception.evaluation.samples.keys import (
    plain_name,
    recording_name,
    shown_sources,
    without_folders,
)
from vit_perception.evaluation.samples.topic_truth import BESIDE, TruthTopics
from vit_perception.evaluation.samples.truth_file import TruthFile
from vit_perception.images.search import unique_name
from vit_perception.wording import shown_path


@dataclass(frozen=True, slots=True)
class FailedSource:
    """A source that cannot be read.

    Attributes:
        title: for people.
        line: why, without absolute paths.
    """

    title: str
    line: str


@dataclass(frozen=True, slots=True)
class Sources:
    """What was opened.

    Attributes:
        sequences: in the order of the paths, and of the topics in a bag; their keys differ.
        failed: what cannot be read, in the order of the paths.
    """

    sequences: tuple[BagSequence | FolderSequence, ...]
    failed: tuple[FailedSource, ...] = ()

    def names(self) -> tuple[str, ...]:
        """Returns the names of what is true in any sequence, in the order of their first."""
        return tuple(dict.fromkeys(name for each in self.sequences for name in each.names()))


def open_sequences(
    paths: Sequence[Path],
    *,
    topics: Sequence[str] | None = None,
    truth: TruthTopics | TruthFile | None = BESIDE,
    keep_going: bool = False,
) -> Sources:
    """Opens bags and COCO folders.

    Args:
        paths: of bags, as `BagReader` reads them, and of folders with annotations.json.
        topics: of images in each bag; None: all of colour.
        truth: what is true of the images of bags; a folder has its own.
        keep_going: whether sources that cannot be read are returned as such.

    Raises:
        BagError, EvaluationError: a source cannot be read, and `keep_going` is off.
        OutputError: there is no room for a copy that has to be made.
    """
    keys: set[str] = set()
    sequences: list[BagSequence | FolderSequence] = []
    failed = []
    for path, name in zip(paths, shown_sources(paths), strict=True):
        try:
            sequences += _opened(path, topics, truth, keys, name)
        except (BagError, EvaluationError) as error:
            if not keep_going:
                raise
            failed.append(FailedSource(name, without_folders(str(error), path, name)))
    return Sources(tuple(sequences), tuple(failed))


def _opened(
    path: Path,
    topics: Sequence[str] | None,
    truth: TruthTopics | TruthFile | None,
    keys: set[str],
    name: str,
) -> Sequence[BagSequence | FolderSequence]:
    if path.is_dir() and not holds_bag(path):
        if not (path / ANNOTATIONS).is_file():
            raise EvaluationError(
                f"{shown_path(path)}: expected a bag, or a folder with images/ and {ANNOTATIONS}, "
                "found a folder without either"
            )
        data = load_dataset(path)
        return [FolderSequence(data, unique_name(plain_name(recording_name(path)), keys), name)]
    if not path.exists():
        raise EvaluationError(
            f"{shown_path(path)}: expected a bag, or a folder with images/ and {ANNOTATIONS}, "
            "found no such file or folder"
        )
    return bag_sequences(path, topics, truth, keys, name)
