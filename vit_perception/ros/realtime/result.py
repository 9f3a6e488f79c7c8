# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What came of a recording that the live node looked at, and why it is no better."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.ros.frames.accounting import (
    ERROR,
    INACTIVE,
    REPLACED,
    STALE,
    UNDECODABLE,
)
from vit_perception.ros.realtime.account import Account
from vit_perception.ros.realtime.belief import Belief

Figures = Mapping[str, "float | None"]
"""AP50 and f1 of some pictures."""

_DROPPED = {
    STALE: "were older than max_age when their turn came",
    UNDECODABLE: "hold no readable picture",
    INACTIVE: "came while the node was not active",
    ERROR: "failed",
}
# A picture that is sent later than this is not sent at the pace of the recording.
_LATE_MS = 50.0


@dataclass(frozen=True, slots=True, eq=False)
class Realtime:
    """A recording that was played once to the live node.

    Attributes:
        rate: seconds of the recording that passed in one second.
        pictures: messages of the topic.
        played: pictures that were sent.
        account: of the node, at the end.
        arrived: results that came back.
        latency_ms: float64 [N], from sending a picture to the arrival of its result.
        period_ms: median between two pictures as they were played; None with fewer than two.
        late_ms: most by which a picture was sent after its time.
        offline: pictures with truth, with every one looked at, as a robot would publish.
        belief: the same pictures, with what a planner would have believed at their stamps.
        notes: what is odd about the recording or the way of the messages, one line each.
    """

    rate: float
    pictures: int
    played: int
    account: Account
    arrived: int
    latency_ms: NDArray[np.float64]
    period_ms: float | None
    late_ms: float
    offline: tuple[LookedAt, ...]
    belief: Belief
    notes: tuple[str, ...]

    @property
    def streaming(self) -> tuple[LookedAt, ...]:
        """What was believed at each truth, to be measured as `offline` is."""
        return self.belief.pictures

    @property
    def lost_to_node(self) -> int:
        """Pictures that were sent and did not arrive."""
        return self.played - self.account.received - self.account.pending

    @property
    def lost_from_node(self) -> int:
        """Results that were published and did not arrive."""
        return self.account.published - self.arrived

    def entry(self, offline: Figures, streaming: Figures) -> dict[str, Any]:
        """Returns the measurement as timing.json has it.

        Args:
            offline, streaming: figures of the pictures of these names.
        """
        account = self.account
        return {
            "rate": self.rate,
            "pictures": self.pictures,
            "played": self.played,
            "received": account.received,
            "published": account.published,
            "dropped": {cause: count for cause, count in account.dropped.items() if count},
            "pending": account.pending,
            "arrived": self.arrived,
            "lost": {"to_node": self.lost_to_node, "from_node": self.lost_from_node},
            "latency_ms": _quantiles(self.latency_ms),
            "offline": dict(offline),
            "streaming": dict(streaming),
            "why": [*_compared(offline, streaming), *self.why()],
        }

    def why(self) -> list[str]:
        """Returns what explains the difference of streaming from offline, one line each."""
        return [*self.notes, *self._losses(), *self._drops(), *self._ages()]

    def _losses(self) -> Iterator[str]:
        if self.played < self.pictures:
            yield f"{self.pictures - self.played} of {self.pictures} pictures were not sent"
        lost, back = self.lost_to_node, self.lost_from_node
        if lost > 0:
            yield (
                f"{lost} of {self.played} pictures did not reach the node: a camera sends best "
                "effort, and one that waits in the node's queue gives way to the next"
            )
        elif lost < 0:
            yield f"the node received {-lost} pictures more than were sent: another camera"
        if back:
            way = f"{back} did not arrive here" if back > 0 else f"{-back} too many arrived here"
            yield f"of {self.account.published} results {way}"
        if self.late_ms > _LATE_MS:
            yield (
                f"pictures were sent up to {self.late_ms:.0f} ms late: this machine is too busy "
                f"to play at rate {self.rate:g}"
            )

    def _drops(self) -> Iterator[str]:
        account = self.account
        if account.slowest:
            stage = account.stages[account.slowest]
            works = (
                f"the node takes {account.work_ms:.0f} ms a frame ({account.slowest} "
                f"{stage.p50:.0f} ms, at most {stage.max:.0f} ms)"
            )
        else:
            works = "the node gave no result"
        if self.period_ms is not None:
            works += f", a new picture comes every {self.period_ms:.0f} ms"
        replaced = account.dropped.get(REPLACED, 0)
        if replaced:
            yield f"{works}: {replaced} of {self.played} pictures were replaced by a newer one"
        elif self.played:
            yield f"{works}: none was replaced by a newer one"
        for cause, count in account.dropped.items():
            if count and cause != REPLACED:
                line = f"{count} of {self.played} pictures {_DROPPED.get(cause, cause)}"
                yield f"{line}: {account.last_error}" if cause == ERROR else line

    def _ages(self) -> Iterator[str]:
        belief = self.belief
        if belief.without:
            count = f"{belief.without} of {len(belief.pictures)}"
            yield f"when {count} truths were due, no result had arrived yet"
        if belief.ages_ms.size:
            line = f"a result is on average {belief.ages_ms.mean():.0f} ms old when a truth is due"
            if self.rate != 1:
                line += ", in time of the recording"
            if belief.moved.size:
                line += f"; things moved {belief.moved.mean():.0f} px in that time"
            yield line


def _compared(offline: Figures, streaming: Figures) -> Iterator[str]:
    for name, alone in offline.items():
        live = streaming.get(name)
        if alone is not None and live is not None:
            yield f"{name} {alone:.3f} offline, {live:.3f} in real time"


def _quantiles(values: NDArray[np.float64]) -> dict[str, float | None]:
    if not values.size:
        return {"p50": None, "p95": None, "max": None}
    p50, p95 = np.percentile(values, [50, 95])
    return {"p50": round(p50, 3), "p95": round(p95, 3), "max": round(values.max(), 3)}
