# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes a bundle with a graph of fewer bits that was measured first, and a report about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.quality import Quality
from vit_perception.compression.added_graph import check_target, with_graph
from vit_perception.compression.gate.baselines import baselines
from vit_perception.compression.gate.frames import read_frames
from vit_perception.compression.gate.gate import Checked, GateSettings, checked, subject_of
from vit_perception.compression.gate.journal import Journal
from vit_perception.compression.gate.judge import Figures, Judge
from vit_perception.compression.gate.maker import Source, maker
from vit_perception.compression.quantization.float_graph import QuantizationError, Quantized
from vit_perception.compression.quantization.half import Halved
from vit_perception.compression.quantization.method_names import PAPERS
from vit_perception.compression.quantization.qdq import Calibrated
from vit_perception.compression.quantization.quantize import remark_on
from vit_perception.output.failure import writing
from vit_perception.perceiver.region_mean import region_mean
from vit_perception.wording import shown_path

JOURNAL = "evaluations.jsonl"
Bar = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]
"""Shows how far something is: from its title and total to what takes the number done."""


@contextmanager
def no_bar(title: str, total: int) -> Iterator[Callable[[int], object]]:
    """Shows nothing."""
    yield lambda done: None


@dataclass(frozen=True, eq=False)
class Baseline:
    """A graph as others make it, with all layers in fewer bits.

    Attributes:
        name: who makes it, and how.
        figures: see `Judge`.
        size: bytes.
        milliseconds: median, in turns with the other graphs.
    """

    name: str
    figures: Figures
    size: int
    milliseconds: float


@dataclass(frozen=True, eq=False)
class Gated:
    """The result of `gated_bundle`.

    Attributes:
        bundle: at its destination.
        checked: the graph that was added, and how it compares.
        notes: lines about pictures that are missing.
        latencies_ms: of the float graph and of the new one, by precision.
        layer_ms: time of each layer in both, by precision; what belongs to none is under "".
            Empty where there are no layers.
        baselines: graphs that were compared with it.
        searched: layers that got what a paper's method found; None for other methods.
    """

    bundle: Bundle
    checked: Checked
    notes: tuple[str, ...]
    latencies_ms: dict[str, float]
    layer_ms: dict[str, dict[str, float]]
    baselines: tuple[Baseline, ...] = ()
    searched: int | None = None


def gated_bundle(
    bundle: Bundle,
    directory: str | Path,
    work: Path,
    *,
    calibration: Path,
    check: Path | None = None,
    count: int = 200,
    method: str = "percentile",
    source: Source | None = None,
    precision: str = "int8",
    settings: GateSettings,
    threads: int = 0,
    others: bool = False,
    bar: Bar = no_bar,
) -> Gated:
    """Quantizes a bundle's fp32 graph; what costs too much stays in float.

    Args:
        bundle: with a graph "fp32".
        directory: destination, see `with_graph`.
        work: folder for the journal of evaluations; an interrupted search goes on from it.
        calibration: a bag, a data set or a folder of pictures, like those in use.
        check: the same, to compare on; None for those of the calibration.
        count: limit of pictures of each, at least 1.
        method: one of `method_names.METHODS`.
        source: needed by the papers' methods, see `maker`.
        precision: name of the new graph.
        settings: what it has to keep.
        threads: of the engine that compares; 0 for its default.
        others: whether graphs as others make them are compared too.
        bar: shows how far it is.

    Raises:
        QuantizationError: nothing can be quantized, or no graph keeps the figures.
        MediaError, BagError, EvaluationError: the pictures cannot be read.
        BundleError: there is no fp32 graph, it changed meanwhile, or the destination is no bundle.
        OutputError: the destination, the journal or temporary files cannot be written.
        SessionError, PerceiverError, VocabularyError: the bundle cannot be run on the pictures.
    """
    check_target(directory, precision, method)

    with bar("reading", count) as read:
        frames = read_frames(calibration, count, bundle, read)
    against = frames
    if check is not None:
        with bar("reading", count) as read:
            against = read_frames(check, count, bundle, read)
    subject = subject_of(bundle, against, frames.digest, method)
    images = [laid.pixels for laid in frames.laid]
    with bar("calibrating", len(images)) as seen:
        try:
            made = maker(bundle, images, method, source, seen)
        except QuantizationError as error:
            raise QuantizationError(f"{shown_path(bundle.directory)}: {error}") from error
    with writing(work):
        work.mkdir(parents=True, exist_ok=True)
    judge = Judge(bundle, against, threads=threads)
    journal = Journal(work / JOURNAL, subject)
    with bar("comparing", settings.budget) as compared:
        found = checked(judge, made, settings, journal, compared)
    graph, regions = found.graph, None
    if bundle.regions is not None:
        mean = region_mean(graph.model, bundle.regions.anything, iter(images))
        regions = bundle.regions.with_mean(precision, mean)
    quality = quality_of(judge, found, check or calibration)
    written = with_graph(
        bundle,
        directory,
        precision=precision,
        model=graph.model,
        remark=f"{_remark(graph, made, method, len(frames), calibration)}; {quality}",
        regions=regions,
        quality=quality,
    )
    notes = list(frames.notes + (against.notes if check else ()))
    graphs = {"fp32": bundle.graph(), precision: graph.model}
    layer_ms = {
        key: judge.layer_times(each, made.layer_of)
        for key, each in {**graphs, "fp32": made.model}.items()
    }
    compared_with: dict[str, bytes] = {}
    if others:
        for name, other in baselines(bundle.graph(), images, method):
            if other is None:
                notes.append(f"left out: {name}, which is not installed")
            else:
                compared_with[name] = other
    times = judge.latencies_ms({**graphs, **compared_with})
    return Gated(
        written,
        found,
        tuple(notes),
        {key: times[key] for key in graphs},
        layer_ms,
        tuple(
            Baseline(name, judge.figures(other), len(other), times[name])
            for name, other in compared_with.items()
        ),
        made.found if isinstance(made, Calibrated) and method in PAPERS else None,
    )


def quality_of(judge: Judge, found: Checked, data: Path) -> Quality:
    """Returns the entry of a manifest on a graph that was compared on a bag or a folder."""
    metric = judge.fallen_most(found.figures)
    return Quality(
        metric=metric,
        reference=round(found.reference[metric], 6),
        value=round(found.figures[metric], 6),
        limit=found.limit,
        pictures=found.pictures,
        data=shown_path(data.resolve().name),
    )


def _remark(
    graph: Quantized, made: Calibrated | Halved, method: str, pictures: int, calibration: Path
) -> str:
    """Returns the line of the model card on a graph."""
    if isinstance(made, Calibrated):
        remark = remark_on(graph, made.method, pictures, calibration)
        by_method = f"; {made.found} of {len(made.layers)} layers by {method}"
        return remark + by_method if method in PAPERS else remark
    return (
        f"half precision: {graph.quantized} of {graph.convolutions} convolutions with the "
        "operators between them; the rest in float"
    )
