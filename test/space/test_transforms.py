# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Transforms over time."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from vit_perception.space.rigid import Rigid, TransformError
from vit_perception.space.transforms import HISTORY, Transforms

SECOND = 10**9
angles = st.floats(-3.0, 3.0)
places = st.tuples(*[st.floats(-10.0, 10.0)] * 3)
poses = st.builds(
    lambda turn, place: Rigid(Rotation.from_rotvec(turn).as_matrix(), np.array(place)),
    st.tuples(angles, angles, angles),
    places,
)


def at(x: float, turn: float = 0.0) -> Rigid:
    """A place along x, turned about z."""
    return Rigid(Rotation.from_euler("z", turn).as_matrix(), np.array([x, 0.0, 0.0]))


def same(one: Rigid, other: Rigid) -> bool:
    """Whether two transforms are equal, up to rounding."""
    return np.allclose(one.rotation, other.rotation, atol=1e-9) and np.allclose(
        one.translation, other.translation, atol=1e-9
    )


def test_between_two_stamps_it_moves_and_turns_evenly() -> None:
    transforms = Transforms()
    transforms.add("map", "base", 1 * SECOND, at(0.0, 0.0))
    transforms.add("map", "base", 2 * SECOND, at(4.0, 1.0))
    assert same(transforms.lookup("map", "base", SECOND), at(0.0))
    assert same(transforms.lookup("map", "base", SECOND * 5 // 4), at(1.0, 0.25))
    assert same(transforms.lookup("map", "base", 2 * SECOND), at(4.0, 1.0))
    assert same(transforms.lookup("base", "map", 2 * SECOND), at(4.0, 1.0).inverse())


@settings(max_examples=50, deadline=None)
@given(poses, poses, poses, st.floats(0.0, 1.0))
def test_a_chain_goes_up_and_down_the_tree(
    arm: Rigid, camera: Rigid, wheel: Rigid, share: float
) -> None:
    transforms = Transforms()
    transforms.add("/base", "/arm", 0, arm)
    transforms.add("base", "arm", SECOND, arm)
    transforms.add("arm", "camera", 0, camera, static=True)
    transforms.add("base", "wheel", 0, wheel, static=True)
    stamp = int(share * SECOND)
    assert same(transforms.lookup("base", "camera", stamp), arm @ camera)
    assert same(transforms.lookup("wheel", "/camera", stamp), wheel.inverse() @ arm @ camera)
    there = transforms.lookup("camera", "wheel", stamp)
    assert same(there.inverse(), transforms.lookup("wheel", "camera", stamp))
    assert same(transforms.lookup("anything", "anything", stamp), Rigid.identity())


@settings(max_examples=50, deadline=None)
@given(poses, poses, st.floats(0.0, 1.0))
def test_what_is_between_is_a_rotation_near_both(one: Rigid, two: Rigid, share: float) -> None:
    transforms = Transforms()
    transforms.add("map", "base", 0, one)
    transforms.add("map", "base", SECOND, two)
    found = transforms.lookup("map", "base", int(share * SECOND))
    assert np.allclose(found.rotation @ found.rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(found.rotation) == pytest.approx(1.0)

    def angle(a: Rigid, b: Rigid) -> float:
        return float(Rotation.from_matrix(a.rotation.T @ b.rotation).magnitude())

    assert angle(one, found) + angle(found, two) == pytest.approx(angle(one, two), abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(8)))
def test_the_order_of_arrival_does_not_count(order: list[int]) -> None:
    transforms = Transforms()
    for number in order:
        transforms.add("map", "base", number * SECOND // 10, at(float(number)))
    for number in range(8):
        found = transforms.lookup("map", "base", number * SECOND // 10)
        assert found.translation[0] == pytest.approx(number)


@pytest.mark.parametrize(
    ("target", "source", "stamp", "line"),
    [
        ("map", "nowhere", 1.5, "no frame is called 'nowhere'"),
        ("nowhere", "base", 1.5, "no frame is called 'nowhere'"),
        ("map", "other_base", 1.5, "'map' and 'other_base' are not connected"),
        ("map", "camera", 2.25, "from 'base' to 'map' yet: the newest is 0.250 s older"),
        ("map", "camera", 0.5, "from 'base' to 'map' any more: the oldest is 0.500 s newer"),
    ],
)
def test_what_is_not_there_is_named(target: str, source: str, stamp: float, line: str) -> None:
    transforms = Transforms()
    for second in (1, 2):
        transforms.add("map", "base", second * SECOND, at(float(second)))
    transforms.add("base", "camera", 0, at(0.1), static=True)
    transforms.add("other_map", "other_base", 0, at(0.0), static=True)
    with pytest.raises(TransformError) as caught:
        transforms.lookup(target, source, int(stamp * SECOND))
    assert line in str(caught.value) and "\n" not in str(caught.value)


def test_a_static_transform_holds_at_any_time_and_is_replaced() -> None:
    transforms = Transforms()
    transforms.add("base", "camera", 5 * SECOND, at(0.1), static=True)
    for stamp in (0, 10**18):
        assert same(transforms.lookup("base", "camera", stamp), at(0.1))
    transforms.add("base", "camera", 0, at(0.2), static=True)
    assert same(transforms.lookup("base", "camera", 0), at(0.2))


def test_loops_and_frames_without_a_name_are_refused() -> None:
    transforms = Transforms()
    transforms.add("a", "b", 0, at(1.0), static=True)
    transforms.add("b", "c", 0, at(1.0), static=True)
    for parent, child in (("c", "a"), ("b", "a"), ("a", "/a"), ("", "a"), ("a", "/")):
        with pytest.raises(TransformError):
            transforms.add(parent, child, 0, at(1.0), static=True)
    assert same(transforms.lookup("a", "c", 0), at(2.0))


def test_a_child_may_move_to_another_parent() -> None:
    transforms = Transforms()
    transforms.add("table", "cup", 0, at(1.0), static=True)
    transforms.add("hand", "cup", 0, at(2.0), static=True)
    assert same(transforms.lookup("hand", "cup", 0), at(2.0))
    with pytest.raises(TransformError):
        transforms.lookup("table", "cup", 0)


def test_only_the_last_seconds_are_kept() -> None:
    transforms = Transforms()
    for number in range(200):
        transforms.add("map", "base", number * SECOND // 10, at(float(number)))
    newest = 199 * SECOND // 10
    assert same(transforms.lookup("map", "base", newest - HISTORY), at(99.0))
    with pytest.raises(TransformError, match="any more"):
        transforms.lookup("map", "base", newest - HISTORY - 1)


def test_a_flood_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vit_perception.space.transforms._MOST", 10)
    monkeypatch.setattr("vit_perception.space.transforms._MOST_FRAMES", 2)
    transforms = Transforms()
    for number in range(100):
        transforms.add("map", "base", number, at(float(number)))
    assert same(transforms.lookup("map", "base", 90), at(90.0))
    with pytest.raises(TransformError, match="any more"):
        transforms.lookup("map", "base", 89)


def test_frames_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vit_perception.space.transforms._MOST_FRAMES", 3)
    transforms = Transforms()
    transforms.add("map", "base", 5, at(1.0), static=True)
    for stamp, name in enumerate(("cup", "mug", "pan")):
        transforms.add("base", name, stamp, at(float(stamp)))
    assert same(transforms.lookup("map", "pan", 2), at(3.0))
    assert same(transforms.lookup("map", "mug", 1), at(2.0))
    with pytest.raises(TransformError, match="no frame is called 'cup'"):
        transforms.lookup("map", "cup", 0)
    for name in ("lid", "jar"):
        transforms.add("base", name, 0, at(0.0), static=True)
    with pytest.raises(TransformError, match="at most 3 static frames"):
        transforms.add("base", "one", 0, at(0.0), static=True)


def test_time_that_jumps_back_forgets_what_moved() -> None:
    transforms = Transforms()
    transforms.add("base", "camera", 0, at(0.1), static=True)
    for edge in ("base", "door"):
        transforms.add("map", edge, 9 * SECOND, at(9.0))
    transforms.add("map", "base", 1 * SECOND, at(1.0))
    assert same(transforms.lookup("map", "camera", SECOND), at(1.1))
    with pytest.raises(TransformError, match="since time jumped back"):
        transforms.lookup("map", "door", 9 * SECOND)
    transforms.clear()
    with pytest.raises(TransformError, match="no frame"):
        transforms.lookup("base", "camera", 0)


def test_threads_may_add_and_look_up() -> None:
    transforms, errors = Transforms(), []
    transforms.add("map", "base", 0, at(0.0))

    def look() -> None:
        try:
            for _ in range(300):
                x = transforms.lookup("map", "base", 0).translation[0]
                assert x == 0.0
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(1, 300):
        transforms.add("map", "base", number, at(float(number)))
    for thread in threads:
        thread.join()
    assert errors == []
