# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Things shown to a running node by message and by click."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy")

from lifecycle_msgs.msg import Transition
from std_srvs.srv import SetBool

from ...toy_bundle import toy_picture
from ..bench import SECOND, Bench, wait_for
from ..test_topics import entries, values
from .pupil import BESIDE, BOXES, ELSEWHERE, PIXELS, PLACES, Pupil, pupil, shows

pytestmark = pytest.mark.ros


def test_the_newest_image_is_meant_without_a_stamp(bench: Bench, tmp_path: Path) -> None:
    taught = pupil(bench, tmp_path / "toy")
    log = bench.log()
    assert taught.look() == {}
    taught.send(("my mug", BOXES["cyan"], 0.0))
    taught.done(1)
    found = taught.look(ELSEWHERE)
    assert found == {"my mug": pytest.approx(PLACES["cyan"], abs=0.5)}
    # A new version on both topics, before the result.
    assert [info.database_version for info in taught.infos] == [0, 1]
    assert [each.class_name for each in taught.labels[-1].class_map] == [
        *("red", "green", "blue", "my mug")
    ]
    line = "'my mug' taught: 1 examples; version 1 of the vocabulary"
    wait_for(lambda: line in [each.msg for each in log], "a line in the log")


def test_a_stamp_means_an_older_image(bench: Bench, tmp_path: Path) -> None:
    taught = pupil(bench, tmp_path / "toy", teach_history=60.0)
    reports = bench.diagnostics()
    taught.look(PIXELS, stamp=5 * SECOND)
    taught.look(ELSEWHERE, stamp=6 * SECOND)
    taught.look(toy_picture(64, 96, {})[0], stamp=7 * SECOND)
    shows(reports, "input.kept_bytes", str(3 * PIXELS.nbytes))
    taught.send(("pen", PLACES["yellow"], 0.0), stamp=6 * SECOND)
    taught.send(("my mug", BOXES["cyan"], 0.0), stamp=5 * SECOND)
    taught.done(2)
    assert taught.look(ELSEWHERE, stamp=8 * SECOND) == {
        "pen": pytest.approx(PLACES["yellow"], abs=0.5),
        "my mug": pytest.approx(PLACES["cyan"], abs=0.5),
    }
    taught.send(("my mug", BOXES["cyan"], 0.0), stamp=4 * SECOND)
    taught.refused(
        "image",
        "expected the stamp of an image that is kept, found 4.000 s: there are 4 images of "
        "5.000 s to 8.000 s (teach_history: 60 s)",
    )


def test_images_are_kept_for_a_while_only(bench: Bench, tmp_path: Path) -> None:
    taught = pupil(bench, tmp_path / "toy", teach_history=0.2)
    taught.look(PIXELS, stamp=5 * SECOND)
    taught.look(PIXELS, stamp=6 * SECOND)
    wait_for(lambda: taught.node.snapshot().cameras[0].kept_bytes == 0, "nothing")
    taught.send(("my mug", BOXES["cyan"], 0.0), stamp=5 * SECOND)
    taught.refused("image", "found 5.000 s: only the newest is kept, of 6.000 s")
    taught.send(("my mug", BOXES["cyan"], 0.0), stamp=6 * SECOND)
    taught.done(1)


def test_the_detection_under_a_click_is_taught(bench: Bench, tmp_path: Path) -> None:
    taught = pupil(bench, tmp_path / "toy", vocabulary=["cyan", "yellow"])
    x1, y1, x2, y2 = BOXES["yellow"]
    taught.click(x1, y1)
    taught.refused("message", "expected a name in teach_click for what is clicked, found none")
    assert bench.set_parameters(teach_click="my mug") == (True, "")
    taught.click((x1 + x2) / 2, (y1 + y2) / 2)
    taught.refused("image", "expected an image to teach from, found none that was looked at")
    taught.look()
    taught.click((x1 + x2) / 2, (y1 + y2) / 2)
    taught.done(1)
    assert set(taught.look(ELSEWHERE)) == {"cyan", "yellow", "my mug"}
    assert taught.look(ELSEWHERE)["my mug"] == pytest.approx(PLACES["yellow"], abs=0.5)
    taught.click(95, 63)
    taught.refused("unseen", "expected a detection under the click, found none at 95, 63")


def test_a_negative_and_a_name_that_is_forgotten(bench: Bench, tmp_path: Path) -> None:
    taught = pupil(bench, tmp_path / "toy")
    taught.look()
    taught.send(("pen", BOXES["yellow"], 0.0), ("my mug", BOXES["cyan"], 0.9))
    taught.done(1)
    assert set(taught.look()) == {"pen", "my mug"}
    assert taught.version == 1
    taught.send(("pen", BOXES["yellow"], -1.0))
    taught.done(2)
    assert set(taught.look()) == {"my mug"}
    taught.send(("pen", None, 0.0))
    taught.done(3)
    assert taught.node._configurator.current.query.vocabulary.shown == ("my mug",)
    taught.send(("pen", None, 0.0))
    taught.refused("unseen", "expected a name that was shown (my mug), found 'pen'")
    # Forgotten and shown anew in one step.
    taught.look()
    taught.send(("my mug", None, 0.0), ("my mug", BOXES["magenta"], 0.0))
    taught.done(4)
    assert set(taught.look()) == {"my mug"}
    assert taught.look()["my mug"] == pytest.approx(BOXES["magenta"], abs=0.5)
    taught.send(("my mug", None, 0.0))
    taught.done(5)
    assert taught.look() == {}
    assert taught.version == 5


def test_a_message_is_taken_whole_or_not_at_all(bench: Bench, tmp_path: Path) -> None:
    taught = pupil(bench, tmp_path / "toy")
    reports, log = bench.diagnostics(), bench.log()
    taught.look()
    good = ("pen", BOXES["yellow"], 0.0)
    turned = (10.0, 10.0, 9.0, 20.0)
    for number, (bad, cause, line) in enumerate(
        (
            (("my mug", BESIDE, 0.0), "unseen", "around a thing that the detector sees, found"),
            (("my mug", (200, 0, 210, 9), 0.0), "unseen", "expected a box x1 y1 x2 y2 in a pic"),
            (("my mug", turned, 0.0), "message", "'my mug': expected a box that is not turned"),
            (("my mug", (np.nan,) * 4, 0.0), "message", "x, y, width, height, theta [nan, nan"),
            (("my mug", BOXES["cyan"], np.nan), "message", "expected a score, found nan"),
            (("bell\a", BOXES["cyan"], 0.0), "message", "it has a control character"),
            (("", BOXES["cyan"], 0.0), "message", "name '' refused: it is empty"),
            (("your mug", None, 0.0), "unseen", "expected a name that was shown (pen)"),
        ),
        start=1,
    ):
        taught.send(good, bad)
        taught.refused(cause, line)
        assert taught.counts.refused_total == number
    taught.send()
    taught.refused("message", "expected 1 to 100 detections, found 0")
    taught.send(*[good] * 101)
    taught.refused("message", "expected 1 to 100 detections, found 101")
    taught.send(good, frame_id="elsewhere")
    taught.refused("message", "expected the frame_id of the image, 'camera_optical_frame', found")
    shows(reports, "teach.refused", "11")
    shows(reports, "teach.refused.message", "8")
    shows(reports, "teach.done", "0")
    warnings = [entries(each)["engine"] for each in reports]
    warned = [each.message for each in warnings if each.level == b"\x01"]
    assert warned and all("orders to teach were refused: not taught: " in each for each in warned)
    assert "not taught: expected the frame_id" in values(warnings[-1])["teach.last_refusal"]
    wait_for(lambda: [each for each in log if each.msg.startswith("not taught: ")], "a line")
    assert (taught.version, taught.look()) == (0, {})


def test_a_bundle_that_cannot_be_taught_says_so(bench: Bench, toy_bundle_dir: Path) -> None:
    taught = pupil(bench, toy_bundle_dir)
    taught.look()
    taught.send(("my mug", BOXES["cyan"], 0.0))
    taught.refused("error", "expected a bundle of format 2, which can be taught, found one of")
    assert taught.look() == {}


def test_each_camera_teaches_from_its_own_images(bench: Bench, tmp_path: Path) -> None:
    from ...toy_bundle import write_toy_region_bundle

    write_toy_region_bundle(tmp_path / "toy")
    node = bench.detector(tmp_path / "toy", cameras=["front", "wrist"])
    front, wrist = Pupil(bench, node, "front"), Pupil(bench, node, "wrist")
    front.look(PIXELS)
    wrist.send(("my mug", PLACES["cyan"], 0.0))
    wrist.refused("image", "wrist: not taught: expected an image to teach from, found none")
    wrist.look(ELSEWHERE)
    wrist.send(("my mug", PLACES["cyan"], 0.0))
    wrist.done(1)
    # What one camera showed, both find.
    assert set(front.look(PIXELS)) == set(wrist.look(ELSEWHERE)) == {"my mug"}
    assert bench.set_parameters(teach_click="mug") == (True, "")
    x1, y1, _, _ = BOXES["cyan"]
    front.click(x1 + 3, y1 + 3)
    front.done(2)
    assert front.infos[-1].database_version == 1
    front.look(PIXELS)
    assert [each.class_name for each in front.labels[-1].class_map][3:] == ["my mug", "mug"]


def test_what_was_taught_outlives_pauses_and_restarts(bench: Bench, tmp_path: Path) -> None:
    taught = pupil(bench, tmp_path / "toy")
    taught.look()
    # The picture stands still: now there is time for a click.
    pause = SetBool.Request(data=False)
    assert bench.call(SetBool, "detector/set_enabled", pause).success
    taught.send(("my mug", BOXES["cyan"], 0.0))
    taught.done(1)
    assert bench.call(SetBool, "detector/set_enabled", SetBool.Request(data=True)).success
    assert set(taught.look()) == {"my mug"}
    # Names that are said take nothing from those that were shown.
    assert bench.set_parameters(vocabulary=["yellow"]) == (True, "")
    assert set(taught.look()) == {"my mug", "yellow"}
    assert bench.change_state(Transition.TRANSITION_DEACTIVATE)
    taught.send(("pen", BOXES["cyan"], 0.0))
    taught.refused("image", "expected an image to teach from, found none that was looked at")
    assert bench.change_state(Transition.TRANSITION_CLEANUP)
    taught.send(("pen", BOXES["cyan"], 0.0))
    taught.refused("inactive", "expected a configured node, found one that is not")
    assert bench.change_state(Transition.TRANSITION_CONFIGURE)
    assert bench.change_state(Transition.TRANSITION_ACTIVATE)
    wait_for(lambda: taught.camera.get_subscription_count() == 1, "the subscription")
    assert set(taught.look()) == {"my mug", "yellow"}
    assert bench.set_parameters(vocabulary=[""]) == (True, "")
    assert set(taught.look()) == {"my mug"}
