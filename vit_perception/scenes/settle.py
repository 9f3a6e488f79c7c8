# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Drops objects above the table until they lie still: MuJoCo contacts of convex hulls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import mujoco
import numpy as np

from vit_perception.scenes.poses import IDENTITY, rotation
from vit_perception.wording import one_line

STEP_S = 0.004
LONGEST_S = 3.0
"""Simulated seconds after the last drop."""
DROP_M = 0.008
DEEPEST_M = 0.0025
"""An object deeper than this in another one or in the table is removed."""
STILL_MPS, STILL_RADPS = 0.015, 0.15
CHECK_STEPS = 10
ROUNDS = 4
"""Times that objects are removed and the others settle again."""
_PARKED_M = 30.0
_UNSTABLE = tuple(
    kind.value
    for kind in (
        mujoco.mjtWarning.mjWARN_BADQPOS,
        mujoco.mjtWarning.mjWARN_BADQVEL,
        mujoco.mjtWarning.mjWARN_BADQACC,
    )
)


class UnstableError(ValueError):
    """The simulation broke down; one line. Other places or rotations of the objects may work."""


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A convex object to drop: hull vertices float64 [N,3] in its own frame, metres.

    `position` and `quaternion` (w, x, y, z) are its start. `release` is its time in seconds: with
    a release above 0, it starts just above whatever lies below it then; with 0, exactly at its
    position.
    """

    hull: np.ndarray
    position: np.ndarray
    quaternion: np.ndarray
    release: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Board:
    """A fixed box: half sides and middle in metres, quaternion w, x, y, z."""

    half: tuple[float, float, float]
    position: tuple[float, float, float]
    quaternion: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """Final place of an object: position float64 [3], quaternion float64 [4]."""

    position: np.ndarray
    quaternion: np.ndarray


def settle(
    bodies: Sequence[Body], boards: Sequence[Board], reach: tuple[float, float]
) -> tuple[Rest | None, ...]:
    """Returns the final place of each body on the table z = 0; None for those removed.

    Removed are bodies that fell further than `reach` (half sides x, y in metres) from the middle,
    that never came to rest, or that went into one another. Raises ValueError if MuJoCo refuses a
    hull, UnstableError if the simulation diverges.
    """
    if not bodies:
        return ()
    heap = _Heap(bodies, boards)
    with _warnings_kept() as warnings:
        heap.drop_all()
        for _ in range(ROUNDS):
            heap.run(LONGEST_S)
            wrong = heap.wrong(reach)
            if not wrong:
                break
            for number in wrong:
                heap.park(number)
    if heap.unstable():
        raise UnstableError(f"expected {len(bodies)} things to come to rest, found {warnings[0]}")
    return heap.rest()


def check_hull(hull: np.ndarray) -> None:
    """Raises ValueError, one line, if MuJoCo refuses hull vertices float64 [N,3] as a body."""
    try:
        _Heap([Body(hull, np.zeros(3), IDENTITY)], ())
    except ValueError as error:
        raise ValueError(f"expected a thing with a volume, found {one_line(error)}") from None


@contextmanager
def _warnings_kept() -> Iterator[list[str]]:
    """Collects MuJoCo's warnings, which it would print and write to a file in this folder."""
    kept: list[str] = []
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(kept.append)
    try:
        yield kept
    finally:
        mujoco.set_mju_user_warning(before)


class _Heap:
    """The simulation; bodies are parked far away without weight until they are dropped."""

    def __init__(self, bodies: Sequence[Body], boards: Sequence[Board]) -> None:
        self.bodies = bodies
        self.model = mujoco.MjModel.from_xml_string(_xml(bodies, boards))
        self.data = mujoco.MjData(self.model)
        self.free = np.zeros(len(bodies), bool)
        self.gone = np.zeros(len(bodies), bool)
        for number, body in enumerate(bodies):
            self._place(number, body.position, body.quaternion)
            if body.release > 0:
                self._park(number)
            else:
                self._let_go(number)
        self._damp(1.0)

    def drop_all(self) -> None:
        waiting = [int(number) for number in np.flatnonzero(~self.free)]
        order = sorted(waiting, key=lambda n: (self.bodies[n].release, n))
        for number in order:
            steps = (self.bodies[number].release - self.data.time) / STEP_S
            for _ in range(max(round(steps), 0)):
                mujoco.mj_step(self.model, self.data)
            body = self.bodies[number]
            corners = body.hull @ rotation(body.quaternion).T
            height = self._top_below(corners + body.position) + DROP_M - corners[:, 2].min()
            self._place(number, (*body.position[:2], height), body.quaternion)
            self._let_go(number)

    def run(self, seconds: float) -> None:
        """Runs until all is still, at most `seconds`; the last third in ever thicker air."""
        end = self.data.time + seconds
        self._damp(1.0)
        while self.data.time < end:
            for _ in range(CHECK_STEPS):
                mujoco.mj_step(self.model, self.data)
            if not self._moving().any():
                return
            left = (end - self.data.time) / seconds
            if left < 0.5:
                self._damp(12.0 if left > 0.2 else 30.0)

    def wrong(self, reach: tuple[float, float]) -> list[int]:
        """Returns the bodies to remove: the later one of two that went into one another."""
        mujoco.mj_forward(self.model, self.data)
        wrong = set(np.flatnonzero(self._moving()).tolist())
        for number in np.flatnonzero(self.free):
            x, y, z = self._corners(int(number)).mean(axis=0)
            if abs(x) > reach[0] or abs(y) > reach[1] or z < 0:
                wrong.add(int(number))
        for contact in self.data.contact[: self.data.ncon]:
            if contact.dist < -DEEPEST_M:
                geoms = self.model.geom_bodyid[list(contact.geom)]
                if not any(int(body) - 1 in wrong for body in geoms):
                    wrong.add(int(geoms.max()) - 1)
        for number in np.flatnonzero(self.free):
            if self._corners(int(number))[:, 2].min() < -0.0015:
                wrong.add(int(number))
        return sorted(wrong)

    def park(self, number: int) -> None:
        self.gone[number] = True
        self.free[number] = False
        self._park(number)

    def unstable(self) -> bool:
        """Returns whether MuJoCo met huge or invalid numbers and reset itself."""
        return any(self.data.warning[kind].number for kind in _UNSTABLE)

    def rest(self) -> tuple[Rest | None, ...]:
        places = self.data.qpos.reshape(-1, 7)
        return tuple(
            None if gone else Rest(place[:3].copy(), place[3:].copy())
            for place, gone in zip(places, self.gone, strict=True)
        )

    def _place(
        self, number: int, position: Sequence[float] | np.ndarray, quaternion: np.ndarray
    ) -> None:
        place = self.data.qpos[7 * number : 7 * number + 7]
        place[:3], place[3:] = position, quaternion
        self.data.qvel[6 * number : 6 * number + 6] = 0

    def _park(self, number: int) -> None:
        quaternion = self.data.qpos[7 * number + 3 : 7 * number + 7].copy()
        self._place(number, (_PARKED_M + 3.0 * number, 0.0, 5.0), quaternion)
        self.model.body_gravcomp[number + 1] = 1.0

    def _let_go(self, number: int) -> None:
        self.free[number] = True
        self.model.body_gravcomp[number + 1] = 0.0

    def _damp(self, factor: float) -> None:
        mass = np.repeat(self.model.body_mass[1:, None], 3, axis=1)
        inertia = np.repeat(self.model.body_inertia[1:].max(axis=1, keepdims=True), 3, axis=1)
        damping = np.concatenate([mass * 0.6, inertia * 2.5], axis=1) * factor
        self.model.dof_damping[:] = damping.reshape(-1)

    def _moving(self) -> np.ndarray:
        speed = self.data.qvel.reshape(-1, 6)
        fast = np.abs(speed[:, :3]).max(axis=1) > STILL_MPS
        spinning = np.abs(speed[:, 3:]).max(axis=1) > STILL_RADPS
        moving: np.ndarray = (fast | spinning) & self.free
        return moving

    def _corners(self, number: int) -> np.ndarray:
        place = self.data.qpos[7 * number : 7 * number + 7]
        corners: np.ndarray = self.bodies[number].hull @ rotation(place[3:]).T + place[:3]
        return corners

    def _top_below(self, corners: np.ndarray) -> float:
        """Returns the height of what lies under the corners' bounding rectangle."""
        low, high = corners[:, :2].min(axis=0), corners[:, :2].max(axis=0)
        top = 0.0
        for number in np.flatnonzero(self.free):
            other = self._corners(int(number))
            if (other[:, :2].max(axis=0) > low).all() and (other[:, :2].min(axis=0) < high).all():
                top = max(top, float(other[:, 2].max()))
        return top


def _xml(bodies: Sequence[Body], boards: Sequence[Board]) -> str:
    meshes, things = [], []
    for number, body in enumerate(bodies):
        corners = " ".join(f"{value:.6f}" for value in body.hull.reshape(-1))
        meshes.append(f'<mesh name="o{number}" vertex="{corners}"/>')
        things.append(
            '<body gravcomp="1"><freejoint/>'
            f'<geom type="mesh" mesh="o{number}" density="350"/></body>'
        )
    fixed = "".join(
        f'<geom type="box" size="{_join(board.half)}" pos="{_join(board.position)}" '
        f'quat="{_join(board.quaternion)}"/>'
        for board in boards
    )
    return f"""
<mujoco>
  <option timestep="{STEP_S}" iterations="12" ls_iterations="8" integrator="implicitfast"/>
  <default><geom friction="0.8 0.02 0.002" solref="0.01 1" condim="4"/></default>
  <asset>{"".join(meshes)}</asset>
  <worldbody><geom type="plane" size="3 3 1"/>{fixed}{"".join(things)}</worldbody>
</mujoco>
"""


def _join(values: Sequence[float]) -> str:
    return " ".join(f"{value:.6f}" for value in values)
