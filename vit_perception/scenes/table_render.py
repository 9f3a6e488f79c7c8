# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""MuJoCo pictures of a TableScene."""

from __future__ import annotations

from dataclasses import replace

import cv2
import mujoco
import numpy as np

from vit_perception.scenes.cameras import Pinhole
from vit_perception.scenes.catalogue import Asset
from vit_perception.scenes.colours import SHINY
from vit_perception.scenes.furniture import Prop
from vit_perception.scenes.lamps import MOST_LAMPS, Lighting
from vit_perception.scenes.offscreen import Offscreen
from vit_perception.scenes.roles import Role
from vit_perception.scenes.tabletop import ROOM, TABLE_HEIGHT, Item, TableScene, TableView

SHADOW_PX = 1024
OVERSAMPLE = 1.25
"""Colour is rendered this much larger and averaged down: cheaper here than multisampling."""
CUTOFF = 75.0
"""Of the lamps, degrees."""
LEAST_WIDEN, MOST_WIDEN = 1.6, 4.0
MAX_DEPTH_M = 10.0


class TableRenderer:
    """Renders one TableScene from any camera; a context manager.

    Raises ValueError when MuJoCo refuses a mesh.
    """

    def __init__(self, scene: TableScene, width: int, height: int) -> None:
        self.scene = scene
        self._size = width, height
        props = scene.arrangement.props
        pictures = _Pictures()
        for picture in (scene.table, scene.floor, *scene.walls):
            pictures.add(picture)
        for picture in [item.look.texture for item in scene.objects] + [p.texture for p in props]:
            pictures.add(picture)
        meshes = {f"{n}.obj": _mesh(item.asset) for n, item in enumerate(scene.objects)}
        meshes.update({f"p{n}.obj": prop.mesh for n, prop in enumerate(props)})
        xml = _xml(scene, pictures, round(width * OVERSAMPLE), round(height * OVERSAMPLE))
        model = mujoco.MjModel.from_xml_string(xml, assets=meshes)
        for number, picture in enumerate(pictures.all):
            start = model.tex_adr[number]
            model.tex_data[start : start + picture.size] = picture.reshape(-1)
        self._geoms = [_geom(model, f"object{n}") for n in range(len(scene.objects))]
        # The last one is for pixels that no geom owns.
        self._roles = np.full(model.ngeom + 1, Role.BACKGROUND, np.uint8)
        self._roles[:_TABLE_GEOMS] = Role.SUPPORT
        self._roles[self._geoms] = Role.THING
        for n, prop in enumerate(props):
            self._roles[_geom(model, f"prop{n}")] = prop.role
        self._specular = model.mat_specular.copy()
        self._offscreen = Offscreen(model, width, height, OVERSAMPLE)

    def __enter__(self) -> TableRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self._offscreen.__exit__()

    def light(self, light: Lighting, target: tuple[float, float, float], radius: float) -> None:
        """Lights the scene anew: lamps point at `target`, shadows reach `radius` around it."""
        model = self._offscreen.model
        for number in range(MOST_LAMPS):
            model.light_active[number] = number < len(light.lamps)
            if number >= len(light.lamps):
                continue
            lamp = light.lamps[number]
            glow = lamp.brightness * np.array(lamp.colour)
            toward = np.subtract(target, lamp.place)
            distance = float(np.linalg.norm(toward))
            model.light_pos[number] = lamp.place
            model.light_dir[number] = toward / distance
            model.light_diffuse[number] = glow
            model.light_specular[number] = glow * 0.6
            model.light_castshadow[number] = lamp.casts_shadow
            if lamp.casts_shadow:
                # The shadow map covers only what matters: its texels are visible.
                angle = float(np.degrees(np.arctan2(radius, distance)))
                self._offscreen.shadow_scale = min(angle / CUTOFF, 0.6)
        model.vis.headlight.ambient = light.ambient
        model.mat_specular[:] = np.minimum(self._specular * light.gloss, 1.0)

    def look(self, camera: Pinhole) -> TableView:
        """Returns depth, owners and visible fractions from one place; `rgb` is left black."""
        offscreen = self._offscreen
        model = offscreen.model
        pose = camera.pose()
        # MuJoCo cameras look along -z with y up.
        axes = pose[:3, :3] * np.array([1.0, -1.0, -1.0])
        mujoco.mju_mat2Quat(model.cam_quat[0], np.ascontiguousarray(axes).reshape(-1))
        model.cam_pos[0] = camera.place
        model.cam_fovy[0] = camera.fov
        offscreen.update()
        geoms, depth = offscreen.identities()
        numbers = np.full(model.ngeom + 1, -1, np.int16)
        numbers[self._geoms] = np.arange(len(self._geoms))
        owner = numbers[geoms]
        black = np.zeros((*owner.shape, 3), np.uint8)
        fractions = self._fractions(owner, geoms, pose, camera.fov)
        return TableView(black, depth, owner, fractions, self._roles[geoms])

    def render(self, camera: Pinhole, seen: TableView | None = None) -> TableView:
        """Returns colour, depth, owners and visible fractions from one place.

        `seen` is the result of the last `look`, if it was from this camera.
        """
        if seen is None:
            seen = self.look(camera)
        self._offscreen.update()
        return replace(seen, rgb=self._offscreen.colour())

    def _fractions(
        self, owner: np.ndarray, geoms: np.ndarray, pose: np.ndarray, fov: float
    ) -> tuple[float, ...]:
        """Returns objects' visible pixels over those they would have alone in a wider picture."""
        seen = np.bincount(owner.reshape(-1) + 1, minlength=len(self._geoms) + 1)[1:]
        # Everything but table and room can hide objects, named or not.
        solid = geoms >= _ROOM_GEOMS
        alone: dict[int, float] = {}
        for number in np.flatnonzero(seen):
            if _may_be_hidden(owner, solid, int(number)):
                geom = self._geoms[number]
                widen = self._widen(self.scene.objects[number], pose, fov)
                alone.update(self._offscreen.unhidden_pixels([geom], widen))
        return tuple(
            float(min(pixels / max(alone.get(geom, pixels), 1.0), 1.0))
            for geom, pixels in zip(self._geoms, seen, strict=True)
        )

    def _widen(self, item: Item, pose: np.ndarray, fov: float) -> float:
        """Returns how much wider the picture has to be to contain the whole object."""
        local = (item.corners() - pose[:3, 3]) @ pose[:3, :3]
        width, height = self._size
        half = np.tan(np.radians(fov) / 2) * np.array([width / height, 1.0])
        depth = np.maximum(local[:, 2], 0.02)
        reach = float((np.abs(local[:, :2]) / depth[:, None] / half).max())
        return float(np.clip(reach * 1.02, LEAST_WIDEN, MOST_WIDEN))


class _Pictures:
    """Textures without repeats: several props share one."""

    def __init__(self) -> None:
        self.all: list[np.ndarray] = []
        self._numbers: dict[int, int] = {}

    def add(self, picture: np.ndarray) -> int:
        """Adds a picture, if it is new, and returns its number."""
        if id(picture) not in self._numbers:
            self._numbers[id(picture)] = len(self.all)
            self.all.append(picture)
        return self._numbers[id(picture)]


def millimetres(depth: np.ndarray) -> np.ndarray:
    """Converts depth float32 metres to uint16 millimetres; 0 if nothing was measured."""
    return np.where(depth < MAX_DEPTH_M, np.round(depth * 1000), 0).astype(np.uint16)


_TABLE_GEOMS, _ROOM_GEOMS = 2, 7
"""Table top, table board, floor and four walls come first."""


def _geom(model: mujoco.MjModel, name: str) -> int:
    return int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM.value, name))


def _may_be_hidden(owner: np.ndarray, solid: np.ndarray, number: int) -> bool:
    """Returns whether the object meets another one or the edge, so it may be partly unseen."""
    mine = (owner == number).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(mine)
    rows, columns = owner.shape
    if x == 0 or y == 0 or x + width == columns or y + height == rows:
        return True
    window = (slice(y - 1, y + height + 1), slice(x - 1, x + width + 1))
    ring = cv2.dilate(mine[window], np.ones((3, 3), np.uint8)) > mine[window]
    return bool(solid[window][ring].any())


def _mesh(asset: Asset) -> bytes:
    if asset.mesh is None:
        raise ValueError(f"{asset.id}: expected an asset with a mesh, found a cut-out")
    return asset.mesh.read_bytes()


def _xml(scene: TableScene, pictures: _Pictures, width: int, height: int) -> str:
    textures = "".join(
        f'<texture name="t{n}" type="2d" builtin="flat" width="{picture.shape[1]}" '
        f'height="{picture.shape[0]}"/>'
        for n, picture in enumerate(pictures.all)
    )
    x, y = scene.half_size
    repeat = f"{2 * x / scene.tile_m:.4f} {2 * y / scene.tile_m:.4f}"
    walls = [pictures.add(wall) for wall in scene.walls]
    materials = (
        f'<material name="m0" texture="t0" texrepeat="{repeat}" specular="0.15" shininess="0.4"/>'
        f'<material name="m1" texture="t{pictures.add(scene.floor)}" texrepeat="6 6" '
        'specular="0"/>'
        + "".join(
            f'<material name="m{n}" texture="t{wall}" specular="0" emission="0.35"/>'
            for n, wall in enumerate(walls, start=2)
        )
    )
    props = scene.arrangement.props
    looks = [
        _look_xml(f"o{n}", f"{n}.obj", pictures.add(item.look.texture), _shine(item.asset))
        for n, item in enumerate(scene.objects)
    ] + [
        _look_xml(f"p{n}", f"p{n}.obj", pictures.add(prop.texture), prop.shine)
        for n, prop in enumerate(props)
    ]
    bodies = [_body_xml(f"object{n}", f"o{n}", item) for n, item in enumerate(scene.objects)] + [
        _body_xml(f"prop{n}", f"p{n}", prop) for n, prop in enumerate(props)
    ]
    lamp = f'<light pos="0 0 1" dir="0 0 -1" cutoff="{CUTOFF}" exponent="2" castshadow="true"/>'
    wall = f'type="plane" size="{ROOM} {ROOM} 1"'
    middle = ROOM - TABLE_HEIGHT
    return f"""
<mujoco>
  <visual>
    <global offwidth="{width}" offheight="{height}"/>
    <quality offsamples="0" shadowsize="{SHADOW_PX}"/>
    <map znear="0.02" zfar="10" shadowscale="0.5"/>
    <headlight diffuse="0.08 0.08 0.08" specular="0 0 0"/>
  </visual>
  <statistic extent="1" center="0 0 0"/>
  <default><geom contype="0" conaffinity="0"/></default>
  <asset>{textures}{materials}{"".join(looks)}</asset>
  <worldbody>
    {lamp * MOST_LAMPS}
    <camera name="camera" pos="0 -1 1"/>
    <geom type="plane" size="{x} {y} 1" material="m0"/>
    <geom type="box" size="{x} {y} 0.015" pos="0 0 -0.0155" rgba="0.45 0.38 0.3 1"/>
    <geom type="plane" size="{ROOM} {ROOM} 1" pos="0 0 {-TABLE_HEIGHT}" material="m1"/>
    <geom {wall} pos="0 {ROOM} {middle}" xyaxes="1 0 0 0 0 1" material="m2"/>
    <geom {wall} pos="0 {-ROOM} {middle}" xyaxes="-1 0 0 0 0 1" material="m3"/>
    <geom {wall} pos="{ROOM} 0 {middle}" xyaxes="0 -1 0 0 0 1" material="m4"/>
    <geom {wall} pos="{-ROOM} 0 {middle}" xyaxes="0 1 0 0 0 1" material="m5"/>
    {"".join(bodies)}
  </worldbody>
</mujoco>
"""


def _shine(asset: Asset) -> float:
    return 0.45 if asset.material in SHINY else 0.08


def _look_xml(name: str, mesh: str, texture: int, shine: float) -> str:
    return (
        f'<material name="{name}" texture="t{texture}" specular="{shine}" shininess="0.6"/>'
        f'<mesh name="{name}" file="{mesh}" inertia="shell"/>'
    )


def _body_xml(name: str, look: str, placed: Item | Prop) -> str:
    return (
        f'<body pos="{_join(placed.position)}" quat="{_join(placed.quaternion)}">'
        f'<geom name="{name}" type="mesh" mesh="{look}" material="{look}"/></body>'
    )


def _join(values: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in values)
