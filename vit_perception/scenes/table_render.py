# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""MuJoCo pictures of a TableScene."""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.scenes.catalogue import Asset
from vit_perception.scenes.colours import SHINY
from vit_perception.scenes.offscreen import Offscreen
from vit_perception.scenes.tabletop import (
    ROOM,
    TABLE_HEIGHT,
    Lamp,
    Pinhole,
    Standing,
    TableScene,
    TableView,
)

# isort: split
# After offscreen, which chooses the OpenGL library.
import mujoco

SHADOW_PX = 768
OVERSAMPLE = 1.5
"""Colour is rendered this much larger and averaged down: cheaper here than multisampling."""
WIDEN = 1.6


class TableRenderer:
    """Renders one TableScene from any camera; a context manager.

    Raises ValueError when MuJoCo refuses a mesh.
    """

    def __init__(self, scene: TableScene, width: int, height: int) -> None:
        self.scene = scene
        pictures = [scene.table, scene.floor, *scene.walls]
        pictures += [item.look.texture for item in scene.objects]
        meshes = {f"{n}.obj": _mesh(item.asset) for n, item in enumerate(scene.objects)}
        model = mujoco.MjModel.from_xml_string(_xml(scene, pictures, width, height), assets=meshes)
        for number, picture in enumerate(pictures):
            start = model.tex_adr[number]
            model.tex_data[start : start + picture.size] = picture.reshape(-1)
        self._geoms = [
            mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM.value, f"object{n}")
            for n in range(len(scene.objects))
        ]
        self._offscreen = Offscreen(model, width, height, OVERSAMPLE)

    def __enter__(self) -> TableRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self._offscreen.__exit__()

    def relight(self, lamps: tuple[Lamp, ...], ambient: float) -> None:
        """Move and dim the scene's lamps: as many as it was built with."""
        model = self._offscreen.model
        for number, lamp in enumerate(lamps):
            model.light_pos[number] = lamp.place
            toward = -np.array(lamp.place)
            model.light_dir[number] = toward / np.linalg.norm(toward)
            model.light_diffuse[number] = lamp.brightness
            model.light_specular[number] = lamp.brightness * 0.6
        model.vis.headlight.ambient = ambient

    def render(self, camera: Pinhole) -> TableView:
        """Colour, depth, owners and visible fractions from one place."""
        offscreen = self._offscreen
        model = offscreen.model
        pose = camera.pose()
        # MuJoCo cameras look along -z with y up.
        axes = pose[:3, :3] * np.array([1.0, -1.0, -1.0])
        mujoco.mju_mat2Quat(model.cam_quat[0], np.ascontiguousarray(axes).reshape(-1))
        model.cam_pos[0] = camera.place
        model.cam_fovy[0] = camera.fov
        offscreen.update()
        rgb = offscreen.colour()
        geoms, depth = offscreen.identities()
        numbers = np.full(model.ngeom + 1, -1, np.int16)
        numbers[self._geoms] = np.arange(len(self._geoms))
        owner = numbers[geoms]
        seen = np.bincount(owner.reshape(-1) + 1, minlength=len(self._geoms) + 1)[1:]
        doubtful = [self._geoms[n] for n in np.flatnonzero(seen) if _may_be_hidden(owner, int(n))]
        alone = offscreen.unhidden_pixels(doubtful, WIDEN)
        fractions = tuple(
            float(min(pixels / max(alone.get(geom, pixels), 1.0), 1.0))
            for geom, pixels in zip(self._geoms, seen, strict=True)
        )
        return TableView(rgb, depth, owner, fractions)


def _may_be_hidden(owner: np.ndarray, number: int) -> bool:
    """Whether the thing meets another one or the picture's edge: only then is a part unseen."""
    mine = (owner == number).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(mine)
    rows, columns = owner.shape
    if x == 0 or y == 0 or x + width == columns or y + height == rows:
        return True
    window = (slice(y - 1, y + height + 1), slice(x - 1, x + width + 1))
    ring = cv2.dilate(mine[window], np.ones((3, 3), np.uint8)) > mine[window]
    return bool((owner[window][ring] >= 0).any())


def _mesh(asset: Asset) -> bytes:
    if asset.mesh is None:
        raise ValueError(f"{asset.id}: expected an asset with a mesh, found a cut-out")
    return asset.mesh.read_bytes()


def _xml(scene: TableScene, pictures: list[np.ndarray], width: int, height: int) -> str:
    textures = "".join(
        f'<texture name="t{n}" type="2d" builtin="flat" width="{picture.shape[1]}" '
        f'height="{picture.shape[0]}"/>'
        for n, picture in enumerate(pictures)
    )
    x, y = scene.half_size
    repeat = f"{2 * x / scene.tile_m:.4f} {2 * y / scene.tile_m:.4f}"
    materials = (
        f'<material name="m0" texture="t0" texrepeat="{repeat}" specular="0.15" shininess="0.4"/>'
        '<material name="m1" texture="t1" texrepeat="6 6" specular="0"/>'
        + "".join(
            f'<material name="m{n}" texture="t{n}" specular="0" emission="0.35"/>'
            for n in range(2, 6)
        )
    )
    objects = "".join(_object_assets(n, item) for n, item in enumerate(scene.objects))
    lamps = "".join(_lamp(lamp) for lamp in scene.lamps)
    wall = f'type="plane" size="{ROOM} {ROOM} 1"'
    middle = ROOM - TABLE_HEIGHT
    return f"""
<mujoco>
  <visual>
    <global offwidth="{round(width * OVERSAMPLE)}" offheight="{round(height * OVERSAMPLE)}"/>
    <quality offsamples="0" shadowsize="{SHADOW_PX}"/>
    <map znear="0.02" zfar="10" shadowscale="0.5"/>
    <headlight ambient="{scene.ambient} {scene.ambient} {scene.ambient}"
      diffuse="0.08 0.08 0.08" specular="0 0 0"/>
  </visual>
  <statistic extent="1" center="0 0 0"/>
  <asset>{textures}{materials}{objects}</asset>
  <worldbody>
    {lamps}
    <camera name="camera" pos="0 -1 1"/>
    <geom type="plane" size="{x} {y} 1" material="m0"/>
    <geom type="box" size="{x} {y} 0.015" pos="0 0 -0.0155" rgba="0.45 0.38 0.3 1"/>
    <geom type="plane" size="{ROOM} {ROOM} 1" pos="0 0 {-TABLE_HEIGHT}" material="m1"/>
    <geom {wall} pos="0 {ROOM} {middle}" xyaxes="1 0 0 0 0 1" material="m2"/>
    <geom {wall} pos="0 {-ROOM} {middle}" xyaxes="-1 0 0 0 0 1" material="m3"/>
    <geom {wall} pos="{ROOM} 0 {middle}" xyaxes="0 -1 0 0 0 1" material="m4"/>
    <geom {wall} pos="{-ROOM} 0 {middle}" xyaxes="0 1 0 0 0 1" material="m5"/>
    {"".join(_body(n, item) for n, item in enumerate(scene.objects))}
  </worldbody>
</mujoco>
"""


def _object_assets(number: int, item: Standing) -> str:
    specular = 0.45 if item.asset.material in SHINY else 0.08
    return (
        f'<material name="o{number}" texture="t{number + 6}" specular="{specular}" '
        'shininess="0.6"/>'
        f'<mesh name="o{number}" file="{number}.obj" inertia="shell"/>'
    )


def _lamp(lamp: Lamp) -> str:
    place = np.array(lamp.place)
    toward = -place / np.linalg.norm(place)
    glow = f"{lamp.brightness:.4f} " * 3
    return (
        f'<light pos="{_join(place)}" dir="{_join(toward)}" diffuse="{glow}" '
        f'specular="{_join(np.full(3, lamp.brightness * 0.6))}" cutoff="75" exponent="2" '
        f'castshadow="{str(lamp.casts_shadow).lower()}"/>'
    )


def _body(number: int, item: Standing) -> str:
    about_z = np.array([np.cos(item.yaw / 2), 0, 0, np.sin(item.yaw / 2)])
    turned, offset = about_z, np.zeros(3)
    if item.tip:
        # A quarter turn about x sends the bottom's middle to the side: bring the middle back.
        quarter = np.array([np.sqrt(0.5), np.sqrt(0.5), 0, 0])
        turned = np.empty(4)
        mujoco.mju_mulQuat(turned, about_z, quarter)
        mujoco.mju_rotVecQuat(offset, np.array([0, item.asset.size_m[2] / 2, 0]), about_z)
        offset[2] = item.asset.size_m[1] / 2
    place = np.array([item.x, item.y, 0.0005]) + offset
    return (
        f'<body pos="{_join(place)}" quat="{_join(turned)}">'
        f'<geom name="object{number}" type="mesh" mesh="o{number}" material="o{number}"/></body>'
    )


def _join(values: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in values)
