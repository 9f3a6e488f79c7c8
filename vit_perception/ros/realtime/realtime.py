# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Plays a recording to the live node over DDS and keeps when each result came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.bags.messages import COMPRESSED_IMAGE, header_stamp
from vit_perception.bags.reader import BagMessage
from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.rows.looker import Engine
from vit_perception.evaluation.rows.run import Run
from vit_perception.ros.playing.detector_process import (
    NODE_NAME,
    PERCEPTION_NODE,
    DetectorProcess,
)
from vit_perception.ros.playing.pace import Pace
from vit_perception.ros.playing.player import BagPlayer
from vit_perception.ros.playing.spinning import Spinning
from vit_perception.ros.realtime.belief import Result, believed
from vit_perception.ros.realtime.listener import Listener
from vit_perception.ros.realtime.live import connect, node_here, play, settle
from vit_perception.ros.realtime.pictures import Pictures, read_pictures
from vit_perception.ros.realtime.result import Realtime
from vit_perception.wording import counted

_IMAGE = "/recorded/image"


@dataclass(frozen=True, slots=True)
class _Sent:
    """A picture that was sent: its stamp as sent, the moment, and by how much that was late."""

    stamp: int
    moment: float
    late: float


def measure_realtime(
    bag: Path,
    topic: str,
    run: Run,
    names: Sequence[str],
    rate: float,
    folder: Path,
    *,
    looked_at: Sequence[LookedAt],
    place: int = 0,
    engine: Engine | None = None,
    command: Sequence[str] = PERCEPTION_NODE,
    domain: int | None = None,
    patience: float = 20.0,
) -> Realtime:
    """Plays a topic once to a detector in another process; the pictures go as recorded.

    Several cameras are measured one after the other. Ctrl-C stops the player, then the node. ROS
    stays on this machine, in a domain of its own.

    Args:
        bag: the recording.
        topic: of the camera's images.
        run: whose bundle, precision and thresholds the node gets.
        names: that the node looks for.
        rate: seconds of the recording that pass in one second; see `pace.RATES`.
        folder: for the node's log and parameter file.
        looked_at: all pictures of the topic in the order of the recording, looked at offline.
        place: of the run in their rows.
        engine: what runs the network; None: the node's defaults.
        command: what runs the node, see `DetectorProcess`.
        domain: of ROS; None: a random one.
        patience: seconds to wait after the last picture until the node has accounted for all.

    Raises:
        BagError: the bag or the topic cannot be read.
        StartError: ROS does not start in this process.
        DetectorProcessError: the node did not start, ended, or found no way to the player.
        OutputError: the parameter file cannot be written.
        ValueError: the rate is out of its range.
    """
    pictures = read_pictures(bag, topic)
    compressed = pictures.msgtype == COMPRESSED_IMAGE
    played_as = f"{_IMAGE}/compressed" if compressed else _IMAGE
    sent: list[_Sent] = []
    with node_here(domain) as node, ExitStack() as exits:

        def on_sent(message: BagMessage, moment: float) -> None:
            assert player.pace is not None  # it plays
            late = moment - player.pace.moment(message.time)
            sent.append(_Sent(header_stamp(message.value.header), moment, late))

        listener = Listener(node, names)
        player = BagPlayer(
            node,
            bag,
            rate=rate,
            lag=pictures.lag,
            only={topic: played_as},
            sent=on_sent,
        )
        exits.enter_context(Spinning(node))
        values = {
            **_parameters(run, names, engine or Engine()),
            "image_transport": "compressed" if compressed else "raw",
        }
        detector = exits.enter_context(
            DetectorProcess(node, {NODE_NAME: values}, {"image": _IMAGE}, folder, command)
        )
        connect(player, played_as, listener, detector)
        play(player, detector)
        notes = settle(listener, detector, len(sent), patience)
    account = listener.report.account
    results = [replace(each, stamp=each.stamp - player.shift) for each in listener.results()]
    if listener.strange:
        strange = counted(listener.strange, "detection")
        notes.append(f"{strange} of names that were not asked for: left out")
    return Realtime(
        rate=rate,
        pictures=len(pictures),
        played=len(sent),
        account=account,
        arrived=len(results),
        latency_ms=_latencies(results, sent, player.shift, pictures),
        period_ms=_period(sent),
        late_ms=1e3 * max((each.late for each in sent), default=0.0),
        offline=_published(looked_at, run, place, pictures),
        belief=believed(looked_at, results, pictures, _clock(player.pace, pictures)),
        notes=(*pictures.notes(), *notes),
    )


def _parameters(run: Run, names: Sequence[str], engine: Engine) -> dict[str, Any]:
    return {
        "bundle": str(run.bundle.absolute()),
        "precision": run.precision,
        "vocabulary": list(names),
        "class_thresholds": [
            f"{name}={float(least)!r}" for name, least in zip(names, run.thresholds, strict=True)
        ],
        "iou_threshold": run.iou_threshold,
        "max_detections": run.max_detections,
        "provider": engine.provider,
        "threads": engine.threads,
        "text_encoder_dir": engine.text_encoder,
        # So that a node that subscribes to the images has found who wants its results.
        "lazy": True,
        "diagnostics_period": 0.1,
        "image_timeout": 0.0,
    }


def _clock(pace: Pace | None, pictures: Pictures) -> Callable[[float], int]:
    """Returns which time it is, by the clock of the stamps, at a moment of the play."""
    if pace is None:
        return lambda moment: 0  # nothing was played, nothing has arrived
    return lambda moment: pace.time(moment) - pictures.lag


def _latencies(
    results: Sequence[Result], sent: Sequence[_Sent], shift: int, pictures: Pictures
) -> NDArray[np.float64]:
    moments = {each.stamp - shift: each.moment for each in sent}
    return np.array(
        [
            1e3 * (each.moment - moments[each.stamp])
            for each in results
            if each.stamp in pictures.known and each.stamp in moments
        ],
        np.float64,
    )


def _period(sent: Sequence[_Sent]) -> float | None:
    moments = [each.moment for each in sent]
    return float(1e3 * np.median(np.diff(moments))) if len(moments) > 1 else None


def _published(
    looked_at: Sequence[LookedAt], run: Run, place: int, pictures: Pictures
) -> tuple[LookedAt, ...]:
    """Returns the pictures at whose instants beliefs are judged, with what a robot publishes."""
    found = []
    for frame in looked_at:
        if frame.truth is None or pictures.instant(frame.number, frame.stamp) is None:
            continue
        # Without masks, as the node sends them.
        rows = replace(run.published_rows(frame.rows[place]), masks=None)
        found.append(replace(frame, rows=(rows,)))
    return tuple(found)
