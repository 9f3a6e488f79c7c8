# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What diagnostics say about the frames of any node."""

from __future__ import annotations

from collections.abc import Mapping

from vit_perception.ros.frames.accounting import Counts, Quantiles


def count_values(counts: Counts, rate: float, latency: Mapping[str, Quantiles]) -> dict[str, str]:
    """Returns where frames went and how long they took, by diagnostics key.

    Args:
        counts: since the node started.
        rate: results a second.
        latency: of the last frames, by stage.
    """
    values = {
        "frames.received": str(counts.received),
        "frames.published": str(counts.published),
        "frames.dropped": str(counts.dropped_total),
        **{f"frames.dropped.{cause}": str(n) for cause, n in counts.dropped.items()},
        **{f"frames.undecodable.{reason}": str(n) for reason, n in counts.undecodable.items()},
        "frames.pending": str(counts.pending),
        "rate.published_hz": f"{rate:.2f}",
    }
    for stage, seconds in latency.items():
        prefix = "age" if stage == "age" else f"latency.{stage}"
        values[f"{prefix}.p50_ms"] = f"{seconds.p50 * 1e3:.3f}"
        values[f"{prefix}.p95_ms"] = f"{seconds.p95 * 1e3:.3f}"
        values[f"{prefix}.max_ms"] = f"{seconds.maximum * 1e3:.3f}"
    return values


def slowness(warn_age: float, warn_rate: float, age: Quantiles | None, rate: float | None) -> str:
    """Returns one line on what is slower than the limits allow; empty if nothing is.

    Args:
        warn_age: seconds of age at publication (95th percentile) above which to warn; 0: never.
        warn_rate: results a second below which to warn; 0: never.
        age: of the last frames, if they had one.
        rate: results a second; None while none are wanted.
    """
    if age is not None and 0 < warn_age < age.p95:
        return (
            f"results are {age.p95:.3f} s old at publication (95th percentile), "
            f"warn_age is {warn_age:g} s"
        )
    if rate is not None and rate < warn_rate:
        return f"{rate:.1f} results/s, warn_rate is {warn_rate:g}"
    return ""
