# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Figures made by hand, in the form of metrics.json and timing.json; nothing was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

NAMES = ("banana", "bowl", "can", "fork", "mug", "plate", "red mug", "spoon")
KINDS = ("classification", "localization", "both", "duplicate", "background", "missed")


def metrics(
    names: Sequence[str] = NAMES,
    runs: Sequence[str] = ("tabletop_nano-fp32", "tabletop_nano-int8"),
    *,
    masks: bool = True,
    title: str = "kitchen/morning, /camera/color/image_raw",
) -> dict[str, Any]:
    """Figures of some runs; each later run is a little worse than the first."""
    return {
        "format": 1,
        "command": "vit-perception evaluate morning --bundle tabletop_nano --precision fp32,int8",
        "sources": [_source("morning", title, 420), _source("evening", "kitchen/evening", 96)],
        "names": list(names),
        "objects": 2931,
        "pictures": 502,
        "limits": {"per_picture": 100, "least_score": 0.001, "overlap": 0.5},
        "runs": [run(key, names, index, masks=masks) for index, key in enumerate(runs)],
        "differences": [difference(runs[0], other) for other in runs[1:]],
    }


def run(key: str, names: Sequence[str], index: int, *, masks: bool = True) -> dict[str, Any]:
    """One run; `index` makes it worse."""
    less = 0.041 * index
    bundle, _, precision = key.rpartition("-")
    return {
        "key": key,
        "bundle": bundle,
        "precision": precision,
        "sha256": "ab12" * 16,
        "score_threshold": 0.3,
        "iou_threshold": 0.6,
        "max_detections": 100,
        "boxes": _precisions(0.71 - less),
        "masks": _precisions(0.66 - less) if masks else None,
        "any_name": {"AR50@30": 0.91 - less, "AR50@100": 0.94 - less, "AP50": 0.8 - less},
        "published": {
            "precision": 0.86 - less,
            "recall": 0.74 - less,
            "f1": 0.795 - less,
            "true": 2169,
            "false": 353,
            "missed": 762,
            "false_per_picture": 0.703,
        },
        "best": {
            "threshold": 0.22,
            "precision": 0.82 - less,
            "recall": 0.8 - less,
            "f1": 0.81 - less,
        },
        "intervals": {
            "AP50": [0.68 - less, 0.75 - less],
            "f1": [0.77 - less, 0.82 - less],
            "blocks": 128,
        },
        "sweep": [_sweep(step / 100, less) for step in range(1, 100)],
        "curve": {
            "recall": [step / 100 for step in range(101)],
            "precision": [_curve(step / 100, 0.9 - less) for step in range(101)],
            "precision75": [_curve(step / 100, 0.7 - less) for step in range(101)],
        },
        "per_name": [_name(name, place, less, masks) for place, name in enumerate(sorted(names))],
        "parts": {
            "held": {"objects": 900, "AP": 0.5 - less, "AP50": 0.68 - less},
            "new": {"objects": 210, "AP": None, "AP50": None},
        },
        "sequences": {
            "morning": {"objects": 2400, "pictures": 410, "AP": 0.52, "AP50": 0.73, "f1": 0.8},
            "evening": {"objects": 531, "pictures": 92, "AP": 0.41, "AP50": 0.6, "f1": 0.7},
        },
        "confusion": _confusion(names),
        "calibration": _calibration(less),
        "errors": {
            "counts": {kind: 180 - 25 * place for place, kind in enumerate(KINDS)},
            "ap50_lost": {
                kind: 0.081 - 0.012 * place + less / 9 for place, kind in enumerate(KINDS)
            }
            | {"false": 0.05, "missed_all": 0.12},
        },
        "space": {
            "things": 14,
            "found": 12,
            "centre_median_mm": 8.4,
            "centre_p95_mm": 24.1,
            "per_name": {
                "mug": {"things": 3, "found": 3, "centre_median_mm": 6.2},
                "bowl": {"things": 2, "found": 1, "centre_median_mm": 11.5},
            },
        }
        if index == 0
        else None,
        "worst": [_worst(place) for place in range(10)],
    }


def difference(first: str, other: str) -> dict[str, Any]:
    """A run that is worse than the first."""
    return {
        "a": first,
        "b": other,
        "AP50": {"difference": -0.041, "low": -0.06, "high": -0.022},
        "f1": {"difference": -0.038, "low": -0.055, "high": -0.02},
        "verdict": "worse",
        "frames": [
            {
                "sequence": "morning",
                "number": 17 * place,
                "stamp": 1_700_000_000_000_000_000 + 566_666_667 * place,
                "f1_a": 1.0,
                "f1_b": round(0.4 + place / 40, 6),
                "changed": ["mug lost", "bowl as plate"][: 1 + place % 2],
            }
            for place in range(20)
        ],
    }


def timing(runs: Sequence[str] = ("tabletop_nano-fp32", "tabletop_nano-int8")) -> dict[str, Any]:
    """Times of the same runs."""
    return {
        "machine": {
            "cpu": "Example CPU",
            "cores": 8,
            "python": "3.11.7",
            "onnxruntime": "1.22.0",
        },
        "threads": 4,
        "frames": 516,
        "wall_s": 41.2,
        "session_s": 33.0,
        "runs": {
            key: {
                "stages_ms": {
                    "letterbox": {"p50": 0.8, "p95": 1.1, "max": 4.0},
                    "inference": {"p50": 29.5 - 9 * place, "p95": 33.2, "max": 61.0},
                    "select": {"p50": 0.4, "p95": 0.6, "max": 1.9},
                    "masks": {"p50": 1.7, "p95": 3.1, "max": 7.7},
                },
                "session_ms": {"p50": 29.5 - 9 * place, "p95": 33.2, "max": 61.0},
                "hz": 30.9 + 11 * place,
            }
            for place, key in enumerate(runs)
        },
        "shared_ms": {
            "read": {"p50": 0.3, "p95": 0.5, "max": 2.2},
            "decode": {"p50": 2.6, "p95": 3.0, "max": 9.1},
        },
        "realtime": {
            runs[0]: {
                "received": 420,
                "published": 371,
                "dropped": {"busy": 44, "stale": 5},
                "latency_ms": {"p50": 38.0, "p95": 71.5, "max": 140.2},
                "rate": 2.0,
                "offline": {"AP50": 0.71, "f1": 0.795},
                "streaming": {"AP50": 0.58, "f1": 0.66},
                "why": [
                    "44 of 420 images came while the node was busy: the rate is above 30.9 Hz"
                ],
            }
        },
    }


def _source(key: str, title: str, pictures: int) -> dict[str, Any]:
    return {
        "key": key,
        "title": title,
        "pictures": pictures,
        "looked_at": pictures - 2,
        "with_truth": pictures - 10,
        "left_out": {"message": 1, "size": 1},
        "left_out_lines": [
            "/camera/color/image_raw: frame 7, stamp 1700000000.700000000: expected 921600 bytes, "
            "found 100"
        ],
        "unused_truth": {"no picture of that stamp": 3},
        "notes": [],
        "damage": "",
    }


def _precisions(ap50: float) -> dict[str, float | None]:
    keys = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large")
    found: dict[str, float | None] = {
        key: round(ap50 - 0.04 * place, 6) for place, key in enumerate(keys)
    }
    found |= {key: round(ap50 * 0.9, 6) for key in ("AR1", "AR10", "AR100")}
    return found | {"AP": round(ap50 - 0.2, 6), "AP50": ap50, "AR_small": None, "AR_medium": 0.5}


def _curve(recall: float, end: float) -> float:
    return round(max(0.0, 1 - 0.15 * recall - (recall / end) ** 6 * 0.85), 6)


def _sweep(threshold: float, less: float) -> dict[str, float]:
    recall = max(0.0, 0.95 - less - 0.7 * threshold**1.6)
    precision = min(1.0, 0.35 - less + 0.9 * threshold**0.45)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    return {
        "threshold": threshold,
        "precision": round(precision, 6),
        "recall": round(recall, 6),
        "f1": round(f1, 6),
    }


def _name(name: str, place: int, less: float, masks: bool) -> dict[str, Any]:
    height = round(max(0.02, 0.93 - less - (place * 37 % 83) / 100), 6)
    return {
        "name": name,
        "objects": 400 - place if place != 2 else 0,
        "AP": round(height * 0.7, 6) if place != 2 else None,
        "AP50": height if place != 2 else None,
        "AP75": round(height * 0.6, 6) if place != 2 else None,
        "mask_AP": round(height * 0.65, 6) if masks and place != 2 else None,
        "precision": 0.85,
        "recall": 0.7,
        "f1": 0.768,
        "threshold": 0.3,
        "best_threshold": 0.24,
        "best_f1": 0.79,
        "curve": [],
    }


def _confusion(names: Sequence[str]) -> dict[str, Any]:
    shown = [*names[:40], *(["others"] if len(names) > 40 else []), "background"]
    size = len(shown)
    counts = [[(7 * row + 3 * column) % 11 // 8 for column in range(size)] for row in range(size)]
    for place in range(size - 1):
        counts[place][place] = 120 - 9 * (place % 9)
        counts[place][-1] = 14 + place % 5
        counts[-1][place] = 6 + place % 4
    counts[-1][-1] = 0
    return {"names": shown, "counts": counts}


def _calibration(less: float) -> dict[str, Any]:
    bins = []
    for step in range(10):
        middle = step / 10 + 0.05
        empty = step == 9
        bins.append(
            {
                "low": step / 10,
                "high": (step + 1) / 10,
                "score": None if empty else middle,
                "right": None if empty else round(max(0.0, middle - 0.06 - less), 6),
                "count": 0 if empty else 900 // (step + 1),
            }
        )
    return {"ece": 0.052 + less, "mce": 0.14, "bins": bins}


def _worst(place: int) -> dict[str, Any]:
    return {
        "sequence": "morning",
        "number": 31 * place + 4,
        "name": "",
        "stamp": 1_700_000_000_000_000_000 + 1_033_333_333 * place,
        "true": place,
        "false": 3,
        "missed": 5 - place // 2,
        "f1": round(place / 20, 6),
        "wrong": ["mug as bowl", "spoon missed", "nothing as can"],
    }
