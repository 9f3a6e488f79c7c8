# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The graphs that `vit-perception benchmark` times: those of bundles and of backbones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.engine.factory import open_session
from vit_perception.evaluation.latency import take_turns
from vit_perception.evaluation.memory import example_inputs, session_memory
from vit_perception.wording import one_line, shown

if TYPE_CHECKING:
    from vit_perception.models.shelf import Backbone

FLOAT = "fp32"
INT8 = "int8"


class BenchmarkError(ValueError):
    """There is nothing to time; one line."""


@dataclass(frozen=True)
class Candidate:
    """A graph to time.

    Attributes:
        name: of the bundle or backbone.
        precision: of the graph.
        model: the ONNX file.
        size: height and width of its input.
        parameters, macs: of the network without its classifier; None if unknown.
        accuracy: ImageNet-1k top-1 in percent, as the paper publishes it; None for bundles.
        reference: whether ratios are relative to this graph.
    """

    name: str
    precision: str
    model: bytes
    size: tuple[int, int]
    parameters: int | None = None
    macs: int | None = None
    accuracy: float | None = None
    reference: bool = False


@dataclass(frozen=True)
class Row:
    """A candidate with its times in milliseconds and its memory in bytes."""

    candidate: Candidate
    p50: float
    p95: float
    least: float
    ratio: float
    memory: int

    @property
    def label(self) -> str:
        """Name and precision."""
        return f"{self.candidate.name} {self.candidate.precision}"


def bundle_candidates(names: Sequence[str], precisions: Sequence[str]) -> list[Candidate]:
    """Returns the graphs of bundles.

    Raises:
        BundleError: there is no such bundle or graph.
    """
    found = []
    for name in names:
        bundle = Bundle.load(find_bundle(name))
        size = (bundle.input_height, bundle.input_width)
        for precision in precisions:
            found.append(Candidate(bundle.name, precision, bundle.graph(precision), size))
    return found


def backbone_candidates(
    names: str, size: tuple[int, int], precisions: Sequence[str], say: Callable[[str], object]
) -> list[Candidate]:
    """Returns the graphs of backbones of the shelf, the reference first.

    Args:
        names: variants or families, separated by commas, or `all`.
        size: height and width of the input.
        precisions: fp32 and int8.
        say: called with one line for each graph that cannot be made.

    Raises:
        BackboneError: a name is not on the shelf.
        BenchmarkError: a precision is neither fp32 nor int8.
    """
    from vit_perception.models.shelf import REFERENCE, create_backbone, create_reference, find

    for precision in precisions:
        if precision not in (FLOAT, INT8):
            raise BenchmarkError(
                f"precision of a backbone: expected {FLOAT} or {INT8}, found {shown(precision)}"
            )
    found = []
    for name in (REFERENCE, *chosen(names)):
        is_reference = name == REFERENCE
        backbone = create_reference() if is_reference else create_backbone(name, size)
        accuracy = None if is_reference else find(name).top1
        found += _graphs(backbone, size, precisions, accuracy, is_reference, say)
    return found


def chosen(names: str) -> list[str]:
    """Returns the names of variants, from names of variants and families or `all`.

    Raises:
        BackboneError: a name is not on the shelf.
    """
    from vit_perception.models.shelf import families, find, shelf

    if names == "all":
        return list(shelf())
    found: dict[str, None] = {}
    for name in filter(None, (each.strip() for each in names.split(","))):
        if name in families():
            found |= dict.fromkeys(each.name for each in families()[name].VARIANTS)
        else:
            found[find(name).name] = None
    return list(found)


def measured(
    candidates: Sequence[Candidate],
    *,
    provider: str,
    threads: int,
    rounds: int,
    progress: Callable[[int], object],
) -> list[Row]:
    """Returns the times and memory of the candidates, which run in turns.

    Raises:
        SessionError: the provider is absent, or refuses a graph.
        FootprintError: a graph does not run in another process.
    """
    sessions = [
        open_session(each.model, provider=provider, threads=threads) for each in candidates
    ]
    memory = [
        session_memory(each.model, provider=provider, threads=threads) for each in candidates
    ]
    calls: dict[str, Callable[[], object]] = {}
    for number, session in enumerate(sessions):
        inputs = example_inputs(session)
        calls[str(number)] = partial(session.run, inputs)
    timing = take_turns(calls, rounds, progress=progress)
    reference = next((n for n, each in enumerate(candidates) if each.reference), 0)
    return [
        Row(
            candidate,
            timing.median_ms(str(number)),
            timing.p95_ms(str(number)),
            timing.least_ms(str(number)),
            timing.ratio(str(number), str(reference)),
            memory[number],
        )
        for number, candidate in enumerate(candidates)
    ]


def _graphs(
    backbone: Backbone,
    size: tuple[int, int],
    precisions: Sequence[str],
    accuracy: float | None,
    reference: bool,
    say: Callable[[str], object],
) -> list[Candidate]:
    from vit_perception.compression.quantization.float_graph import QuantizationError
    from vit_perception.compression.quantization.noise import quantized_with_noise
    from vit_perception.export.backbone import backbone_graph, cost

    name = backbone.name
    graph = backbone_graph(backbone, size)
    parameters, macs = cost(backbone, size)
    found = []
    for precision in precisions:
        try:
            model = graph if precision == FLOAT else quantized_with_noise(graph, size)
        except QuantizationError as error:
            say(f"{name}: no {precision}: {one_line(error)}")
            continue
        is_reference = reference and precision == precisions[0]
        found.append(
            Candidate(name, precision, model, size, parameters, macs, accuracy, is_reference)
        )
    return found
