# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What was measured of a graph of fewer bits: as JSON, as a page, and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from vit_perception.compression.gate.gated import Gated
from vit_perception.compression.gate.judge import AGREEMENT
from vit_perception.compression.quantization.method_names import FP16
from vit_perception.evaluation.report.page import Section, page
from vit_perception.evaluation.report.rendering import render
from vit_perception.evaluation.report.tables import Cell, Column, table
from vit_perception.evaluation.report.values import count, number
from vit_perception.evaluation.tables import table as text_table
from vit_perception.perceiver.settings import BF16
from vit_perception.wording import counted

FORMAT = 1
TITLES = {
    "AP": "AP of boxes",
    "mask_AP": "AP of masks",
    "agreement": "Agreement of boxes and names",
    "mask_agreement": "Agreement of masks too",
}
_ABOUT = {
    False: "Average precision over IoU 0.50 to 0.95, against the labels of the pictures.",
    True: "The pictures have no labels. Of what both graphs publish, weighted by score, this "
    "share is found by both under one name, with boxes (and masks) that overlap by half.",
}

Found = Mapping[str, Any]


def figures_of(made: Gated, *, precision: str, method: str) -> dict[str, Any]:
    """Returns the content of quantization.json.

    Args:
        made: bundle and comparison.
        precision: name of the graph.
        method: of the ranges.
    """
    found, bundle = made.checked, made.bundle
    return {
        "format": FORMAT,
        "bundle": bundle.name,
        "precision": precision,
        "method": method,
        "pictures": found.pictures,
        "limit": found.limit,
        "float": _rounded(found.reference),
        "all_layers": _rounded(found.first),
        "chosen": _rounded(found.figures),
        "drop": round(found.drop, 6),
        "layers": len(found.layers),
        "searched_layers": made.searched,
        "float_layers": list(found.mended.floats),
        "convolutions": {"fewer_bits": found.graph.quantized, "all": found.graph.convolutions},
        "steps": [
            {
                "layer": step.layer,
                "alone": None if step.alone is None else round(step.alone, 6),
                "before": round(step.before, 6),
                "after": round(step.after, 6),
            }
            for step in found.mended.steps
        ],
        "alone": {layer: round(drop, 6) for layer, drop in found.alone.items()},
        "layer_ms": {
            layer: {key: round(made.layer_ms[key].get(layer, 0.0), 4) for key in made.layer_ms}
            for layer in ((*found.layers, "") if found.layers else ())
        },
        "evaluations": found.evaluations,
        "bytes": {key: len(bundle.graph(key)) for key in ("fp32", precision)},
        "latency_ms": {key: round(ms, 3) for key, ms in made.latencies_ms.items()},
        "baselines": [
            {
                "name": each.name,
                "figures": _rounded(each.figures),
                "bytes": each.size,
                "latency_ms": round(each.milliseconds, 3),
            }
            for each in made.baselines
        ],
        "notes": list(made.notes),
    }


def report_page(found: Found) -> str:
    """Returns the page; the same figures give the same text."""
    sections = [_summary(found)]
    if found["steps"]:
        sections.append(_mended(found))
    if found["layers"]:
        sections.append(_layers(found))
    return page(f"{found['bundle']} in {found['precision']}", sections)


def report_text(found: Found) -> str:
    """Returns a table for a terminal, and a verdict below it."""
    head = ("", "fp32", "all layers", found["precision"], "fell by", "allowed")
    rows = [
        (TITLES[key], *(f"{found[part][key]:.4f}" for part in ("float", "all_layers", "chosen")),
         f"{found['float'][key] - found['chosen'][key]:+.4f}", f"{found['limit']:g}")
        for key in found["float"]
    ]  # fmt: skip
    for each in found["baselines"]:
        rows += [
            (f"{TITLES[key]}: {each['name']}", "", f"{value:.4f}", "",
             f"{found['float'][key] - value:+.4f}", "")
            for key, value in each["figures"].items()
        ]  # fmt: skip
    return f"{text_table(head, rows)}\n\n{verdict_of(found)}"


def verdict_of(found: Found) -> str:
    """Returns what came of it in two sentences."""
    eight, layers = found["layers"] - len(found["float_layers"]), found["layers"]
    times = found["latency_ms"]
    speed = times["fp32"] / times[found["precision"]]
    first = f"{eight} of {layers} layers are in {_form(found)}"
    if not layers:
        first = f"OpenVINO computes the whole float graph in {_form(found)}"
    if found["float_layers"]:
        first += f"; in float, as they cost most: {', '.join(found['float_layers'])}"
    if layers and found["method"] != FP16:
        searched = found["searched_layers"]
        others = f"; {searched} layers have what it found, others ranges by percentile"
        first += f", by {found['method']}{'' if searched is None else others}"
    return (
        f"{first}. It takes {times[found['precision']]:.1f} ms in place of {times['fp32']:.1f} "
        f"({speed:.2f} times as fast), after {counted(found['evaluations'], 'evaluation')} on "
        f"{counted(found['pictures'], 'picture')}."
    )


def _summary(found: Found) -> Section:
    precision = found["precision"]
    columns = [
        Column("Measure", text=True),
        Column("fp32"),
        Column(f"All layers in {_form(found)}"),
    ]
    columns += [Column(precision), Column("Fell by"), Column("Allowed")]
    rows: list[list[str | Cell]] = [
        [
            TITLES[key],
            number(found["float"][key], 4),
            number(found["all_layers"][key], 4),
            number(found["chosen"][key], 4),
            number(found["float"][key] - found["chosen"][key], 4),
            number(found["limit"], 4),
        ]
        for key in found["float"]
    ]
    cost = [Column("Graph", text=True), Column("Median ms"), Column("MB")]
    costs = [
        [key, number(found["latency_ms"][key], 2), number(found["bytes"][key] / 1e6, 2)]
        for key in ("fp32", precision)
    ]
    tables = [
        table("What it finds", columns, rows),
        table("What it costs, on the machine that quantized", cost, costs),
    ]
    if found["baselines"]:
        tables.append(_baselines(found))
    if found["notes"]:
        lines = [[line] for line in found["notes"]]
        tables.append(table("What is missing", [Column("Picture", text=True)], lines))
    about = f"{verdict_of(found)} {_ABOUT[AGREEMENT in found['float']]}"
    return Section("Summary", render("text_and_tables.html", about=about, tables=tables))


def _baselines(found: Found) -> Markup:
    """Returns the table of graphs as others make them, beside the one that was written."""
    keys = list(found["float"])
    columns = [Column("Graph", text=True), *(Column(TITLES[key]) for key in keys)]
    columns += [Column("Fell most by"), Column("Median ms"), Column("MB")]
    own = {
        "name": found["precision"],
        "figures": found["chosen"],
        "latency_ms": found["latency_ms"][found["precision"]],
        "bytes": found["bytes"][found["precision"]],
    }
    rows: list[list[str | Cell]] = [
        [
            each["name"],
            *(number(each["figures"][key], 4) for key in keys),
            number(max(found["float"][key] - each["figures"][key] for key in keys), 4),
            number(each["latency_ms"], 2),
            number(each["bytes"] / 1e6, 2),
        ]
        for each in (own, *found["baselines"])
    ]
    return table("As others make them, all layers in eight bits", columns, rows)


def _mended(found: Found) -> Section:
    columns = [Column("Layer", text=True), Column(f"Fall with it alone in {_form(found)}")]
    columns += [Column("Fall of the graph before"), Column("Fall of the graph after")]
    rows = [
        [step["layer"], *(number(step[key], 4) for key in ("alone", "before", "after"))]
        for step in found["steps"]
    ]
    about = "These layers went back to float, the worst first, until the limit held."
    tables = [table("Layers in float", columns, rows)]
    return Section("What was mended", render("text_and_tables.html", about=about, tables=tables))


def _layers(found: Found) -> Section:
    """Returns each layer's time in both graphs and, where measured, what it loses alone."""
    precision, alone, times = found["precision"], found["alone"], found["layer_ms"]
    columns = [Column("Layer", text=True), Column("fp32 ms"), Column(f"{precision} ms")]
    columns += [Column("Gain ms")] + (
        [Column(f"Fall with it alone in {_form(found)}")] * bool(alone)
    )
    gains = {layer: each["fp32"] - each[precision] for layer, each in times.items()}
    most_gain = max(1e-9, *gains.values())
    most_lost = max(1e-9, *alone.values()) if alone else 1.0
    rows: list[list[str | Cell]] = []
    for layer, gain in gains.items():
        row: list[str | Cell] = [layer or "(what stays in float)"]
        row += [number(times[layer][key], 3) for key in ("fp32", precision)]
        row.append(Cell(number(gain, 3), bar=max(0.0, gain) / most_gain))
        if alone:
            lost = alone.get(layer)
            row.append(
                "" if lost is None else Cell(number(lost, 4), bar=max(0.0, lost) / most_lost)
            )
        rows.append(row)
    about = (
        "In the order of the graph, by ONNX Runtime's own clock on the machine that quantized; "
        "sums are above what a graph takes, as the clock costs time too."
    )
    if alone:
        about += (
            f" {counted(len(alone), 'layer')} of {count(found['layers'])} were measured alone; "
            "falls of single layers are near the noise of the figures."
        )
    tables = [table("Each layer", columns, rows, sorts=True)]
    return Section("Layers", render("text_and_tables.html", about=about, tables=tables))


def _form(found: Found) -> str:
    """Returns what the layers are in."""
    return {FP16: "half precision", BF16: "bfloat16"}.get(found["method"], "eight bits")


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {key: round(value, 6) for key, value in figures.items()}
