# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a node was taught, saved and read again, by this bundle and by others."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from lifecycle_msgs.msg import Transition

from vit_perception.bundle.bundle import Bundle
from vit_perception.perceiver.examples_file import read_examples, write_examples
from vit_perception.perceiver.perceiver import Perceiver

from ...toy_bundle import toy_graph, write_toy_bundle, write_toy_region_bundle
from ..bench import Bench, wait_for
from .pupil import BOXES, ELSEWHERE, PIXELS, Pupil, pupil

pytestmark = pytest.mark.ros

UP = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)
DOWN = (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP)


def write_other_bundle(folder: Path) -> Bundle:
    """A bundle of another training, as its id says."""
    return write_toy_region_bundle(folder, embedding_id="another training")


def written(path: Path, bundle: Bundle, name: str = "my mug") -> Path:
    """A file of one example."""
    perceiver = Perceiver(bundle)
    perceiver.teach(PIXELS, BOXES["cyan"], name)
    examples = perceiver.vocabulary.examples
    assert examples is not None
    write_examples(path, examples)
    return path


def log_says(bench: Bench, log: list, line: str) -> None:
    wait_for(lambda: [each for each in log if line in each.msg], f"a line: {line}")


def test_what_is_saved_is_found_by_the_next_node(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "mine.npz"
    log = bench.log()
    taught = pupil(bench, tmp_path / "toy", taught_file=str(file))
    log_says(bench, log, f"{file}: not there yet; ~/save_taught makes it")
    taught.look()
    taught.send(("my mug", BOXES["cyan"], 0.0), ("pen", BOXES["yellow"], 0.0))
    # Also what is still being learned is in the file.
    taught.done(1)
    assert taught.save() == (True, f"{file}: 2 examples of 2 names")
    assert read_examples(file).names == ("my mug", "pen")
    with Bench() as another:
        again = pupil(another, tmp_path / "toy", taught_file=str(file))
        assert set(again.look(ELSEWHERE)) == {"my mug", "pen"}
        again.send(("pen", None, 0.0))
        again.done(1)
        assert again.save() == (True, f"{file}: 1 examples of 1 names")
    # Another file than it wrote: the next configuration reads it.
    for transition in (*DOWN, *UP):
        assert bench.change_state(transition)
    wait_for(lambda: taught.camera.get_subscription_count() == 1, "the subscription")
    assert set(taught.look(ELSEWHERE)) == {"my mug"}
    # And what was taught since stays without being saved.
    taught.look()
    taught.send(("cap", BOXES["magenta"], 0.0))
    taught.done(2)
    for transition in (*DOWN, *UP):
        assert bench.change_state(transition)
    wait_for(lambda: taught.camera.get_subscription_count() == 1, "the subscription")
    assert set(taught.look()) == {"my mug", "cap"}


def test_saving_needs_a_place(bench: Bench, tmp_path: Path) -> None:
    taught = pupil(bench, tmp_path / "toy")
    line = "taught_file: expected the file to write, found none"
    assert taught.save() == (False, line)
    assert bench.change_state(Transition.TRANSITION_DEACTIVATE)
    (tmp_path / "folder").mkdir()
    assert bench.set_parameters(taught_file=str(tmp_path / "folder" / "mine.npz")) == (True, "")
    assert bench.change_state(Transition.TRANSITION_ACTIVATE)
    (tmp_path / "folder" / "mine.npz").mkdir()
    found = f"{tmp_path}/folder/mine.npz: expected a file, found something else"
    assert taught.save() == (False, found)
    for transition in DOWN:
        assert bench.change_state(transition)
    assert taught.save() == (False, "expected a configured node, found one that is not")
    # Which is no file to begin with either.
    assert not bench.change_state(Transition.TRANSITION_CONFIGURE)


@pytest.mark.parametrize("kind", ["other bundle", "broken", "format 1"])
def test_a_file_that_does_not_fit_fails_the_configuration(
    bench: Bench, tmp_path: Path, kind: str
) -> None:
    toy = write_toy_region_bundle(tmp_path / "toy")
    other = write_other_bundle(tmp_path / "other")
    assert toy.embedding_id != other.embedding_id
    file = written(tmp_path / "mine.npz", other)
    bundle, reason = tmp_path / "toy", f"{file}: expected examples shown to toy ("
    if kind == "broken":
        file.write_bytes(file.read_bytes()[:-50])
        reason = f"{file}: "
    if kind == "format 1":
        bundle = tmp_path / "one"
        write_toy_bundle(bundle)
        reason = f"{bundle}: expected a bundle of format 2, which can be taught"
    log = bench.log()
    bench.detector(bundle, start=False, taught_file=str(file))
    assert not bench.change_state(Transition.TRANSITION_CONFIGURE)
    log_says(bench, log, f"configure failed: {reason}")
    [line] = {each.msg for each in log if "configure failed" in each.msg}
    assert "\n" not in line
    assert ("teach --renew" in line) == (kind == "other bundle")
    assert bench.set_parameters(taught_file="") == (True, "")
    assert bench.change_state(Transition.TRANSITION_CONFIGURE)


def test_another_bundle_is_shown_the_same_again(bench: Bench, tmp_path: Path) -> None:
    write_other_bundle(tmp_path / "other")
    write_toy_bundle(tmp_path / "one")
    log = bench.log()
    taught = pupil(bench, tmp_path / "toy")
    taught.look()
    taught.send(("my mug", BOXES["cyan"], 0.0), ("my mug", BOXES["yellow"], -1.0))
    taught.done(1)

    def load(bundle: str) -> set[str]:
        assert bench.change_state(Transition.TRANSITION_DEACTIVATE)
        assert bench.set_parameters(bundle=str(tmp_path / bundle)) == (True, "")
        assert bench.change_state(Transition.TRANSITION_ACTIVATE)
        wait_for(lambda: taught.camera.get_subscription_count() == 1, "the subscription")
        return set(taught.look(ELSEWHERE))

    # It cannot be taught, and keeps nothing from the next.
    assert load("one") == set()
    assert load("other") == {"my mug"}
    log_says(bench, log, "another bundle than was taught: 2 examples shown to this one")
    node = taught.node
    assert node._configurator.examples.space == Bundle.load(tmp_path / "other").embedding_id


def test_a_reloaded_engine_knows_what_was_taught(bench: Bench, tmp_path: Path) -> None:
    graph = toy_graph(regions=True)
    write_toy_region_bundle(tmp_path / "toy", graphs={"fp32": graph, "int8": graph})
    taught = Pupil(bench, bench.detector(tmp_path / "toy"))
    taught.look()
    taught.send(("my mug", BOXES["cyan"], 0.0))
    taught.done(1)
    assert bench.set_parameters(precision="int8") == (True, "")
    configurator = taught.node._configurator
    wait_for(lambda: configurator.current.perceiver.precision == "int8", "the other graph")
    assert set(taught.look(ELSEWHERE)) == {"my mug"}
    taught.look()
    taught.send(("pen", BOXES["yellow"], 0.0))
    taught.done(2)
    assert set(taught.look(ELSEWHERE)) == {"my mug", "pen"}
