# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Shapes of generated objects: closed, wound outward, hollow where they should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.scenes.catalogue import load_catalogue
from vit_perception.scenes.parametric import CATEGORIES, write_parametric
from vit_perception.scenes.parametric.meshes import (
    Mesh,
    box,
    circle,
    lathe,
    rounded_rectangle,
    sweep,
)
from vit_perception.scenes.parametric.obj import corner_normals
from vit_perception.scenes.parametric.slabs import extrude

mujoco = pytest.importorskip("mujoco")

HOLLOW = (
    "mug",
    "bowl",
    "glass",
    "vase",
    "pan",
    "bucket",
    "trash can",
    "storage bin",
    "flower pot",
)


def _volume(mesh: Mesh) -> float:
    a, b, c = mesh.corners[:, 0], mesh.corners[:, 1], mesh.corners[:, 2]
    return float(np.einsum("nk,nk->n", a, np.cross(b, c)).sum() / 6)


def _open_edges(mesh: Mesh) -> int:
    """Edges that are not met by exactly one edge the other way."""
    grains = np.rint(mesh.corners / 1e-5).astype(int)
    _, vertex = np.unique(grains.reshape(-1, 3) @ np.array([1, 2**21, 2**42]), return_inverse=True)
    faces = vertex.reshape(-1, 3)
    a, b = faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)
    keys, counts = np.unique(a * (a.max() + 1) + b, return_counts=True)
    back, back_counts = np.unique(b * (a.max() + 1) + a, return_counts=True)
    if not np.array_equal(keys, back):
        return len(np.setxor1d(keys, back))
    return int((counts != back_counts).sum())


_HAND = np.array([[0, 0, 0], [0.1, 0, 0], [0.15, 0.05, 0.0]])
_L = np.array([[0, 0], [0.2, 0], [0.2, 0.1], [0.1, 0.1], [0.1, 0.2], [0, 0.2]])
CLOSED = {
    "lathe": (lathe([([(0, 0), (0.1, 0), (0.1, 0.2), (0, 0.2)], 0)], circle(64)), 0.00628),
    "box": (box((0.1, 0.2, 0.3), 0.002, [0] * 6), 0.006),
    "bulging box": (box((0.1, 0.2, 0.3), 0.002, [0] * 6, bulge=0.005), 0.0061),
    "extrusion": (extrude(_L, 0.0, 0.1, 0), 0.003),
    "sweep": (sweep(_HAND, circle(64), 0.01, 0), 5.4e-5),
    "tray": (
        lathe([([(0, 0), (1, 0), (1, 0.1), (0, 0.1)], 0)], rounded_rectangle(0.2, 0.1, 0.01)),
        0.002,
    ),
}


@pytest.mark.parametrize("name", CLOSED)
def test_primitives_are_closed_and_wound_outward(name: str) -> None:
    mesh, volume = CLOSED[name]
    assert _open_edges(mesh) == 0
    assert _volume(mesh) == pytest.approx(volume, rel=0.06)


def test_normals_keep_hard_edges_and_smooth_round_walls() -> None:
    mesh = CLOSED["lathe"][0]
    normals = corner_normals(mesh)
    assert np.linalg.norm(normals, axis=2) == pytest.approx(1.0)
    up = np.isclose(mesh.corners[..., 2].min(axis=1), 0.2)
    assert np.abs(normals[up][..., 2]) == pytest.approx(1.0)
    wall = np.ptp(mesh.corners[..., 2], axis=1) > 0.1
    radial = mesh.corners[wall][..., :2] / 0.1
    assert normals[wall][..., :2] == pytest.approx(radial, abs=0.002)


def test_pictures_read_from_left_to_right_from_outside() -> None:
    """At the front (-y) u grows to the right (+x) and v upward, on boxes and on round walls."""
    for mesh in (box((0.1, 0.1, 0.1), 0.001, list(range(6))), CLOSED["lathe"][0]):
        if mesh.surfaces.max() == 0:
            wall = np.ptp(mesh.corners[..., 2], axis=1) > 0.1
            front = wall & (mesh.corners[..., 1].max(axis=1) < -0.09)
        else:
            front = mesh.surfaces == 0
        u, x = mesh.uvs[front][..., 0].ravel(), mesh.corners[front][..., 0].ravel()
        v, z = mesh.uvs[front][..., 1].ravel(), mesh.corners[front][..., 2].ravel()
        assert np.corrcoef(u, x)[0, 1] > 0.9
        assert np.corrcoef(v, z)[0, 1] > 0.9


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_winds_outward_and_stands_on_its_origin(category: str) -> None:
    for seed in range(2):
        mesh = CATEGORIES[category].make(np.random.default_rng(seed)).mesh.standing()
        assert _volume(mesh) > 0
        points = mesh.corners.reshape(-1, 3)
        assert points[:, 2].min() == pytest.approx(0)
        assert points.min(axis=0)[:2] == pytest.approx(-points.max(axis=0)[:2])
        assert len(mesh.corners) <= 2500
        for part in _parts(mesh):
            assert _open_edges(part) == 0
            assert _volume(part) > 0


def _parts(mesh: Mesh) -> list[Mesh]:
    """The pieces of a mesh that share no corner."""
    grains = np.rint(mesh.corners.reshape(-1, 3) / 1e-5).astype(np.int64)
    _, vertex = np.unique(grains @ np.array([1, 2**21, 2**42]), return_inverse=True)
    faces = vertex.reshape(-1, 3)
    label = np.arange(vertex.max() + 1)
    while True:
        least = label[faces].min(axis=1)
        before = label.copy()
        np.minimum.at(label, faces.reshape(-1), np.repeat(least, 3))
        if (label == before).all():
            break
    owner = label[faces[:, 0]]
    return [
        Mesh(mesh.corners[owner == n], mesh.uvs[owner == n], mesh.surfaces[owner == n])
        for n in np.unique(owner)
    ]


def test_hollow_things_are_open_above_and_have_a_floor(tmp_path: Path) -> None:
    write_parametric(tmp_path, count=3 * len(HOLLOW), seed=5, categories=HOLLOW)
    for asset in load_catalogue(tmp_path).assets:
        assert asset.mesh is not None
        model = mujoco.MjModel.from_xml_string(
            '<mujoco><asset><mesh name="o" file="o.obj" inertia="shell"/></asset>'
            '<worldbody><body pos="0 0 0"><geom name="o" type="mesh" mesh="o"/></body></worldbody>'
            "</mujoco>",
            assets={"o.obj": asset.mesh.read_bytes()},
        )
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        x = _rim_middle(asset.mesh)
        hit = np.zeros(1, np.int32)
        down = mujoco.mj_ray(
            model,
            data,
            np.array([x + 0.003, 0.002, 1.0]),
            np.array([0, 0, -1.0]),
            None,
            1,
            -1,
            hit,
        )
        height = 1.0 - down
        # The bowl of a wine glass begins above its stem.
        highest = 0.55 if "wine glass" in asset.names else 0.3
        assert hit[0] == 0 and 0 < height < highest * asset.size_m[2], (asset.id, height)


def _rim_middle(path: Path) -> float:
    """The x of the middle of the vessel itself: a handle moves it away from the origin."""
    rows = [line.split()[1:] for line in path.read_text().splitlines() if line.startswith("v ")]
    points = np.array(rows, dtype=np.float64)
    low = points[points[:, 2] < 0.02 * points[:, 2].max() + 1e-6]
    return float((low[:, 0].min() + low[:, 0].max()) / 2)


@pytest.mark.slow
def test_mujoco_compiles_one_of_each_category(tmp_path: Path) -> None:
    names = list(CATEGORIES)
    for start in range(0, len(names), 40):
        part = tmp_path / str(start)
        write_parametric(part, count=60, seed=9, categories=names[start : start + 40])
        assets = load_catalogue(part).assets
        assert {asset.category for asset in assets} == set(names[start : start + 40])
        meshes = "".join(
            f'<mesh name="{a.id}" file="{a.id}.obj" inertia="shell"/>' for a in assets
        )
        files = {f"{a.id}.obj": a.mesh.read_bytes() for a in assets if a.mesh is not None}
        xml = f"<mujoco><asset>{meshes}</asset></mujoco>"
        model = mujoco.MjModel.from_xml_string(xml, assets=files)
        assert model.nmesh == len(assets)
