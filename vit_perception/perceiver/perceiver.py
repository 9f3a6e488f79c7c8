# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Serves a bundle: frames in, detections out, the names changed in between."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.bundle.bundle import Bundle
from vit_perception.detections import Detections
from vit_perception.examples import Example, Examples
from vit_perception.frame import Frame
from vit_perception.images.media import read_picture
from vit_perception.letterbox import boxes_to_source
from vit_perception.perceiver.call_names import CallNames, Encode
from vit_perception.perceiver.candidates import detections_from
from vit_perception.perceiver.crops import crop_of
from vit_perception.perceiver.network import Laid, Seen
from vit_perception.perceiver.opening import opened
from vit_perception.perceiver.query import Query
from vit_perception.perceiver.query_maker import NOT_TAUGHT, QueryMaker
from vit_perception.perceiver.settings import EngineSettings, PerceiverError, Settings
from vit_perception.perceiver.stages import StageTimes
from vit_perception.perceiver.taught import Rows, box_in, example_of, rows_of
from vit_perception.vocabulary import Vocabulary
from vit_perception.wording import shown, shown_path

_TASKS = ("detection", "instance_segmentation")


class Perceiver:
    """A detector ready to run.

    Calls may come from several threads; the network runs one of them after the other, because
    its input buffer is reused. Vocabulary and settings may be changed from any thread at any
    time: a call in flight ends with what it began with, and its result carries the names and
    version it was made with.

    Args:
        bundle: a bundle of task detection or instance_segmentation.
        vocabulary: None for the bundle's default names.
        settings: None for the defaults.
        precision, provider, threads: see EngineSettings.
        encode: makes a vocabulary of the `names` of a call; None: calls take no names.

    Attributes:
        bundle: as given.
        precision: of the graph that runs.
        choice: what was asked for and taken, and why, where that was "auto".

    Raises:
        PerceiverError: a bundle of another task, a graph that breaks the contract, a vocabulary
            that does not fit, or a setting outside its range.
        SessionError: the engine refuses a graph or is absent.
        BundleError: a file changed since the bundle was loaded.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        vocabulary: Vocabulary | None = None,
        settings: Settings | None = None,
        precision: str = EngineSettings.precision,
        provider: str = EngineSettings.provider,
        threads: int = EngineSettings.threads,
        encode: Encode | None = None,
    ) -> None:
        engine = EngineSettings(precision, provider, threads)
        where = shown_path(bundle.directory)
        if bundle.task not in _TASKS:
            raise PerceiverError(
                f"{where}: expected task {' or '.join(_TASKS)}, found {bundle.task}"
            )
        self.bundle = bundle
        self._network, self.choice = opened(bundle, engine)
        self.precision = self.choice.engine.precision
        self._made = QueryMaker(bundle, self._network.session, engine.threads)
        self._mean = np.zeros(1, np.float32)
        if bundle.regions is not None:
            self._mean = bundle.regions.mean(self.precision)
        self._change_lock = threading.Lock()
        self._call_names = CallNames(encode, self._made)
        self._query = self._made(
            bundle.default_vocabulary() if vocabulary is None else vocabulary,
            Settings() if settings is None else settings,
        )

    @property
    def provider(self) -> str:
        """What runs the network, see `Session`."""
        return self._network.session.provider

    @property
    def query(self) -> Query:
        """What the next call looks for, and how."""
        return self._query

    @property
    def vocabulary(self) -> Vocabulary:
        """What the next call looks for."""
        return self._query.vocabulary

    @property
    def settings(self) -> Settings:
        """What the next call uses, the bundle's own thresholds filled in."""
        return self._query.settings

    def change(
        self,
        *,
        names: Sequence[str] | None = None,
        vocabulary: Vocabulary | None = None,
        settings: Settings | None = None,
    ) -> None:
        """Changes names and settings in one step, all or nothing.

        Encoder and text adaptor run on the caller's thread; calls in flight do not wait for them.

        Args:
            names: what to look for from now on; None keeps the present vocabulary.
            vocabulary: the same with embeddings; not beside `names`.
            settings: None keeps the present ones.

        Raises:
            PerceiverError: a value of another type, or a vocabulary that does not fit the bundle;
                nothing has changed.
            VocabularyError, TextEncoderError: names that cannot be encoded.
            SessionError: the text adaptor failed; nothing has changed.
        """
        if names is not None:
            if vocabulary is not None:
                raise PerceiverError("expected names or a vocabulary, found both")
            vocabulary = self._call_names.encoded(names)
        for value, kind in ((vocabulary, Vocabulary), (settings, Settings)):
            if value is not None and not isinstance(value, kind):
                raise PerceiverError(f"expected {kind.__name__}, found {shown(value)}")
        with self._change_lock:
            self._query = self.prepare(vocabulary=vocabulary, settings=settings)

    def prepare(
        self,
        *,
        vocabulary: Vocabulary | None = None,
        settings: Settings | None = None,
        before: Query | None = None,
    ) -> Query:
        """Returns what `look` takes; nothing changes.

        Args:
            vocabulary: None for that of `before`.
            settings: None for those of `before`.
            before: None for the query of now.

        Raises:
            PerceiverError, SessionError: as `change`.
        """
        before = self._query if before is None else before
        return self._made(
            before.vocabulary if vocabulary is None else vocabulary,
            before.settings if settings is None else settings,
            before,
        )

    def warm_up(self) -> None:
        """Runs once on a grey image, so that the first frame meets allocated memory."""
        size = (self.bundle.input_height, self.bundle.input_width, 3)
        self(Frame(np.full(size, self.bundle.pad_value, np.uint8)))

    def __call__(
        self,
        image: Frame | NDArray[np.uint8] | str | Path,
        names: Sequence[str] | None = None,
        *,
        stages: StageTimes | None = None,
    ) -> Detections:
        """Finds names in one image.

        Args:
            image: a frame, pixels uint8 [H, W, 3] in RGB order (OpenCV reads BGR), or the path
                of a picture; of any size.
            names: what to look for in this image; None for the vocabulary. One that was shown
                is looked for as shown. The names of the last call stay encoded.
            stages: receives the times of the stages, see `look`.

        Returns:
            Detections in pixels of the image, best first; with masks from a bundle that has
            them, unless the settings turn them off.

        Raises:
            FrameError: pixels of another type or shape.
            MediaError: a file that is no picture.
            VocabularyError, TextEncoderError: names that cannot be encoded.
            PerceiverError, SessionError: as `look`.
        """
        frame = _frame(image)
        query = self._query if names is None else self._call_names.query(names, self._query)
        return self.look(frame, query, StageTimes() if stages is None else stages)

    def look(self, frame: Frame, query: Query, stages: StageTimes) -> Detections:
        """Finds what a query of `prepare` asks for in one frame.

        Args:
            frame: of any size.
            query: of this perceiver, or of another one of the same bundle.
            stages: receives the times of "letterbox", "inference", "nms" and, where they are
                decoded, "masks".

        Returns:
            As a call does.

        Raises:
            SessionError: the engine failed.
            PerceiverError: the graph returned a class that does not exist, numbers that are not
                finite or arrays of other shapes than the contract's, or the masks would take too
                much memory.
            RegionError: the region of the settings lies beside the image.
        """
        seen = self._network.look(frame, query, stages, anything=query.taught is not None)
        return self.chosen(seen, frame, query, stages)

    def lay(self, frame: Frame, query: Query) -> Laid:
        """Returns a frame as the network takes it: the first part of `look`, from any thread.

        Raises:
            RegionError: as `look`.
        """
        return self._network.lay(frame, query)

    def see(self, laid: Laid, query: Query, stages: StageTimes) -> Seen:
        """Runs the network: the second part of `look`, for those who do the others elsewhere.

        Args:
            laid: what `lay` returned for the frame and the query.
            query: see `look`.
            stages: receives the time of "inference".

        Raises:
            SessionError, PerceiverError: as `look`.
        """
        return self._network.run(laid, query, stages, anything=query.taught is not None)

    def chosen(self, seen: Seen, frame: Frame, query: Query, stages: StageTimes) -> Detections:
        """Returns what `look` does, of what the network made of a frame; from any thread.

        Args:
            seen: what `see` returned for this frame and query.
            frame, query: see `look`.
            stages: receives the times of "nms" and, where they are decoded, "masks".

        Raises:
            PerceiverError: the masks would take too much memory.
        """
        taught, outputs = query.taught, seen.named
        if taught is not None and seen.anything is not None:
            outputs = taught.beside(outputs, seen.anything, self._mean)
        found = detections_from(outputs, seen.letterbox, query, stages)
        region = query.settings.region
        return found if region is None else region.whole(found, frame)

    def teach(
        self,
        image: Frame | NDArray[np.uint8] | str | Path,
        box: Sequence[float] | NDArray[Any],
        name: str,
        *,
        negative: bool = False,
    ) -> Example:
        """Shows a thing once; the next call finds it by its name, beside the other names.

        Args:
            image: as of a call.
            box: x1 y1 x2 y2 around the thing, in pixels of the image.
            name: what it is called. Shown again from another side, it is found by either view.
            negative: the thing in the box is *not* to be called so.

        Returns:
            What was added to the vocabulary's examples; its version is one higher.

        Raises:
            PerceiverError: the bundle cannot be taught, or it sees nothing in the box; nothing
                has changed.
            FrameError, MediaError, VocabularyError, SessionError: as a call.
        """
        frame = _frame(image)
        example = self.example(frame, box, name, negative=negative)
        with self._change_lock:
            self._show(self._shown.adding([example]))
        return example

    def forget(self, name: str) -> None:
        """Forgets all that was shown of a name; if it was said too, it is still looked for.

        The vocabulary's version is one higher.

        Raises:
            ExamplesError: nothing was shown of that name.
            VocabularyError: no name would be left to look for.
        """
        with self._change_lock:
            self._show(self._shown.without(name))

    @property
    def _shown(self) -> Examples:
        return self.vocabulary.examples or Examples(self.bundle.embedding_id)

    def _show(self, examples: Examples) -> None:
        vocabulary = self.vocabulary.showing(examples)
        self._query = self.prepare(vocabulary=replace(vocabulary, version=vocabulary.version + 1))

    def example(
        self,
        frame: Frame,
        box: Sequence[float] | NDArray[Any],
        name: str,
        *,
        negative: bool = False,
        query: Query | None = None,
        rows: Rows | None = None,
    ) -> Example:
        """Returns what a box in a frame shows, for `Examples`; nothing changes.

        Args:
            query: whose region is looked at; None for the query of now.
            rows: what `rows` returned for the frame, where it has several boxes; None: they are
                made.
            The rest: as `teach`.

        Raises:
            PerceiverError, VocabularyError, SessionError: as `teach`.
        """
        sides = box_in(frame, box, name)
        if rows is None:
            _, rows = self.rows(frame, query)
        example = example_of(rows, sides, name, negative=negative)
        x1, y1, x2, y2 = map(float, sides)
        return replace(example, crop=crop_of(frame, (x1, y1, x2, y2)))

    def rows(self, frame: Frame, query: Query | None = None) -> tuple[Detections, Rows]:
        """Returns what the network made of a frame, for examples and for comparing ways to teach.

        Args:
            frame: of any size.
            query: None for the query of now; its shown names are not looked for.

        Returns:
            What was found under said names, without masks, and the rows of anything, both in
            pixels of the frame.

        Raises:
            PerceiverError: the bundle cannot be taught, or as `look`.
            SessionError, RegionError: as `look`.
        """
        if self.bundle.regions is None:
            raise PerceiverError(f"{shown_path(self.bundle.directory)}: {NOT_TAUGHT}")
        query = self._query if query is None else query
        query = replace(query, taught=None, settings=replace(query.settings, masks=False))
        seen = self._network.look(frame, query, StageTimes(), anything=True)
        assert seen.anything is not None
        named = detections_from(seen.named, seen.letterbox, query, StageTimes())
        boxes = boxes_to_source(seen.anything["boxes"][0], seen.letterbox)
        region = query.settings.region
        if region is not None:
            named = region.whole(named, frame)
            boxes += np.array([region.x, region.y, region.x, region.y], np.float32)
        return named, rows_of(seen.anything, boxes, self._mean)


def _frame(image: Frame | NDArray[np.uint8] | str | Path) -> Frame:
    if isinstance(image, (str, Path)):
        image = read_picture(Path(image))
    return image if isinstance(image, Frame) else Frame(image)
