# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Lifecycle and diagnostics of detector_node; its topics are in `interface`. Needs no ROS."""

from __future__ import annotations

from vit_perception.ros.frames.accounting import CAUSES
from vit_perception.ros.frames.stamps import ODDITIES
from vit_perception.ros.teaching.account import CAUSES as REFUSALS

LIFECYCLE = (
    (
        "configure",
        "Reads and checks the bundle, opens the engine, encodes the vocabulary, runs the network "
        "once. Fails with the reason in one log line, at the latest after `configure_timeout`.",
    ),
    (
        "activate",
        "Subscribes to the image topics; with `lazy`, only while somebody wants a result.",
    ),
    (
        "deactivate",
        "Unsubscribes at once; the engine stays open. The frame that is being looked at is not "
        "published.",
    ),
    (
        "cleanup",
        "Closes the engine and removes the topics of the results. An engine that does not end "
        "within a second is left behind.",
    ),
)
DIAGNOSTICS = (
    ("input.topic, input.qos, input.publishers", "What is subscribed and who publishes there."),
    ("input.silence_s", "Seconds since the last image."),
    ("input.kept_bytes", "Of images kept for `teach_history`."),
    *((f"stamps.{kind}", f"Number of {what}.") for kind, what in ODDITIES.items()),
    ("rate.received_hz, rate.published_hz", "Since the message before."),
    (
        "frames.received, frames.published, frames.dropped, frames.pending",
        "Since the node started. At every instant received = published + dropped; those pending "
        "are waiting or being worked on.",
    ),
    *((f"frames.dropped.{cause}", f"Of these: {why}.") for cause, why in CAUSES.items()),
    ("frames.undecodable.<reason>", "Undecodable frames by reason, e.g. `encoding`."),
    (
        "latency.<stage>.p50_ms, .p95_ms, .max_ms",
        "Of the last 300 frames: `wait` (for the worker), `decode`, `letterbox`, `inference`, "
        "`nms`, `masks`, `track`, `publish`, `total` (from the callback to publication), "
        "`overlay`.",
    ),
    ("age.p50_ms, .p95_ms, .max_ms", "Image stamp to publication, by the node's clock."),
    ("tracking.tracks", "Things with an id that are followed now, in sight or not."),
    (
        "tracking.lost, tracking.refound",
        "Since the node started: how often a thing with an id was not found in a frame any more, "
        "and how often one was found again, with its id.",
    ),
    (
        "tracking.switched",
        "How often a thing with an id went on under another name: where it was expected, the "
        "detector found something that it called otherwise.",
    ),
    ("tracking.ids", "How many ids were given."),
    ("tracking.resets", "How often stamps jumped, so that all things got new ids."),
    (
        "naming.flips_per_s",
        "Changes of name of things with an id, per second that one was told; see "
        "`label_evidence`.",
    ),
    ("naming.mean_score", "The mean score of their names."),
    ("last_error", "The last frame that was lost to an error, or failed transition."),
    ("state", "The lifecycle state; `paused`, `idle` (`lazy`, and nobody subscribes) behind it."),
    (
        "model.bundle, model.directory, model.architecture, model.sha256, model.precision, "
        "model.precision_asked, model.provider, model.provider_asked, model.input",
        "What runs, and which precision and provider were asked for.",
    ),
    (
        "model.choice",
        "Why it runs, where precision or provider is `auto`: the time of a pass of each candidate "
        "and what was left out.",
    ),
    (
        "engine.busy_s",
        "Seconds since it began with the present frame. After 5 s the node counts as stuck; after "
        "`configure_timeout` the engine is asked to give the frame up, which is dropped as "
        "`error`.",
    ),
    ("model.opening", "The precision and provider that will take over, while they are opened."),
    ("cpu.cores", "Cores that the process may use."),
    ("vocabulary.version, vocabulary.names", "The vocabulary in force and its size."),
    ("vocabulary.shown", "How many of its names have been shown."),
    ("vocabulary.encoding", "New names that will take over, while they are encoded."),
    ("class_thresholds.idle", "Names with a threshold that the vocabulary does not have."),
    (
        "teach.done, teach.refused, teach.pending",
        "Messages on `~/teach` and clicks on `~/overlay` since the node started.",
    ),
    *(
        (f"teach.refused.{cause}", f"Of the refused ones: {why}.")
        for cause, why in REFUSALS.items()
    ),
    ("teach.last_refusal", "Why the last one was refused."),
)
