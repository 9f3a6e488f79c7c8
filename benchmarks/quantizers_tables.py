# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Measurements of `quantizers.py` and their tables: JSON, continued, and Markdown."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from crop_learning import logits_of
from quantizers_bed import Trained, load_network, read_bed
from quantizers_data import Data, read_data
from quantizers_rows import ROWS, bits_of
from torch import Tensor, nn

from vit_perception.compression.quantization.methods.every_tensor import EveryTensor, every_tensor
from vit_perception.compression.quantization.methods.quantize import quantize
from vit_perception.compression.quantization.simulation.quantizers import signal_to_noise
from vit_perception.models.activation_outliers import measure_outliers


def measure(options: argparse.Namespace) -> None:
    """Quantizes each network by each method and writes `measured.json` and `measured.md`."""
    data = read_data(options.folder)
    images, labels = data.sample(options.judged)
    file = options.folder / "measured.json"
    rows = _stored(file)
    done = {_case(row) for row in rows}
    for trained in _chosen(options):
        model = load_network(options.folder, trained, data)
        wanted = logits_of(model, images)
        for bits in options.bits.split(","):
            for seed in range(options.seeds):
                calibration = data.calibration(options.calibration, seed)
                for method in options.rows:
                    case = {
                        "network": trained.name,
                        "bits": bits,
                        "method": method,
                        "seed": seed,
                        "calibration": options.calibration,
                        "judged": len(images),
                    }
                    if _case(case) in done:
                        continue
                    begin = time.perf_counter()
                    found = quantize(model, ROWS[method](bits_of(bits)), calibration)
                    seconds = time.perf_counter() - begin
                    row = {
                        **case,
                        "float": _right(wanted, labels),
                        **_figures(found, images, labels, wanted),
                        "seconds": seconds,
                    }
                    rows.append(row)
                    _store(file, rows)
                    print(
                        f"{trained.name:<28}{bits:<5}{method:<14}seed {seed}  "
                        f"{row['float']:.1%} -> {row['accuracy']:.1%}  "
                        f"{row['decibels']:.1f} dB  {seconds:.0f} s",
                        flush=True,
                    )
    _write(options.folder / "measured.md", _measured_tables(rows))


def outliers(options: argparse.Namespace) -> None:
    """Compares training options by card 55's figures; writes `outliers.json` and `outliers.md`.

    Eight bits are those of `methods/every_tensor.py`; the calibration takes 16 batches of 16.
    """
    data = read_data(options.folder)
    images, labels = data.sample(options.judged)
    file = options.folder / "outliers.json"
    rows = _stored(file)
    done = {_case(row) for row in rows}
    for trained in _chosen(options):
        case = {"network": trained.name, "seeds": options.seeds, "judged": len(images)}
        if _case(case) in done:
            continue
        model = load_network(options.folder, trained, data)
        wanted = logits_of(model, images)
        found = [_eight_bits(model, data, seed) for seed in range(options.seeds)]
        figures = [_figures(each, images, labels, wanted) for each in found]
        spread = measure_outliers(model, images.split(128))
        row = {
            **case,
            "kind": f"{trained.network} {trained.variant}",
            "training": trained.seed,
            "float": _right(wanted, labels),
            "W8A8": [each["accuracy"] for each in figures],
            "decibels": [each["decibels"] for each in figures],
            "infinity norm": spread.infinity_norm,
            "kurtosis": spread.kurtosis,
        }
        rows.append(row)
        _store(file, rows)
    _write(options.folder / "outliers.md", _outlier_table(rows))


def _eight_bits(model: nn.Module, data: Data, seed: int) -> nn.Module:
    return every_tensor(model, EveryTensor(), data.calibration(256, seed).split(16))


@torch.no_grad()
def _figures(model: nn.Module, images: Tensor, labels: Tensor, wanted: Tensor) -> dict[str, float]:
    """Returns accuracy, share of answers as in float, and signal to noise of the logits."""
    logits = logits_of(model, images)
    same = (logits.argmax(1) == wanted.argmax(1)).float().mean()
    return {
        "accuracy": _right(logits, labels),
        "agreement": float(same),
        "decibels": signal_to_noise(wanted, logits),
    }


def _right(logits: Tensor, labels: Tensor) -> float:
    return float((logits.argmax(1) == labels).float().mean())


def _chosen(options: argparse.Namespace) -> list[Trained]:
    return [each for each in read_bed(options.folder) if each.network in options.networks]


def _measured_tables(rows: Sequence[dict[str, Any]]) -> str:
    """Returns a table for each number of bits: methods down, networks across.

    A cell is the mean change of accuracy over calibration seeds in points, its deviation, and the
    mean signal to noise of the logits.
    """
    networks = list(dict.fromkeys(row["network"] for row in rows))
    parts = []
    for bits in dict.fromkeys(row["bits"] for row in rows):
        here = [row for row in rows if row["bits"] == bits]
        lines = []
        for method in dict.fromkeys(row["method"] for row in here):
            by_network = [
                [row for row in here if (row["method"], row["network"]) == (method, network)]
                for network in networks
            ]
            lines.append([method, *(_change(found) for found in by_network)])
        floats = {row["network"]: f"{100 * row['float']:.1f}" for row in rows}
        head = [f"W{bits.replace('/', ' A')}", *networks]
        parts.append(_markdown(head, [["float", *(floats[n] for n in networks)], *lines]))
    return "\n\n".join(parts)


def _outlier_table(rows: Sequence[dict[str, Any]]) -> str:
    """Returns a line for each training option, with means over training seeds."""
    lines = []
    for kind in dict.fromkeys(row["kind"] for row in rows):
        here = [row for row in rows if row["kind"] == kind]
        changes = [100 * (found - row["float"]) for row in here for found in row["W8A8"]]
        lines.append([
            kind,
            str(len(here)),
            _spread(100 * row["float"] for row in here),
            _spread(row["infinity norm"] for row in here),
            _spread(row["kurtosis"] for row in here),
            _spread(changes),
            _spread(each for row in here for each in row["decibels"]),
        ])  # fmt: skip
    head = ["trained", "seeds", "float, %", "infinity norm", "kurtosis", "W8A8, points", "dB"]
    return _markdown(head, lines)


def _change(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return "-"
    points = _spread(100 * (row["accuracy"] - row["float"]) for row in rows)
    return f"{points} ({statistics.mean(row['decibels'] for row in rows):.0f} dB)"


def _spread(values: Iterable[float]) -> str:
    """Returns mean and deviation."""
    found = list(values)
    mean = f"{statistics.mean(found):.2f}"
    return f"{mean} ± {statistics.stdev(found):.2f}" if len(found) > 1 else mean


def _markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _case(row: dict[str, Any]) -> tuple[Any, ...]:
    """Returns what tells one measurement from another."""
    keys = ("network", "bits", "method", "seed", "seeds", "calibration", "judged")
    return tuple(row.get(key) for key in keys)


def _stored(file: Path) -> list[dict[str, Any]]:
    return json.loads(file.read_text()) if file.is_file() else []


def _store(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text(json.dumps(rows, indent=1) + "\n")


def _write(file: Path, text: str) -> None:
    file.write_text(text + "\n")
    print(text)
