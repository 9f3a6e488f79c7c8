# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which graph and engine are taken where the fastest is asked for, and the words for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from vit_perception.bundle.bundle import Bundle
from vit_perception.engine.factory import find_provider, short_names
from vit_perception.engine.session import SessionError
from vit_perception.perceiver.settings import AUTO, EngineSettings, PerceiverError
from vit_perception.wording import shown_path


class Candidate(NamedTuple):
    """A graph of a bundle, and what runs it."""

    precision: str
    provider: str


@dataclass(frozen=True, slots=True)
class Timed:
    """What was measured of candidates.

    Attributes:
        milliseconds: a pass of each that runs, in the order of the candidates.
        refused: the reason of each that does not, one line.
    """

    milliseconds: Mapping[Candidate, float]
    refused: Mapping[Candidate, str]

    @property
    def fastest(self) -> Candidate:
        """The one with the least time; the first of several. At least one has to run."""
        return min(self.milliseconds, key=self.milliseconds.__getitem__)


@dataclass(frozen=True, slots=True)
class Choice:
    """What was asked for, and what was taken.

    Attributes:
        asked: precision and provider may be AUTO.
        engine: the same with those that were taken.
        words: why, in one line; empty where nothing was to be chosen.
    """

    asked: EngineSettings
    engine: EngineSettings
    words: str = ""

    @property
    def line(self) -> str:
        """What was asked for and why this was taken, for a log."""
        return f"{self.asked.precision} on {self.asked.provider}: {self.words}"

    @classmethod
    def of(cls, asked: EngineSettings, taken: Candidate, reasons: Sequence[str]) -> Choice:
        """Returns the choice of a candidate, for reasons."""
        engine = replace(asked, precision=taken.precision, provider=taken.provider)
        return cls(asked, engine, "; ".join(reasons))


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may be taken.

    Attributes:
        asked: precision, provider or both are AUTO, or neither.
        ready: at least one; the graph fp32 and ONNX Runtime on the CPU come first.
        left_out: a line for each precision and provider that may not be taken.
    """

    asked: EngineSettings
    ready: tuple[Candidate, ...]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, bundle: Bundle, asked: EngineSettings) -> Candidates:
        """Returns what a bundle has for what was asked; quick, nothing is opened.

        Raises:
            BundleError: there is no such precision.
            SessionError: the provider is absent here.
            PerceiverError: AUTO, but no graph is fp32 or passed.
        """
        precisions, unfit = _precisions(bundle, asked.precision)
        providers, absent = _providers(asked.provider)
        return cls(
            asked,
            tuple(Candidate(each, provider) for each in precisions for provider in providers),
            (*unfit, *absent),
        )

    def words(self, timed: Timed) -> tuple[str, ...]:
        """Returns why the fastest was taken: all times, the least first, and who has none."""
        times = sorted(timed.milliseconds.items(), key=lambda item: item[1])
        return (
            *(f"{self._label(each)} {time:.1f} ms" for each, time in times),
            *self.left_out,
            *(f"{self._label(each)} not chosen: {why}" for each, why in timed.refused.items()),
        )

    def words_for_only(self) -> tuple[str, ...]:
        """Returns why the only candidate was taken."""
        return (f"{self._label(self.ready[0])}: nothing else to choose from", *self.left_out)

    def _label(self, candidate: Candidate) -> str:
        """Returns a candidate by that in which it differs from others."""
        if self.asked.provider != AUTO:
            return candidate.precision
        return f"{candidate.precision} on {candidate.provider}"


def _precisions(bundle: Bundle, asked: str) -> tuple[list[str], list[str]]:
    """Returns precisions that may be taken, and a line for each of the others."""
    if asked != AUTO:
        bundle.graph_file(asked)
        return [asked], []
    found = [each for each in bundle.graphs if bundle.passed(each)]
    found.sort(key=lambda each: each != "fp32")
    unfit = [
        f"{each} not chosen: {bundle.quality.get(each, 'its quality was not measured')}"
        for each in bundle.graphs
        if each not in found
    ]
    if not found:
        raise PerceiverError(
            f"{shown_path(bundle.directory)}: precision: expected a graph fp32 or one whose "
            f"quality passed, found {'; '.join(unfit)}"
        )
    return found, unfit


def _providers(asked: str) -> tuple[list[str], list[str]]:
    """Returns providers that are installed, and a line about the others."""
    if asked != AUTO:
        find_provider(asked)
        return [asked], []
    found, absent = [], []
    for name in short_names():
        try:
            find_provider(name)
            found.append(name)
        except SessionError:
            absent.append(name)
    return found, [f"not installed: {', '.join(absent)}"] if absent else []
