# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Batches as a pure function of the step, so that a resumed run sees the same batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vit_perception.training.augment import View, fit, mirror, mosaic, recolour, repaint
from vit_perception.training.losses import Targets
from vit_perception.training.photographs import drawing_odds
from vit_perception.training.phrases import PhraseBook
from vit_perception.training.pictures import DataError, Labelled, Picture
from vit_perception.training.recipe import Recipe, RecipeError
from vit_perception.training.truth import FALSE, TRUE

Array = np.ndarray


@dataclass(frozen=True)
class Batch:
    """The data of one step.

    Attributes:
        images: uint8 [B, 3, S, S] RGB, channels_last.
        texts: int64 [B, K], phrases of the book that each picture is asked for.
        targets: boxes, and which texts are true.
    """

    images: Tensor
    texts: Tensor
    targets: Targets

    def tensors(self) -> list[Tensor]:
        """Returns all that is in it, for loader processes."""
        return [self.images, self.texts, *vars(self.targets).values()]

    @classmethod
    def of(cls, tensors: Sequence[Tensor]) -> Batch:
        """Returns the batch of what `tensors` returned."""
        images, texts, *targets = tensors
        return cls(images, texts, Targets(*targets))


class BatchSource(Dataset["Batch | DataError"]):
    """Item ``step`` is the batch of that step, or the error of its pictures.

    Errors are returned, because an error raised in a loader process carries that process's
    traceback in its text.

    Raises:
        RecipeError: the data have fewer phrases than the recipe asks for.
    """

    def __init__(self, recipe: Recipe, pictures: list[Picture], book: PhraseBook) -> None:
        # Pictures in false colours are only asked for by phrases without colour.
        usable = ~book.coloured if recipe.repaint else np.ones(len(book.texts), bool)
        if np.count_nonzero(usable) < recipe.texts:
            raise RecipeError(
                f"recipe: texts must be at most the data's {np.count_nonzero(usable)} phrases"
                f"{' without colour' if recipe.repaint else ''}, found {recipe.texts}"
            )
        self.recipe = recipe
        # If no masks are learned, none are decoded.
        self.pictures = [
            each if recipe.prototypes else replace(each, segments=()) for each in pictures
        ]
        self.rendered = [each for each in self.pictures if not each.source]
        self.photographs = [each for each in self.pictures if each.source]
        self.odds = drawing_odds(self.photographs, book.descriptions)
        self.book = book
        # Whatever a source has a name for is labelled in its pictures, but not what it is like.
        sources = range(1 + max(each.source for each in pictures))
        self.named = np.zeros((len(sources), len(book.texts)), bool)
        for source in sources:
            own = {n for d in book.descriptions if d.source == source for n in d.names}
            self.named[source] = [text in own for text in book.texts]
        self.things = 1 + max(int(each.labels.things.max(initial=-1)) for each in pictures)

    def __len__(self) -> int:
        return self.recipe.steps

    def __getitem__(self, step: int) -> Batch | DataError:
        try:
            return self.batch(step)
        except DataError as error:
            return error

    def batch(self, step: int) -> Batch:
        """Returns the batch of a step.

        Raises:
            DataError: a picture or mask cannot be read.
        """
        # Workers must not start more threads: the network needs the cores.
        import cv2

        cv2.setNumThreads(0)
        recipe = self.recipe
        rng = np.random.default_rng((recipe.seed, step))
        odds = recipe.mosaic if step < recipe.steps * (1 - recipe.close_mosaic) else 0.0
        views = [self._view(rng, odds) for _ in range(recipe.batch)]
        painted = rng.random(recipe.batch) < recipe.repaint
        images, texts = [], []
        for view, falsely in zip(views, painted, strict=True):
            images.append((repaint if falsely else recolour)(view.image, rng))
            texts.append(self._texts(view.labels, rng, plain=bool(falsely)))
        return Batch(
            torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2),
            torch.from_numpy(np.stack(texts)),
            self._targets(views, texts, painted),
        )

    def _view(self, rng: np.random.Generator, odds: float) -> View:
        size = self.recipe.size
        if rng.random() < odds:
            view = mosaic(self._drawn(rng, 4), size, rng)
        else:
            view = fit(self._drawn(rng, 1)[0], size, rng)
        return mirror(view) if rng.random() < 0.5 else view

    def _drawn(self, rng: np.random.Generator, count: int) -> list[Picture]:
        """Returns pictures of one kind: photographs, or rendered ones."""
        if self.photographs and rng.random() < self.recipe.photograph_share:
            chosen = rng.choice(len(self.photographs), count, p=self.odds)
            return [self.photographs[i] for i in chosen]
        return [self.rendered[i] for i in rng.integers(0, len(self.rendered), count)]

    def _texts(self, labels: Labelled, rng: np.random.Generator, *, plain: bool) -> Array:
        """Returns K shuffled phrases: one per kind of object in view, hard and random others.

        With `plain`, none has a colour. The name for anything takes the place of a random one.
        """
        book, count = self.book, self.recipe.texts
        present = np.unique(labels.objects[~labels.hidden])
        spoken = book.category[present].tolist()
        if not plain:
            spoken = [self._spoken(int(item), rng) for item in present]
        if self.recipe.second:
            spoken += self._seconds(present, spoken, rng)
        hard = int(self.recipe.hard * max(0, count - len(spoken)))
        others = max(0, count - len(spoken) - hard)
        anything = []
        if book.anything is not None and rng.random() < self.recipe.anything:
            anything.append(book.anything)
        wanted = [
            *anything,
            *spoken,
            *self._rivals(present, rng)[:hard],
            *rng.permutation(book.category_phrases)[: others * 3 // 4].tolist(),
            *rng.permutation(len(book.texts)).tolist(),
        ]
        distinct = dict.fromkeys(text for text in wanted if not (plain and book.coloured[text]))
        return rng.permutation(np.array(list(distinct)[:count], np.int64))

    def _rivals(self, present: Array, rng: np.random.Generator) -> list[int]:
        """Returns two near names and one wrong attribute for every kind of object in view."""
        found: list[int] = []
        for item in rng.permutation(present):
            near, attributes = self.book.rivals[item]
            for options, most in ((near, 2), (attributes, 1)):
                if options:
                    found += rng.choice(options, min(most, len(options)), replace=False).tolist()
        return found

    def _spoken(self, described: int, rng: np.random.Generator) -> int:
        """Returns a true phrase of one object, of a kind drawn by the recipe's odds."""
        recipe, book = self.recipe, self.book
        names, coloured, made_of, caption = book.spoken[described]
        odds = (recipe.name, recipe.colour, recipe.material, recipe.caption)
        draw = rng.random()
        for share, options in zip(odds, (names, coloured, made_of, caption), strict=True):
            draw -= share
            if draw < 0 and options:
                return int(rng.choice(options))
        return int(book.category[described])

    def _seconds(self, present: Array, spoken: list[int], rng: np.random.Generator) -> list[int]:
        """Returns second true phrases for some of the objects, other than those `spoken`."""
        found = []
        for item, first in zip(present, spoken, strict=True):
            if rng.random() < self.recipe.second:
                category = int(self.book.category[item])
                named = first == category
                found.append(int(rng.choice(self.book.spoken[item][0])) if named else category)
        return found

    def _targets(self, views: list[View], texts: list[Array], painted: Array) -> Targets:
        most = max(1, max(len(view.labels.objects) for view in views))
        batch, count = len(views), self.recipe.texts
        boxes = np.zeros((batch, most, 4), np.float32)
        labels = np.zeros((batch, most, count), bool)
        ignored = np.zeros((batch, most, count), bool)
        valid = np.zeros((batch, most), bool)
        things = np.full((batch, most), -1, np.int64)
        most = max(len(view.labels.regions) for view in views)
        regions = np.zeros((batch, most, 4), np.float32)
        unlabelled = np.zeros((batch, most, count), bool)
        for row, (view, asked) in enumerate(zip(views, texts, strict=True)):
            picture = view.labels
            n = len(picture.objects)
            truth = self.book.truth[picture.objects][:, asked]
            boxes[row, :n] = picture.boxes
            labels[row, :n] = (truth == TRUE) & ~picture.hidden[:, None]
            ignored[row, :n] = (truth != TRUE) & (truth != FALSE) | picture.hidden[:, None]
            valid[row, :n] = ~picture.hidden
            # In false colours it is another thing, alike only within the picture.
            other = self.things * (1 + row) if painted[row] else 0
            things[row, :n] = np.where(picture.things < 0, -1, picture.things + other)
            for place, (region, source) in enumerate(
                zip(picture.regions, picture.sources, strict=True)
            ):
                regions[row, place] = region
                unlabelled[row, place] = ~self.named[source, asked] if source >= 0 else True
        owner = np.stack([view.owner for view in views])
        arrays = (boxes, labels, ignored, valid, owner, things, regions, unlabelled)
        return Targets(*(torch.from_numpy(array) for array in arrays))
