# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Convex hulls of meshes by MuJoCo, for physics and cameras."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import mujoco
import numpy as np

from vit_perception.scenes.catalogue import Asset
from vit_perception.wording import one_line

_XML = (
    '<mujoco><asset><mesh name="o" file="o.obj" inertia="shell"/></asset>'
    '<worldbody><geom type="mesh" mesh="o"/></worldbody></mujoco>'
)


def hull_of(asset: Asset) -> np.ndarray:
    """Returns the vertices of the asset's convex hull in its own frame, metres, float64 [N,3].

    They are read only. Raises ValueError, one line with the mesh's path, if MuJoCo refuses it.
    """
    if asset.mesh is None:
        raise ValueError(f"{asset.id}: expected an asset with a mesh, found a cut-out")
    try:
        return _hull(asset.mesh)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{asset.mesh}: expected a mesh MuJoCo takes, found {one_line(error)}"
        ) from None


@lru_cache(maxsize=4096)
def _hull(mesh: Path) -> np.ndarray:
    model = mujoco.MjModel.from_xml_string(_XML, assets={"o.obj": mesh.read_bytes()})
    start = int(model.mesh_graphadr[0])
    if start < 0:
        raise ValueError("no convex hull")
    graph = model.mesh_graph[start:]
    count = int(graph[0])
    corners = model.mesh_vert[graph[2 + count : 2 + 2 * count]].astype(np.float64)
    # MuJoCo moved the mesh to its centre and main axes: back to the file's own frame.
    turned = np.empty(9)
    mujoco.mju_quat2Mat(turned, model.mesh_quat[0])
    hull: np.ndarray = corners @ turned.reshape(3, 3).T + model.mesh_pos[0]
    hull.setflags(write=False)
    return hull
