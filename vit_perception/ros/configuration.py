# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a frame is looked at with: built whole from parameters, swapped by one reference."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.engine.cpu_affinity import format_cores, keep_process_to, usable_cores
from vit_perception.examples import Examples
from vit_perception.names import VocabularyError
from vit_perception.parameters.detector import DetectorParameters
from vit_perception.perceiver.choice import Candidates
from vit_perception.perceiver.examples_file import write_examples
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.query import Query
from vit_perception.perceiver.settings import PerceiverError, Settings, unknown_threshold_names
from vit_perception.perceiver.taught import Prototypes
from vit_perception.ros.teaching.profile import Profile, file_state
from vit_perception.text.builder import VocabularyBuilder
from vit_perception.vocabulary import Vocabulary
from vit_perception.wording import shown_path


@dataclass(frozen=True, slots=True, eq=False)
class Configuration:
    """Everything that one frame is looked at with.

    It never changes. A change of parameters builds another one whole, and one reference is
    swapped, so that a frame sees all of a change or nothing of it, from its age limit to the
    threshold that is published with it.

    Attributes:
        parameters: as ROS shows them.
        perceiver: the open graph.
        query: names, thresholds, limits and region, ready for the network.
        names: the parameter `vocabulary` that the query's names came from; while others are
            being encoded it is not that of `parameters`.
    """

    parameters: DetectorParameters
    perceiver: Perceiver
    query: Query
    names: tuple[str, ...]

    @property
    def idle_thresholds(self) -> tuple[str, ...]:
        """Names in class_thresholds that the vocabulary lacks: perhaps misspelled."""
        return unknown_threshold_names(self.query.settings, self.query.vocabulary)

    @property
    def precision_asked(self) -> str:
        """The precision that parameters asked for the open graph."""
        return self.perceiver.choice.asked.precision

    @property
    def provider_asked(self) -> str:
        """The provider that parameters asked for the open graph."""
        return self.perceiver.choice.asked.provider

    def runs(self, parameters: DetectorParameters) -> bool:
        """Returns whether the open graph is the one that `parameters` ask for."""
        wanted = (parameters.precision, parameters.provider)
        return (self.precision_asked, self.provider_asked) == wanted

    def description(self, opening: str = "", encoding: str = "") -> Mapping[str, str]:
        """Returns what runs, and what is being `opening` and `encoding`, for diagnostics."""
        bundle, precision = self.perceiver.bundle, self.perceiver.precision
        return {
            "model.bundle": bundle.name,
            "model.directory": str(bundle.directory),
            "model.architecture": bundle.architecture,
            "model.sha256": bundle.sha256[bundle.graphs[precision]],
            "model.precision": precision,
            "model.precision_asked": self.precision_asked,
            "model.provider": self.perceiver.provider,
            "model.provider_asked": self.provider_asked,
            "model.choice": self.perceiver.choice.words,
            "model.opening": opening,
            "cpu.cores": format_cores(usable_cores()),
            "model.input": f"{bundle.input_width}x{bundle.input_height}",
            "vocabulary.version": str(self.query.vocabulary.version),
            "vocabulary.names": str(len(self.query.vocabulary)),
            "vocabulary.shown": str(len(self.query.vocabulary.shown)),
            "vocabulary.encoding": encoding,
            "class_thresholds.idle": ", ".join(self.idle_thresholds),
        }


class Configurator:
    """Holds the configuration in force and builds the next one; `load` makes the first.

    Attributes:
        bundle: stays the same.
        current: the configuration in force; read it once a frame.
    """

    def __init__(
        self,
        bundle: Bundle,
        builder: VocabularyBuilder,
        configuration: Configuration,
        profile: Profile,
    ) -> None:
        self.bundle = bundle
        self.current = configuration
        self._builder = builder
        self._profile = profile
        # Between a change of parameters and a graph that has been opened meanwhile.
        self._lock = threading.Lock()

    @classmethod
    def load(
        cls, parameters: DetectorParameters, *, version: int, profile: Profile | None = None
    ) -> Configurator:
        """Reads and checks the bundle, builds the vocabulary and the session, warms up.

        Args:
            parameters: of the node.
            version: of the first vocabulary.
            profile: of the configuration before; None for none.

        Raises:
            AffinityError, NotInstalledError, BundleError, VocabularyError, TextEncoderError,
                ExamplesError, PerceiverError, SessionError: one line that says what was expected
                and what was found.
        """
        if parameters.cpu_affinity:
            keep_process_to(parameters.cpu_affinity)
        bundle = Bundle.load(find_bundle(parameters.bundle))
        directory = Path(parameters.text_encoder_dir) if parameters.text_encoder_dir else None
        builder = VocabularyBuilder(bundle, text_encoder_dir=directory)
        vocabulary = _vocabulary(bundle, builder, parameters.vocabulary, version)
        perceiver = _perceiver(bundle, vocabulary, parameters)
        profile = (profile or Profile()).continued(parameters.taught_file, perceiver)
        shown = profile.examples if bundle.regions is not None else None
        query = perceiver.prepare(
            vocabulary=vocabulary.showing(shown) if shown else None,
            settings=parameters.settings(),
        )
        first = Configuration(parameters, perceiver, query, parameters.vocabulary)
        return cls(bundle, builder, first, profile)

    @property
    def version(self) -> int:
        """Version of the vocabulary in force."""
        return self.current.query.vocabulary.version

    @property
    def examples(self) -> Examples:
        """What was shown and is looked for."""
        return self.current.query.vocabulary.examples or Examples(self.bundle.embedding_id)

    @property
    def profile(self) -> Profile:
        """What the next configuration begins with; its notes are about the beginning of this."""
        if self.bundle.regions is None:
            return self._profile
        return replace(self._profile, examples=self.examples)

    def prepare(self, parameters: DetectorParameters) -> Configuration:
        """Returns the configuration for other parameters; nothing changes yet.

        It is quick, unless the bundle's text adaptor is not: what has to be opened or encoded is
        only checked as far as that goes. The graph and the names of now stay until `open` and
        `encode` give others.

        Raises: as `load` does.
        """
        now = self.current
        if not now.runs(parameters):
            Candidates.of(self.bundle, parameters.engine_settings())
        names, vocabulary = now.names, None
        if parameters.vocabulary != now.names and self._is_quick(parameters.vocabulary):
            names, vocabulary = parameters.vocabulary, self._vocabulary(parameters)
            vocabulary = vocabulary.showing(now.query.vocabulary.examples)
        query = now.perceiver.prepare(
            vocabulary=vocabulary, settings=parameters.settings(), before=now.query
        )
        return replace(now, parameters=parameters, query=query, names=names)

    def apply(self, prepared: Configuration) -> None:
        """Lets the next frame see what was prepared."""
        with self._lock:
            # Another graph, names that were being encoded, or what was shown may have taken over
            # since.
            now = self.current
            query, names = prepared.query, prepared.names
            stay = names == now.names or names != prepared.parameters.vocabulary
            if not stay and query.vocabulary.version <= self.version:
                try:
                    query = self._beside_shown(query, query.settings)
                except VocabularyError:
                    # Too many beside those shown since: `encode` says so.
                    stay = True
            if stay and query.vocabulary is not now.query.vocabulary:
                query = now.perceiver.prepare(settings=query.settings, before=now.query)
            names = now.names if stay else names
            self.current = replace(
                prepared,
                perceiver=now.perceiver,
                query=query,
                names=names,
            )

    def open(self, parameters: DetectorParameters) -> Perceiver:
        """Opens the graph that `parameters` ask for, and runs it once; takes its time.

        Raises: as `load` does.
        """
        return _perceiver(self.bundle, self.current.query.vocabulary, parameters)

    def encode(self, parameters: DetectorParameters) -> Query:
        """Makes the names that `parameters` ask for ready; new ones take their time.

        Raises: as `load` does.
        """
        now = self.current
        vocabulary = self._vocabulary(parameters)
        return now.perceiver.prepare(vocabulary=vocabulary, before=now.query)

    def adopt_graph(self, perceiver: Perceiver) -> None:
        """Lets the next frame be looked at by another perceiver, with the names of now.

        Args:
            perceiver: from `open`.
        """
        with self._lock:
            self.current = replace(self.current, perceiver=perceiver)

    def adopt_names(self, encoded: Query, names: tuple[str, ...]) -> None:
        """Lets the next frame be looked at for other names, with the settings of now.

        Args:
            encoded: from `encode`.
            names: the parameter that it came from.
        """
        with self._lock:
            now = self.current
            query = self._beside_shown(encoded, now.query.settings)
            self.current = replace(now, query=query, names=names)

    def adopt_examples(self, examples: Examples) -> int:
        """Lets the next frame be looked at for what was shown; returns the vocabulary's version.

        Args:
            examples: all of them, shown to this bundle.

        Raises:
            VocabularyError: too many names together; nothing has changed.
        """
        power = self.bundle.shown_power
        prototypes = Prototypes.of(examples, power=power) if examples.names else None
        with self._lock:
            now = self.current.query
            query = self._next(now, examples, prototypes, now.settings)
            self.current = replace(self.current, query=query)
        return query.vocabulary.version

    def save_taught(self) -> str:
        """Writes what was shown to the parameter's `taught_file`; returns a line about it.

        Raises:
            PerceiverError: no file is named.
            ExamplesError, OutputError: it cannot be written.
        """
        path, examples = self.current.parameters.taught_file, self.examples
        if not path:
            raise PerceiverError("taught_file: expected the file to write, found none")
        write_examples(Path(path), examples)
        self._profile = replace(self._profile, file=file_state(path))
        return f"{shown_path(path)}: {len(examples)} examples of {len(examples.names)} names"

    def _beside_shown(self, query: Query, settings: Settings) -> Query:
        """Returns the query of said names beside those shown now, as the next version."""
        now = self.current.query
        return self._next(query, now.vocabulary.examples, now.prototypes, settings)

    def _next(
        self,
        query: Query,
        examples: Examples | None,
        prototypes: Prototypes | None,
        settings: Settings,
    ) -> Query:
        vocabulary = query.vocabulary.showing(examples)
        vocabulary = replace(vocabulary, version=self.version + 1)
        return Query.of(vocabulary, settings, query.class_embeddings, prototypes)

    def _vocabulary(self, parameters: DetectorParameters) -> Vocabulary:
        return _vocabulary(self.bundle, self._builder, parameters.vocabulary, self.version + 1)

    def _is_quick(self, names: tuple[str, ...]) -> bool:
        return not names or self._builder.check(names)


def _perceiver(
    bundle: Bundle, vocabulary: Vocabulary, parameters: DetectorParameters
) -> Perceiver:
    perceiver = Perceiver(
        bundle,
        vocabulary=vocabulary,
        precision=parameters.precision,
        provider=parameters.provider,
        threads=parameters.threads,
    )
    perceiver.warm_up()
    return perceiver


def _vocabulary(
    bundle: Bundle, builder: VocabularyBuilder, names: tuple[str, ...], version: int
) -> Vocabulary:
    if not names:
        return replace(bundle.default_vocabulary(), version=version)
    return builder.build(names, version)
