# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a node was taught, from one configuration to the next, and the file of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from vit_perception.examples import Example, Examples, ExamplesError
from vit_perception.perceiver.examples_file import read_examples_of
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.renewal import seen_again
from vit_perception.perceiver.settings import PerceiverError
from vit_perception.wording import shown, shown_path

_TOLD = 5

FileState = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """What a configuration leaves to the next one.

    Attributes:
        examples: what was shown; None if nothing was.
        file: path, time, size and inode of the file that was read or written last; None before.
        notes: lines for the log about how it came to be.
    """

    examples: Examples | None = None
    file: FileState | None = None
    notes: tuple[str, ...] = ()

    def continued(self, path: str, perceiver: Perceiver) -> Profile:
        """Returns the profile to begin a configuration with.

        A file that is another than the one read or written last is read. Otherwise what was
        shown stays; if that was to another bundle, it is shown to this one again, as far as the
        pictures were kept.

        Args:
            path: the parameter `taught_file`.
            perceiver: of the bundle.

        Raises:
            ExamplesError: the file holds no examples, or some of another bundle.
            SessionError: the engine failed.
        """
        file = file_state(path) if path else None
        notes: tuple[str, ...] = ()
        if path and file is None:
            notes = (f"{shown_path(path)}: not there yet; ~/save_taught makes it",)
        if file is not None and file != self.file:
            return Profile(read_examples_of(perceiver.bundle, Path(path)), file)
        examples = self.examples
        if perceiver.bundle.regions is None:
            # They wait for a bundle that can be taught.
            return Profile(examples, self.file, notes)
        if examples is not None and examples.space != perceiver.bundle.embedding_id:
            examples, lost = _renewed(examples, perceiver)
            notes += _about(len(examples), lost)
        return Profile(examples, self.file, notes)


def file_state(path: str) -> FileState | None:
    """Returns what tells a file from another one; None if it is not there."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        # Reading it says why.
        return (path, 0, 0, 0)
    return (path, found.st_mtime_ns, found.st_size, found.st_ino)


def _renewed(examples: Examples, perceiver: Perceiver) -> tuple[Examples, list[str]]:
    """Returns examples shown to another bundle as this one sees them, and why some are not."""
    found: list[Example] = []
    lost: list[str] = []
    for example in examples.shown:
        crop = example.crop
        if crop is None:
            lost.append(f"{shown(example.name)}: its picture was not kept")
            continue
        try:
            found.append(seen_again(perceiver, example, crop))
        except (PerceiverError, ExamplesError) as error:
            lost.append(str(error))
    return Examples(perceiver.bundle.embedding_id, tuple(found)), lost


def _about(count: int, lost: list[str]) -> tuple[str, ...]:
    more = f"; and {len(lost) - _TOLD} more" if len(lost) > _TOLD else ""
    without = f"; lost: {'; '.join(lost[:_TOLD])}{more}" if lost else ""
    return (f"another bundle than was taught: {count} examples shown to this one{without}",)
