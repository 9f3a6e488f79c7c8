# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Looks at every picture of a sequence with all runs, and keeps what they found on disk.

Pictures are read, decoded and laid out for the networks in one thread ahead of these, and what
they made of them is turned into rows and written in another one behind. Each holds a few at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vit_perception.bags.reader import BagDamageError
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.rows.account import Account, Counting
from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.rows.looker import Looker, rows_of
from vit_perception.evaluation.rows.pipeline import ahead, behind
from vit_perception.evaluation.rows.places_told import tells_places
from vit_perception.evaluation.rows.reading import BLOCK, shard_path, space_path, times_path
from vit_perception.evaluation.rows.shards import read_shard, same_truth, write_shard
from vit_perception.evaluation.rows.times import FrameTimes, Stages, write_times
from vit_perception.evaluation.samples.sample import LeftOut, Sample, SampleSequence
from vit_perception.output.write import write
from vit_perception.perceiver.network import Laid, Seen
from vit_perception.perceiver.stages import StageTimes
from vit_perception.wording import shown_path

if TYPE_CHECKING:
    from vit_perception.evaluation.rows.in_space import InSpace

_AHEAD, _BEHIND = 4, 2
"""Pictures that wait for the networks, and for what comes behind them."""

Progress = Callable[[int], None]


def look(
    sequence: SampleSequence,
    lookers: Sequence[Looker],
    folder: Path,
    progress: Progress = lambda pictures: None,
) -> Account:
    """Looks at all pictures of a sequence; its files are the same whenever it was interrupted.

    A block whose file is there is not looked at again. Its pictures are still read, so that
    those that cannot be are counted.

    Args:
        sequence: what is looked at.
        lookers: all runs, in the order of the plan.
        folder: of the measurement.
        progress: called with the number of pictures met so far.

    Raises:
        EvaluationError: a picture or what is true of it does not fit, or the folder holds files
            of other pictures.
        BagError: the bag cannot be read.
        OutputError: the folder cannot be written.
        SessionError, PerceiverError: an engine failed.
    """
    counting, damage = Counting(), ""
    runs = [looker.run for looker in lookers]
    space: InSpace | None = None
    note = ""
    if tells_places(sequence):
        from vit_perception.evaluation.rows.in_space import in_space  # takes half a second

        space, note = in_space(sequence, runs, lookers[0].names if lookers else ())
    blocks = _Blocks(folder, sequence.key, lookers, space)
    pictures = _pictures(sequence, folder, lookers)
    with ahead(pictures, _AHEAD) as read, behind(_BEHIND, blocks.close) as later:
        try:
            for picture in read:
                if isinstance(picture, LeftOut):
                    counting.leave_out(picture)
                else:
                    counting.take(has_truth=picture.has_truth)
                    if picture.sample is not None:
                        later(blocks.add, picture, _seen(lookers, picture))
                progress(counting.pictures)
        except BagDamageError as error:  # all that is there has come
            damage = str(error)
        later(blocks.write)
    return counting.account(sequence, damage, note)


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    """One that is to be looked at, or with `sample` None one that has been already.

    Attributes:
        has_truth: whether something is known of it.
        sample: the picture.
        shared: times until it is there.
        laid, stages: for each run.
    """

    has_truth: bool
    sample: Sample | None = None
    shared: Stages = field(default_factory=dict)
    laid: Sequence[Laid] = ()
    stages: Sequence[Stages] = ()


def _pictures(
    sequence: SampleSequence, folder: Path, lookers: Sequence[Looker]
) -> Iterator[_Picture | LeftOut]:
    """Yields the pictures of a sequence; runs in the thread that reads."""
    known = _Known(folder, sequence.key, len(lookers))
    samples = sequence.samples()
    while True:
        began = time.perf_counter()
        try:
            found = next(samples, None)
        except BagDamageError:
            known.end()
            raise
        if found is None:
            known.end()
            return
        seconds = time.perf_counter() - began
        if isinstance(found, LeftOut):
            yield found
        elif known.holds(found):
            yield _Picture(found.truth is not None)
        else:
            clocks = [StageTimes() for _ in lookers]
            laid = [
                each.lay(found.frame, clock) for each, clock in zip(lookers, clocks, strict=True)
            ]
            stages = [clock.seconds for clock in clocks]
            yield _Picture(found.truth is not None, found, {"read": seconds}, laid, stages)


class _Known:
    """What is on disk already, block by block.

    Raises:
        EvaluationError: files of other pictures or runs.
    """

    def __init__(self, folder: Path, key: str, runs: int) -> None:
        self._folder, self._key, self._runs = folder, key, runs
        self._block = -1
        self._path = folder
        self._left: list[LookedAt] | None = None
        """The block's pictures that have not come yet, without rows; None without a file."""

    def holds(self, sample: Sample) -> bool:
        """Returns whether a picture has been looked at; they come in order."""
        number = sample.number
        if number // BLOCK != self._block:
            self.end()
            self._block = number // BLOCK
            self._path = shard_path(self._folder, self._key, self._block)
            self._left = self._pictures()
        if self._left is None:
            return False
        if not self._left or self._left[0].number != number:
            raise self._other(f"picture {number}")
        before = self._left.pop(0)
        size = sample.frame.height, sample.frame.width
        if before.stamp != sample.frame.stamp or before.size != size:
            raise self._other(f"another picture {number}")
        if not same_truth(before.truth, sample.truth):
            raise self._other(f"other labels of picture {number}")
        return True

    def end(self) -> None:
        """Looks whether all pictures of the block have come."""
        if self._left:
            raise self._other("more")

    def _pictures(self) -> list[LookedAt] | None:
        if not self._path.exists():
            return None
        frames = read_shard(self._path)
        if any(each.sequence != self._key or len(each.rows) != self._runs for each in frames):
            raise self._other("other runs or another sequence")
        return [replace(each, rows=()) for each in frames]

    def _other(self, found: str) -> EvaluationError:
        return EvaluationError(
            f"{shown_path(self._path)}: expected results of the pictures that are read now, "
            f"found {found}; remove the file to look at them again"
        )


def _seen(lookers: Sequence[Looker], picture: _Picture) -> list[tuple[Seen, Stages]]:
    """Runs all networks on one picture, one after the other."""
    seen: list[tuple[Seen, Stages]] = []
    for looker, laid in zip(lookers, picture.laid, strict=True):
        clock = StageTimes()
        seen.append((looker.see(laid, clock), clock.seconds))
    return seen


class _Blocks:
    """Keeps what was found until a block is full; runs in the thread behind the networks."""

    def __init__(
        self, folder: Path, key: str, lookers: Sequence[Looker], space: InSpace | None
    ) -> None:
        self._folder, self._key, self._lookers = folder, key, lookers
        self._space = space
        self._block = -1
        self._frames: list[LookedAt] = []
        self._times: list[FrameTimes] = []

    def add(self, picture: _Picture, seen: Sequence[tuple[Seen, Stages]]) -> None:
        """Takes what the networks made of a picture."""
        sample = picture.sample
        assert sample is not None
        if sample.number // BLOCK != self._block:
            self.write()
            self._block = sample.number // BLOCK
        found, rows, times = [], [], []
        for looker, before, (each, between) in zip(
            self._lookers, picture.stages, seen, strict=True
        ):
            # A new clock in each thread: the time between them is nobody's.
            after = StageTimes()
            found.append(looker.detections(each, sample.frame, after))
            rows.append(rows_of(found[-1]))
            after.lap("rows")
            times.append({**before, **between, **after.seconds})
        if self._space is not None:
            self._space.add(sample, found, rows)
        frame = sample.frame
        self._frames.append(
            LookedAt(
                sequence=self._key,
                number=sample.number,
                name=sample.name,
                stamp=frame.stamp,
                size=(frame.height, frame.width),
                truth=sample.truth,
                rows=tuple(rows),
                frame_id=frame.frame_id,
            )
        )
        self._times.append(FrameTimes(picture.shared, tuple(times)))

    def write(self) -> None:
        """Writes the block in hand, if there is one."""
        if self._frames:
            # The times first: a block counts as done when its results are there.
            write_times(times_path(self._folder, self._key, self._block), self._times)
            if self._space is not None:
                write(space_path(self._folder, self._key, self._block), self._space.taken())
            write_shard(shard_path(self._folder, self._key, self._block), self._frames)
        self._frames, self._times = [], []

    def close(self) -> None:
        """Closes what it reads."""
        if self._space is not None:
            self._space.close()
