# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Opens the network of a bundle: the one that is asked for, or the fastest here."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from vit_perception.bundle.bundle import Bundle
from vit_perception.engine.cpu_affinity import engine_threads
from vit_perception.engine.factory import engine_version
from vit_perception.engine.machine import machine
from vit_perception.engine.session import SessionError, SessionStoppedError
from vit_perception.frame import Frame
from vit_perception.output.cache_folder import cache_folder
from vit_perception.perceiver.choice import Candidate, Candidates, Choice, Timed
from vit_perception.perceiver.fastest_file import FastestFile
from vit_perception.perceiver.network import Network
from vit_perception.perceiver.query import Query
from vit_perception.perceiver.query_maker import QueryMaker
from vit_perception.perceiver.settings import AUTO, EngineSettings, Settings
from vit_perception.perceiver.stages import StageTimes
from vit_perception.perceiver.turns import Pass, take_turns
from vit_perception.wording import one_line, shown_path

_log = logging.getLogger(__name__)


def opened(bundle: Bundle, asked: EngineSettings) -> tuple[Network, Choice]:
    """Returns the open network that was asked for, and what was chosen.

    Where precision or provider is AUTO, the candidates are timed, or what was kept of that is
    taken; see `Candidates` and `FastestFile`.

    Raises:
        PerceiverError: a graph that breaks the contract, or AUTO without a graph that passed.
        SessionError: the engine refuses the graph or is absent; of AUTO, all of them.
        BundleError: no such precision, or a file changed since the bundle was loaded.
    """
    if AUTO not in (asked.precision, asked.provider):
        return Network(bundle, asked), Choice(asked, asked)
    candidates = Candidates.of(bundle, asked)
    if len(candidates.ready) == 1:
        choice = Choice.of(asked, candidates.ready[0], candidates.words_for_only())
        return Network(bundle, choice.engine), choice
    file, key = FastestFile(cache_folder()), _key(bundle, candidates)
    kept = file.get(key, candidates.ready)
    if kept is not None:
        choice = Choice.of(asked, kept.fastest, candidates.words(kept))
        try:
            return Network(bundle, choice.engine), choice
        except SessionStoppedError:
            raise
        except SessionError as error:
            _log.info("the fastest engine of before, measured again: %s", one_line(error))
    race = _Race(bundle, asked)
    timed = take_turns(candidates.ready, race.enter)
    if not timed.milliseconds:
        raise SessionError(_none_runs(bundle, candidates.ready, timed))
    file.put(key, candidates.ready, timed)
    choice = Choice.of(asked, timed.fastest, candidates.words(timed))
    return race.networks[timed.fastest], choice


class _Race:
    """Opens candidates for passes with the bundle's default names, on a grey picture."""

    def __init__(self, bundle: Bundle, asked: EngineSettings) -> None:
        self.networks: dict[Candidate, Network] = {}
        self._bundle = bundle
        self._asked = asked
        self._query: Query | None = None
        size = (bundle.input_height, bundle.input_width, 3)
        self._frame = Frame(np.full(size, bundle.pad_value, np.uint8))

    def enter(self, candidate: Candidate) -> Pass:
        """Opens a candidate; returns what runs it once."""
        precision, provider = candidate
        network = Network(
            self._bundle, replace(self._asked, precision=precision, provider=provider)
        )
        if self._query is None:
            maker = QueryMaker(self._bundle, network.session, self._asked.threads)
            self._query = maker(self._bundle.default_vocabulary(), Settings())
        self.networks[candidate] = network
        laid = network.lay(self._frame, self._query)
        return partial(network.run, laid, self._query, StageTimes())


def _key(bundle: Bundle, candidates: Candidates) -> str:
    """Returns what stands for all that the times depend on, 64 hexadecimal digits."""
    facts = [
        machine(),
        engine_threads(candidates.asked.threads),
        len(bundle.default_names),
        [
            [
                *each,
                bundle.sha256[bundle.graph_file(each.precision)],
                engine_version(each.provider),
            ]
            for each in candidates.ready
        ],
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _none_runs(bundle: Bundle, candidates: Sequence[Candidate], timed: Timed) -> str:
    reasons = "; ".join(f"{' on '.join(each)}: {timed.refused[each]}" for each in candidates)
    return (
        f"{shown_path(bundle.directory)}: expected a graph and an engine that run here, found "
        f"none: {reasons}"
    )
