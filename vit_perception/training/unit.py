# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""UNIT: an encoder learns to read and keeps what it knows of pictures (2409.04095, card 63).

The encoder is trained with two decoders that are thrown away. One writes the texts of documents,
or captions. The other one makes of the features of scenes those that the encoder had before. Stage
A has large documents and small scenes, stage B small documents and large scenes too. The encoder
keeps its shape and its cost.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.heads.reading import FeatureDecoder, QueryCompressor, TextDecoder
from vit_perception.models.text.characters import NOTHING, Characters

ANCHOR, DISTANCE = 1.0, 1.0
"""Weights of the features' loss, and of distances beside angles in it (the card's own)."""
Documents = Callable[[int], tuple[Tensor, Sequence[str]]]
"""From the side of pictures, px, to some float [B, 3, H, W] and what is written there."""
Scenes = Callable[[int], Tensor]
"""The same without texts."""


class Lesson(NamedTuple):
    """What one step learns from.

    Attributes:
        documents: pictures [B, 3, H, W] with their texts, of one or more sizes.
        scenes: pictures [B, 3, H, W] of which features are kept, of one or more sizes.
    """

    documents: tuple[tuple[Tensor, Sequence[str]], ...]
    scenes: tuple[Tensor, ...]


def lessons(
    documents: Documents, scenes: Scenes, small: int, large: int, *, swapped: bool
) -> Iterator[Lesson]:
    """Yields lessons of stage A, or with `swapped` those of stage B, without end."""
    while True:
        sides = (large, small) if swapped else (large,)
        others = (small, large) if swapped else (small,)
        yield Lesson(
            tuple(documents(side) for side in sides), tuple(scenes(side) for side in others)
        )


class ReadingEncoder(nn.Module):
    """An encoder with its teacher and both decoders.

    Args:
        encoder: float pictures [B, 3, H, W] to maps, of which the last [B, C, h, w] is used: a
            `models.shelf.Backbone`, or any network of timm with `features_only=True`. It is
            trained in place.
        channels: C.
        characters: the alphabet.
        width, heads, depth, longest: of what reads, see `TextDecoder`.
        queries: see `QueryCompressor`.

    Attributes:
        encoder: as given; all that is kept after training.
        teacher: a frozen copy of it.
    """

    def __init__(
        self,
        encoder: nn.Module,
        channels: int,
        characters: Characters | None = None,
        width: int = 384,
        heads: int = 6,
        depth: int = 2,
        longest: int = 128,
        queries: int = 32,
    ) -> None:
        super().__init__()
        self.characters = characters or Characters()
        self.encoder = encoder
        self.teacher = copy.deepcopy(encoder).eval().requires_grad_(False)
        self.compressor = QueryCompressor(channels, width, queries, heads)
        self.decoder = TextDecoder(
            len(self.characters), width, depth, heads, 4 * width, longest=longest
        )
        self.features = FeatureDecoder(channels)

    def train(self, mode: bool = True) -> ReadingEncoder:
        """Sets the mode of all but the teacher."""
        super().train(mode)
        self.teacher.eval()
        return self

    def reading_loss(self, images: Tensor, texts: Sequence[str]) -> Tensor:
        """Returns the mean cross-entropy of the characters of texts."""
        numbers = self.characters.numbers(texts).to(images.device)
        logits = self.decoder(numbers[:, :-1], self._queries(images))
        return F.cross_entropy(
            logits.flatten(0, 1), numbers[:, 1:].flatten(), ignore_index=NOTHING
        )

    def anchor_loss(self, images: Tensor, known: Tensor | None = None) -> Tensor:
        """Returns how far features are from those of the teacher; see `feature_loss`.

        Args:
            images: what the encoder sees.
            known: the same pictures at the size that the teacher knows; None if it is theirs.
        """
        found = _map(self.encoder, images)
        with torch.no_grad():
            wanted = _map(self.teacher, images if known is None else known)
            if wanted.shape != found.shape:
                size = found.shape[2:]
                wanted = F.interpolate(wanted, size, mode="bilinear", align_corners=False)
        return feature_loss(self.features(_tokens(found)), _tokens(wanted))

    @torch.no_grad()
    def read(self, images: Tensor) -> list[str]:
        """Returns what is written on pictures; the module should be in eval mode."""
        return self.characters.texts(self.decoder.write(self._queries(images)))

    def _queries(self, images: Tensor) -> Tensor:
        queries: Tensor = self.compressor(_tokens(_map(self.encoder, images)))
        return queries


def feature_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """Returns the mean over tokens [B, N, C] of 1 - cosine and the mean absolute difference."""
    angles = 1 - F.cosine_similarity(found, wanted, dim=-1)
    return angles.mean() + DISTANCE * (found - wanted).abs().mean()


def teach(
    reading: ReadingEncoder,
    course: Iterable[Lesson],
    steps: int,
    *,
    rate: float = 5e-5,
    decay: float = 0.01,
    anchor: float = ANCHOR,
    known: int | None = None,
) -> list[tuple[float, float]]:
    """Trains with AdamW and a rate that falls as a cosine.

    Args:
        reading: trained in place; its encoder is in eval mode afterwards.
        course: lessons, at least as many as steps.
        steps: of the optimizer.
        rate, decay: its learning rate and weight decay.
        anchor: weight of the features' loss; with 0, pictures are forgotten.
        known: side of pictures that the teacher knows, px; it sees larger and smaller ones at this
            size. None: it sees what the encoder sees.

    Returns:
        The losses of texts and of features, of each step.
    """
    trained = [each for each in reading.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(trained, rate, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    reading.train()
    losses = []
    for lesson in itertools.islice(course, steps):
        texts = torch.stack([reading.reading_loss(*each) for each in lesson.documents]).sum()
        loss, features = texts, 0.0
        if anchor and lesson.scenes:
            kept = torch.stack(
                [reading.anchor_loss(each, _at(each, known)) for each in lesson.scenes]
            ).sum()
            loss, features = texts + anchor * kept, float(kept.detach())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append((float(texts.detach()), features))
    reading.eval()
    return losses


@torch.no_grad()
def forgetting(reading: ReadingEncoder, images: Tensor) -> float:
    """Returns 1 - the mean cosine of features of scenes to the teacher's; 0 if none is lost."""
    found, wanted = (_tokens(_map(each, images)) for each in (reading.encoder, reading.teacher))
    return float(1 - F.cosine_similarity(found, wanted, dim=-1).mean())


def character_error_rate(found: Sequence[str], wanted: Sequence[str]) -> float:
    """Returns the edits that make texts right, as a share of the characters that are wanted."""
    edits = sum(_edits(*pair) for pair in zip(found, wanted, strict=True))
    return edits / max(1, sum(map(len, wanted)))


def _edits(found: str, wanted: str) -> int:
    """Returns the least number of insertions, deletions and replacements."""
    row = list(range(len(wanted) + 1))
    for index, character in enumerate(found, 1):
        before, row[0] = row[0], index
        for place, other in enumerate(wanted, 1):
            cost = min(row[place] + 1, row[place - 1] + 1, before + (character != other))
            before, row[place] = row[place], cost
    return row[-1]


def _map(encoder: nn.Module, images: Tensor) -> Tensor:
    maps: list[Tensor] = encoder(images)
    return maps[-1]


def _tokens(x: Tensor) -> Tensor:
    """Maps [B, C, h, w] to [B, h * w, C]."""
    return x.flatten(2).transpose(1, 2)


def _at(images: Tensor, side: int | None) -> Tensor | None:
    if side is None or max(images.shape[2:]) == side:
        return None
    scale = side / max(images.shape[2:])
    size = [round(scale * each) for each in images.shape[2:]]
    return F.interpolate(images, size, mode="bilinear", align_corners=False, antialias=scale < 1)
