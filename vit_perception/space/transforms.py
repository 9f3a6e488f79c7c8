# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Transforms between frames at the time they are asked for, from what was sent over time.

A frame has one parent, as in ROS's /tf: the frames form trees. Between two transforms of an edge
the translation is linear and the rotation turns about one axis at one speed (Shoemake, SIGGRAPH
1985). Beyond the last one nothing is guessed.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from vit_perception.space.rigid import Rigid, TransformError
from vit_perception.wording import shown

HISTORY = 10 * 10**9
"""Nanoseconds that are kept of each moving edge."""
_MOST = 20_000
"""Transforms that are kept of each moving edge: 10 s at 2 kHz."""
_MOST_FRAMES = 10_000
"""Beyond that the moving one that is oldest is forgotten."""
# Nanoseconds. What arrives out of order is a little older than the newest; a recording or a
# simulation that starts again goes back further.
_JUMP = 10**9


@dataclass(slots=True)
class _Edge:
    """From a child to its parent; `stamps` ascend, and are empty for a static one."""

    parent: str
    static: bool
    stamps: list[int] = field(default_factory=list)
    transforms: dict[int, Rigid] = field(default_factory=dict)


class Transforms:
    """Keeps the last ten seconds of transforms and answers for any moment in them; thread safe.

    Names of frames are compared without the slash that ROS 1 put before them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._edges: dict[str, _Edge] = {}

    def add(
        self, parent: str, child: str, stamp: int, transform: Rigid, *, static: bool = False
    ) -> None:
        """Takes a transform from the child's frame to the parent's.

        One that is more than a second older than the newest of its edge means that time has
        jumped back: all that moves is forgotten. A child that comes with another parent moves
        there.

        Args:
            parent, child: names of frames.
            stamp: nanoseconds; not read where it is static.
            transform: parent_from_child.
            static: whether it holds at all times.

        Raises:
            TransformError: names that are empty or equal, a loop, or too many static frames.
        """
        parent, child = parent.lstrip("/"), child.lstrip("/")
        if not parent or not child or parent == child:
            raise TransformError(
                f"transform: expected two frames, found {shown(parent)} and {shown(child)}"
            )
        with self._lock:
            edge = self._edges.get(child)
            if edge is None or (edge.parent, edge.static) != (parent, static):
                edge = self._edge(parent, child, static)
            if static:
                edge.transforms = {0: transform}
                return
            if edge.stamps and stamp < edge.stamps[-1] - _JUMP:
                self._forget_motion()
            if stamp not in edge.transforms:
                insort(edge.stamps, stamp)
            edge.transforms[stamp] = transform
            _shorten(edge)

    def lookup(self, target: str, source: str, stamp: int) -> Rigid:
        """Returns target_from_source at a moment in nanoseconds.

        Raises:
            TransformError: a frame that nobody has sent, frames that are not connected, a moment
                after the last transform ("not yet") or before those that are kept.
        """
        target, source = target.lstrip("/"), source.lstrip("/")
        if target == source:
            return Rigid.identity()
        with self._lock:
            down, up = self._ancestors(target), self._ancestors(source)
            for name, line in ((target, down), (source, up)):
                if len(line) == 1 and not self._is_parent(name):
                    raise TransformError(f"no transform: no frame is called {shown(name)}")
            shared = next((name for name in up if name in down), None)
            if shared is None:
                raise TransformError(
                    f"no transform: {shown(target)} and {shown(source)} are not connected"
                )
            to_shared = self._chain(up[: up.index(shared)], stamp)
            from_target = self._chain(down[: down.index(shared)], stamp)
        return from_target.inverse() @ to_shared

    def frames(self) -> list[str]:
        """Returns the names of the frames that are there, sorted."""
        with self._lock:
            return sorted({*self._edges, *(edge.parent for edge in self._edges.values())})

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._edges.clear()

    def _edge(self, parent: str, child: str, static: bool) -> _Edge:
        if child in self._ancestors(parent):
            raise TransformError(
                f"transform: {shown(child)} cannot be below {shown(parent)}, which is below it"
            )
        if child not in self._edges and len(self._edges) >= _MOST_FRAMES:
            self._forget_oldest()
        edge = self._edges[child] = _Edge(parent, static)
        return edge

    def _forget_oldest(self) -> None:
        """Makes room for a frame: things that come and go have frames of their own."""
        moving = {name: each for name, each in self._edges.items() if not each.static}
        if not moving:
            raise TransformError(f"transform: expected at most {_MOST_FRAMES} static frames")
        del self._edges[min(moving, key=lambda name: (moving[name].stamps or [0])[-1])]

    def _ancestors(self, name: str) -> list[str]:
        """Returns a frame, its parent, the parent of that and so on."""
        line = [name]
        while (edge := self._edges.get(line[-1])) is not None:
            line.append(edge.parent)
        return line

    def _is_parent(self, name: str) -> bool:
        return any(edge.parent == name for edge in self._edges.values())

    def _chain(self, frames: list[str], stamp: int) -> Rigid:
        """Returns the way up from the first frame to the parent of the last."""
        result = Rigid.identity()
        for name in frames:
            result = _at(name, self._edges[name], stamp) @ result
        return result

    def _forget_motion(self) -> None:
        for edge in self._edges.values():
            if not edge.static:
                edge.stamps.clear()
                edge.transforms.clear()


def _shorten(edge: _Edge) -> None:
    oldest = edge.stamps[-1] - HISTORY
    gone = max(bisect_left(edge.stamps, oldest), len(edge.stamps) - _MOST)
    for stamp in edge.stamps[:gone]:
        del edge.transforms[stamp]
    del edge.stamps[:gone]


def _at(name: str, edge: _Edge, stamp: int) -> Rigid:
    """Returns the transform of an edge at a moment."""
    if edge.static:
        return edge.transforms[0]
    words = f"from {shown(name)} to {shown(edge.parent)}"
    if not edge.stamps:
        raise TransformError(f"no transform {words} yet, since time jumped back")
    if stamp > edge.stamps[-1]:
        late = (stamp - edge.stamps[-1]) * 1e-9
        raise TransformError(f"no transform {words} yet: the newest is {late:.3f} s older")
    if stamp < edge.stamps[0]:
        early = (edge.stamps[0] - stamp) * 1e-9
        raise TransformError(f"no transform {words} any more: the oldest is {early:.3f} s newer")
    index = bisect_left(edge.stamps, stamp)
    after = edge.transforms[edge.stamps[index]]
    if edge.stamps[index] == stamp:
        return after
    begin, end = edge.stamps[index - 1], edge.stamps[index]
    return _between(edge.transforms[begin], after, (stamp - begin) / (end - begin))


def _between(before: Rigid, after: Rigid, share: float) -> Rigid:
    """Returns the transform a share of the way, 0..1, from one to the other."""
    start = Rotation.from_matrix(before.rotation)
    turn = start.inv() * Rotation.from_matrix(after.rotation)
    rotation = start * Rotation.from_rotvec(share * turn.as_rotvec())
    translation = (1 - share) * before.translation + share * after.translation
    return Rigid(rotation.as_matrix(), np.asarray(translation, np.float64))
