# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import product
from pathlib import Path

import mujoco
import numpy as np
import pytest

from vit_perception.scenes.poses import IDENTITY, after, random_turn, rotation, turn
from vit_perception.scenes.settle import Board, Body, Rest, UnstableError, settle

REACH = (0.43, 0.4)


def box(x: float, y: float, z: float) -> np.ndarray:
    """Corners of a box standing on its own z = 0."""
    return np.array(list(product((-x / 2, x / 2), (-y / 2, y / 2), (0.0, z))))


def heap(count: int, seed: int) -> list[Body]:
    rng = np.random.default_rng(seed)
    return [
        Body(
            box(*rng.uniform(0.02, 0.14, 3)),
            np.array([*rng.uniform(-0.08, 0.08, 2), 0.0]),
            random_turn(rng),
            0.09 * (number + 1),
        )
        for number in range(count)
    ]


def replay(bodies: list[Body], rests: tuple[Rest | None, ...]) -> tuple[float, float]:
    """Deepest contact in metres between the hulls at rest, and how far 0.2 s more move them."""
    kept = [(b, r) for b, r in zip(bodies, rests, strict=True) if r is not None]
    meshes = "".join(
        f'<mesh name="m{n}" vertex="{" ".join(map(str, b.hull.reshape(-1)))}"/>'
        for n, (b, _) in enumerate(kept)
    )
    things = "".join(
        f'<body pos="{" ".join(map(str, r.position))}" quat="{" ".join(map(str, r.quaternion))}">'
        f'<freejoint/><geom type="mesh" mesh="m{n}" friction="0.8 0.02 0.002" condim="4"/></body>'
        for n, (_, r) in enumerate(kept)
    )
    model = mujoco.MjModel.from_xml_string(
        f'<mujoco><option timestep="0.002"/><asset>{meshes}</asset><worldbody>'
        f'<geom type="plane" size="2 2 1"/>{things}</worldbody></mujoco>'
    )
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    deepest = min((contact.dist for contact in data.contact[: data.ncon]), default=0.0)
    before = data.qpos.reshape(-1, 7)[:, :3].copy()
    for _ in range(100):
        mujoco.mj_step(model, data)
    moved = np.linalg.norm(data.qpos.reshape(-1, 7)[:, :3] - before, axis=1)
    return float(deepest), float(np.median(moved))


def test_a_heap_comes_to_rest_above_the_table_and_nothing_goes_into_another() -> None:
    for seed in (0, 1):
        bodies = heap(12, seed)
        rests = settle(bodies, (), REACH)
        kept = [(b, r) for b, r in zip(bodies, rests, strict=True) if r is not None]
        assert len(kept) >= 9
        for body, rest in kept:
            corners = body.hull @ rotation(rest.quaternion).T + rest.position
            assert corners[:, 2].min() > -0.002
            assert (np.abs(corners.mean(axis=0)[:2]) <= REACH).all()
        deepest, moved = replay(bodies, rests)
        assert deepest > -0.003
        assert moved < 0.003


def test_the_same_heap_settles_the_same() -> None:
    one, two = (settle(heap(6, 3), (), REACH) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            assert a.position.tobytes() == b.position.tobytes()
            assert a.quaternion.tobytes() == b.quaternion.tobytes()


def test_what_falls_too_far_from_the_middle_is_taken_away() -> None:
    near, far = (Body(box(0.1, 0.1, 0.1), np.array([x, 0, 0.01]), IDENTITY) for x in (0.0, 0.6))
    inside, outside = settle([near, far], (), REACH)
    assert inside is not None
    assert outside is None


def test_a_thing_lands_on_a_board() -> None:
    board = Board((0.2, 0.2, 0.05), (0.0, 0.0, 0.05))
    thing = Body(box(0.05, 0.04, 0.03), np.array([0.02, 0.01, 0.13]), turn((0, 0, 1), 30))
    (rest,) = settle([thing], [board], REACH)
    assert rest is not None
    assert abs(rest.position[2] - 0.1) < 0.002


def test_turns_compose_like_matrices() -> None:
    first, second = turn((0, 0, 1), 40), turn((1, 0, 0), -70)
    assert np.allclose(rotation(after(second, first)), rotation(second) @ rotation(first))
    assert np.allclose(rotation(turn((0, 0, 1), 90)) @ [1, 0, 0], [0, 1, 0])


def test_an_unstable_simulation_is_an_error_and_nothing_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    near, lost = (Body(box(0.1, 0.1, 0.1), np.array([0, 0, z]), IDENTITY) for z in (0.01, 1e11))
    said: list[str] = []
    mujoco.set_mju_user_warning(said.append)
    try:
        with pytest.raises(UnstableError, match="expected 2 things to come to rest, found .*huge"):
            settle([near, lost], (), REACH)
        assert mujoco.get_mju_user_warning() == said.append
    finally:
        mujoco.set_mju_user_warning(None)
    assert said == []
    assert capfd.readouterr() == ("", "")
    assert not (tmp_path / "MUJOCO_LOG.TXT").exists()
    # And the next heap settles.
    assert settle([near], (), REACH)[0] is not None
