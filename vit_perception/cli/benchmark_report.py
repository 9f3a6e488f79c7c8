# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The results of `vit-perception benchmark` as a table, a JSON file and a picture."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnxruntime
from rich.table import Table

from vit_perception.cli.benchmark_candidates import Row
from vit_perception.cli.console import plain_console
from vit_perception.evaluation.latency import pareto_front
from vit_perception.input.json_file import read_json
from vit_perception.output.failure import OutputError
from vit_perception.output.write import new_file, try_writing
from vit_perception.output.write import write as write_file
from vit_perception.wording import shown_name, shown_path

JSON = "benchmark.json"
PICTURE = "benchmark.png"
FILES = (JSON, PICTURE)
_FRONT = "*"


def heading(threads: int) -> str:
    """Returns a line with the conditions that all figures share."""
    given = f"{threads} threads" if threads else "a thread for each core"
    return (
        f"ONNX Runtime {onnxruntime.__version__}, {given}, batch 1; load {os.getloadavg()[0]:.1f}"
    )


def front(rows: Sequence[Row]) -> set[str]:
    """Returns the labels of the rows on the Pareto front of time and accuracy, per precision."""
    found: set[str] = set()
    for precision in {row.candidate.precision for row in rows}:
        points = [
            (row.label, row.p50, row.candidate.accuracy)
            for row in rows
            if row.candidate.precision == precision and row.candidate.accuracy is not None
        ]
        found.update(pareto_front(points))
    return found


def print_table(rows: Sequence[Row], budget: float | None) -> None:
    """Prints the rows, fastest first; those above the budget in grey.

    Args:
        rows: what was measured.
        budget: milliseconds, or None for no limit.
    """
    best = front(rows)
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("graph", no_wrap=True)
    for title in (
        "input",
        "p50 ms",
        "p95 ms",
        "min ms",
        "ratio",
        "MiB",
        "M param",
        "GMAC",
        "top-1",
    ):
        table.add_column(title, justify="right", no_wrap=True)
    for row in sorted(rows, key=lambda each: each.p50):
        of = row.candidate
        table.add_row(
            _FRONT if row.label in best else "",
            shown_name(row.label),
            f"{of.size[0]}x{of.size[1]}",
            f"{row.p50:.2f}",
            f"{row.p95:.2f}",
            f"{row.least:.2f}",
            f"{row.ratio:.2f}",
            f"{row.memory / 2**20:.0f}",
            "" if of.parameters is None else f"{of.parameters / 1e6:.2f}",
            "" if of.macs is None else f"{of.macs / 1e9:.3f}",
            "" if of.accuracy is None else f"{of.accuracy:.1f}",
            style="dim" if budget is not None and row.p50 > budget else None,
        )
    # The table is also written to files, where no terminal gives the width.
    plain_console(width=max(120, plain_console().width)).print(table)
    reference = next((row.label for row in rows if row.candidate.reference), rows[0].label)
    print(f"ratio: to {shown_name(reference)}, of the same round.")
    if best:
        print(
            f"{_FRONT}: nothing faster has that published accuracy (top-1, %; not measured here)."
        )
    if budget is not None:
        within = sum(row.p50 <= budget for row in rows)
        print(f"within {budget:g} ms: {within} of {len(rows)}.")


def write(rows: Sequence[Row], folder: Path, *, threads: int, rounds: int) -> None:
    """Writes the figures and, if there are accuracies, the picture.

    Raises:
        OutputError: they cannot be written.
    """
    best = front(rows)
    content = {
        "onnxruntime": onnxruntime.__version__,
        "threads": threads,
        "rounds": rounds,
        "rows": [
            {
                "name": row.candidate.name,
                "precision": row.candidate.precision,
                "size": list(row.candidate.size),
                "p50_ms": row.p50,
                "p95_ms": row.p95,
                "min_ms": row.least,
                "ratio": row.ratio,
                "memory_bytes": row.memory,
                "parameters": row.candidate.parameters,
                "macs": row.candidate.macs,
                "published_top1": row.candidate.accuracy,
                "front": row.label in best,
            }
            for row in rows
        ],
    }
    with new_file(folder / PICTURE) as picture:
        draw(rows, best, picture)
    write_file(folder / JSON, (json.dumps(content, indent=1) + "\n").encode())


def check_place(folder: Path) -> None:
    """Refuses a folder whose files cannot be written, or are none of a benchmark.

    Raises:
        OutputError: names the file.
        InputError: benchmark.json cannot be read.
    """
    for name in FILES:
        try_writing(folder / name)
    results, picture = folder / JSON, folder / PICTURE
    found = read_json(results) if results.exists() else {"rows": []}
    is_ours = isinstance(found, dict) and "rows" in found
    for path, is_others in ((results, not is_ours), (picture, not results.exists())):
        if path.exists() and is_others:
            raise OutputError(
                f"{shown_path(path)}: expected the file of an earlier benchmark, found another"
            )


def draw(rows: Sequence[Row], best: set[str], path: Path) -> None:
    """Draws time against accuracy, or against multiply-adds if there are no accuracies.

    Args:
        rows: what was measured; rows without the figure are left out.
        best: labels to emphasise and join.
        path: of the picture.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    accurate = any(row.candidate.accuracy is not None for row in rows)
    points = [
        (row, worth)
        for row in rows
        if (worth := row.candidate.accuracy if accurate else _gigamacs(row)) is not None
    ]
    figure = Figure(figsize=(11, 7), dpi=110, layout="constrained")
    canvas: Any = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.set_xlabel("median time of a picture, ms")
    axes.set_ylabel("published ImageNet-1k top-1, %" if accurate else "multiply-adds, 10⁹")
    axes.grid(alpha=0.25, which="both")
    for precision, colour in zip(
        dict.fromkeys(row.candidate.precision for row, _ in points), _COLOURS, strict=False
    ):
        chosen = [(row, worth) for row, worth in points if row.candidate.precision == precision]
        axes.scatter(
            [row.p50 for row, _ in chosen], [w for _, w in chosen], s=18, c=colour, label=precision
        )
        line = sorted((row.p50, worth) for row, worth in chosen if row.label in best)
        if line:
            axes.plot(*zip(*line, strict=True), c=colour, alpha=0.5, lw=1)
    axes.xaxis.set_major_formatter("{x:g}")
    # No graph is both fast and accurate, so the upper left corner is free.
    legend = axes.legend(loc="upper left") if points else None
    canvas.draw()
    # Each name is written once, beside its first graph; a line leads to the others.
    by_name: dict[str, list[tuple[Row, float]]] = {}
    taken = [] if legend is None else [legend.get_window_extent(canvas.get_renderer())]
    for row, worth in points:
        by_name.setdefault(row.candidate.name, []).append((row, worth))
        taken.append(_around(axes, row.p50, worth))
    for same in by_name.values():
        axes.plot(*zip(*((row.p50, worth) for row, worth in same), strict=True), c="0.8", lw=0.7)
    for same in sorted(by_name.values(), key=lambda each: each[0][0].label not in best):
        row, worth = same[0]
        _place_label(axes, canvas, row, worth, row.label in best, taken)
    figure.savefig(path)


_COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:red")
_OFFSETS = [
    (x * step, y * step)
    for step in (1, 2, 3.5, 5)
    for x, y in ((6, 0), (-6, 0), (0, 7), (0, -7), (6, 6), (6, -6), (-6, 6), (-6, -6))
]


def _around(axes: Any, x: float, y: float) -> Any:
    """Returns the bounding box of a point, in pixels of the canvas."""
    from matplotlib.transforms import Bbox

    left, bottom = axes.transData.transform((x, y)) - 4
    return Bbox.from_bounds(left, bottom, 8, 8)


def _place_label(
    axes: Any, canvas: Any, row: Row, worth: float, emphasised: bool, taken: list[Any]
) -> None:
    """Writes a name beside its point where no other name is; leaves it out if there is no room."""
    for x, y in _OFFSETS:
        text = axes.annotate(
            row.candidate.name,
            (row.p50, worth),
            xytext=(x, y),
            textcoords="offset points",
            ha="left" if x > 0 else "right" if x < 0 else "center",
            va="center",
            fontsize=7.5,
            fontweight="bold" if emphasised else "normal",
            arrowprops={"arrowstyle": "-", "lw": 0.4, "alpha": 0.5}
            if abs(x) + abs(y) > 14
            else None,
        )
        box = text.get_window_extent(canvas.get_renderer())
        inside = axes.bbox.containsx(box.x0) and axes.bbox.containsx(box.x1)
        if inside and not any(box.overlaps(other) for other in taken):
            taken.append(box)
            return
        text.remove()


def _gigamacs(row: Row) -> float | None:
    return None if row.candidate.macs is None else row.candidate.macs / 1e9
