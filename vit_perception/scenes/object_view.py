# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Views of one object alone: MuJoCo renders it, and it is cut out."""

from __future__ import annotations

import io
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from vit_perception.scenes.asset_files import read_rgb
from vit_perception.scenes.catalogue import Asset
from vit_perception.scenes.colours import SHINY
from vit_perception.scenes.offscreen import Offscreen
from vit_perception.wording import one_line, shown_path

# isort: split
# After offscreen, which chooses the OpenGL library.
import mujoco

RENDER_PX = 400

_XML = """
<mujoco>
  <visual>
    <global offwidth="{px}" offheight="{px}"/><quality offsamples="0" shadowsize="0"/>
    <map znear="0.02" zfar="20"/><headlight active="0"/>
  </visual>
  <statistic extent="1"/>
  <asset>
    <texture name="t" type="2d" file="texture.png"/>
    <material name="m" texture="t" specular="{specular}" shininess="{shininess}"/>
    <mesh name="o" file="mesh.obj" inertia="shell"/>
  </asset>
  <worldbody>
    <light name="key" mode="fixed" type="directional" castshadow="false"/>
    <light name="fill" mode="fixed" type="directional" castshadow="false"/>
    <camera name="c" pos="0 0 1"/>
    <body name="b" mocap="true"><geom type="mesh" mesh="o" material="m"/></body>
  </worldbody>
</mujoco>
"""


@dataclass(frozen=True, slots=True)
class View:
    """Viewpoint and light: angles in degrees, light directions as unit vectors."""

    elevation: float
    azimuth: float
    fov: float
    pose: tuple[float, float, float, float]
    """Quaternion w, x, y, z of the object about its own middle."""
    key_direction: tuple[float, float, float]
    key: float
    fill: float
    ambient: float
    rgb_gain: tuple[float, float, float]


class ObjectRenderer:
    """Renders one asset; a context manager, since it holds an OpenGL context.

    Raises ValueError, one line with the file's path, if MuJoCo refuses the mesh or the texture
    cannot be read.
    """

    def __init__(self, asset: Asset, *, pixels: int = RENDER_PX) -> None:
        if asset.mesh is None:
            raise ValueError(f"{asset.id}: expected an asset with a mesh, found a cut-out")
        self.palette = read_rgb(asset.texture)
        shiny = asset.material in SHINY
        xml = _XML.format(px=pixels, specular=0.45 if shiny else 0.08, shininess=0.6)
        files = {"texture.png": _png(self.palette), "mesh.obj": asset.mesh.read_bytes()}
        try:
            self._model = mujoco.MjModel.from_xml_string(xml, assets=files)
        except ValueError as error:
            raise ValueError(
                f"{asset.mesh}: expected a mesh MuJoCo takes, found {one_line(error)}"
            ) from None
        self._mesh = asset.mesh
        self._offscreen = Offscreen(self._model, pixels, pixels)
        self._pixels = pixels
        self._size = np.array(asset.size_m)

    def __enter__(self) -> ObjectRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self._offscreen.__exit__()

    def set_texture(self, rgb: np.ndarray) -> None:
        """Replaces the texture by uint8 [H,W,3] of the same size."""
        self._offscreen.upload_texture(0, rgb)

    def render(self, view: View) -> tuple[np.ndarray, float]:
        """Returns premultiplied RGBA uint8 [h,w,4], cut tight; metres per pixel at its middle."""
        self._place(view)
        self._offscreen.update()
        colour = self._offscreen.colour().astype(np.float32)
        colour *= np.array(view.rgb_gain, dtype=np.float32)
        alpha = (self._offscreen.identities()[0] >= 0).astype(np.uint8)
        left, top, width, height = cv2.boundingRect(alpha)
        if width < 4 or height < 4:
            raise ValueError(f"{shown_path(self._mesh)}: expected faces that are seen, found none")
        window = (slice(top, top + height), slice(left, left + width))
        sprite = np.empty((height, width, 4), np.uint8)
        sprite[..., :3] = np.clip(colour[window], 0, 255)
        sprite[..., :3] *= alpha[window][..., None]
        sprite[..., 3] = alpha[window] * 255
        metres = 2 * self._distance(view.fov) * np.tan(np.radians(view.fov) / 2) / self._pixels
        return sprite, float(metres)

    def _distance(self, fov: float) -> float:
        radius = float(np.linalg.norm(self._size)) / 2
        return 1.03 * radius / float(np.sin(np.radians(fov) / 2))

    def _place(self, view: View) -> None:
        model, data = self._model, self._offscreen.data
        middle = np.array([0.0, 0.0, self._size[2] / 2])
        turned = np.empty(3)
        mujoco.mju_rotVecQuat(turned, middle, np.array(view.pose))
        data.mocap_pos[0] = -turned
        data.mocap_quat[0] = view.pose
        elevation, azimuth = np.radians(view.elevation), np.radians(view.azimuth)
        back = np.array(
            [
                np.cos(elevation) * np.cos(azimuth),
                np.cos(elevation) * np.sin(azimuth),
                np.sin(elevation),
            ]
        )
        right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
        axes = np.stack([right, np.cross(back, right), back], axis=1)
        mujoco.mju_mat2Quat(model.cam_quat[0], axes.reshape(-1))
        model.cam_pos[0] = back * self._distance(view.fov)
        model.cam_fovy[0] = view.fov
        key = np.array(view.key_direction)
        model.light_dir[0], model.light_dir[1] = -key, -back
        model.light_diffuse[0], model.light_diffuse[1] = view.key, view.fill
        model.light_ambient[0], model.light_ambient[1] = view.ambient, 0.0
        model.light_specular[0], model.light_specular[1] = view.key * 0.6, 0.0
        # Distance scales with the object, so that the depth range always holds it.
        model.vis.map.znear = 0.02 * self._distance(view.fov)
        model.vis.map.zfar = 4.0 * self._distance(view.fov)


def _png(rgb: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def sample_view(rng: np.random.Generator) -> View:
    """Draws a view of hand-held cameras and robots; most objects stand, some lie or tumble."""
    kind = rng.random()
    if kind < 0.6:
        elevation = rng.uniform(15, 60)
    elif kind < 0.8:
        elevation = rng.uniform(60, 87)
    else:
        elevation = rng.uniform(3, 15) if kind < 0.9 else rng.uniform(3, 87)
    return View(
        elevation=float(elevation),
        azimuth=float(rng.uniform(0, 360)),
        fov=float(rng.uniform(22, 55)),
        pose=_sample_pose(rng),
        key_direction=_upper_direction(rng),
        key=float(rng.uniform(0.25, 0.65)),
        fill=float(rng.uniform(0.0, 0.2)),
        ambient=float(rng.uniform(0.38, 0.62)),
        rgb_gain=_rgb_gain(rng),
    )


def _rgb_gain(rng: np.random.Generator) -> tuple[float, float, float]:
    red, green, blue = rng.uniform(0.97, 1.03, 3)
    return float(red), float(green), float(blue)


def _sample_pose(rng: np.random.Generator) -> tuple[float, float, float, float]:
    kind = rng.random()
    if kind < 0.8:
        return 1.0, 0.0, 0.0, 0.0
    if kind < 0.91:
        # Lying on a side: a quarter turn about a horizontal axis.
        half = np.pi / 4
        direction = rng.uniform(0, 2 * np.pi)
        sine = float(np.sin(half))
        return float(np.cos(half)), sine * float(np.cos(direction)), sine * np.sin(direction), 0.0
    w, x, y, z = (float(value) for value in _unit(rng.normal(size=4)))
    return w, x, y, z


def _upper_direction(rng: np.random.Generator) -> tuple[float, float, float]:
    x, y, z = _unit(np.array([*rng.normal(size=2), rng.uniform(0.4, 2.0)]))
    return float(x), float(y), float(z)


def _unit(vector: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vector / np.linalg.norm(vector)
    return unit
