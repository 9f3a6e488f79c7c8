# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A MuJoCo camera without a window: colour, depth and which geom owns each pixel."""

from __future__ import annotations

import atexit

import cv2
import mujoco
import numpy as np

_SEGMENT = mujoco.mjtRndFlag.mjRND_SEGMENT.value
_IDCOLOR = mujoco.mjtRndFlag.mjRND_IDCOLOR.value
_SHADOW = mujoco.mjtRndFlag.mjRND_SHADOW.value


_gl: dict[tuple[int, int], mujoco.GLContext] = {}
"""One OpenGL context per picture size: making one costs more than a scene's textures."""
_last: list[Offscreen] = []
"""The last one that rendered: contexts are shared, so its buffers are the current ones."""


def _context_of(size: tuple[int, int]) -> mujoco.GLContext:
    if size not in _gl:
        _gl[size] = mujoco.GLContext(*size)
    _gl[size].make_current()
    return _gl[size]


@atexit.register
def _free_all() -> None:
    # They cannot be freed any more at the end of the interpreter.
    while _gl:
        _gl.popitem()[1].free()


class Offscreen:
    """Renders the fixed camera 0 of a model; a context manager, as it holds an OpenGL context.

    Colour is rendered `oversample` times as large and averaged down, which costs less in software
    than multisampling. The model's offscreen buffer has to be large enough for it.
    """

    def __init__(
        self, model: mujoco.MjModel, width: int, height: int, oversample: float = 1.0
    ) -> None:
        self.model = model
        self.data = mujoco.MjData(model)
        large = round(width * oversample), round(height * oversample)
        self._gl = _context_of(large)
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50.value)
        _last.clear()
        self._context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR
        self._scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 8)
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED.value
        self._camera.fixedcamid = 0
        self._options = mujoco.MjvOption()
        self._view = mujoco.MjrRect(0, 0, width, height)
        self._large = mujoco.MjrRect(0, 0, *large)

    @property
    def shadow_scale(self) -> float:
        """Share of a lamp's cone that its shadow map covers."""
        return float(self._context.shadowScale)

    @shadow_scale.setter
    def shadow_scale(self, share: float) -> None:
        self._context.shadowScale = share

    def __enter__(self) -> Offscreen:
        return self

    def __exit__(self, *_: object) -> None:
        self._gl.make_current()
        self._context.free()
        _last.clear()

    def upload_texture(self, number: int, rgb: np.ndarray) -> None:
        """Replaces texture `number` by uint8 [H,W,3] of the same size."""
        start = self.model.tex_adr[number]
        self.model.tex_data[start : start + rgb.size] = rgb.reshape(-1)
        self._take_over()
        mujoco.mjr_uploadTexture(self.model, self._context, number)

    def update(self) -> None:
        """Applies moved bodies, cameras and lights."""
        mujoco.mj_forward(self.model, self.data)
        mujoco.mjv_updateScene(
            self.model,
            self.data,
            self._options,
            None,
            self._camera,
            mujoco.mjtCatBit.mjCAT_ALL.value,
            self._scene,
        )

    def colour(self) -> np.ndarray:
        """Returns uint8 [H,W,3] RGB."""
        pixels = np.empty((self._large.height, self._large.width, 3), np.uint8)
        self._render(pixels, None, self._large)
        if self._large.width == self._view.width:
            return pixels[::-1]
        size = self._view.width, self._view.height
        return cv2.resize(pixels[::-1], size, interpolation=cv2.INTER_AREA)

    def identities(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns geoms of pixels int32 [H,W] (-1 for none) and depth along the axis, metres."""
        pixels = np.empty((self._view.height, self._view.width, 3), np.uint8)
        depth = np.empty(pixels.shape[:2], np.float32)
        self._render_ids(pixels, depth, self._view)
        geoms = np.full(self._scene.ngeom + 2, -1, np.int32)
        for geom in self._scene.geoms[: self._scene.ngeom]:
            if geom.segid >= 0 and geom.objtype == mujoco.mjtObj.mjOBJ_GEOM.value:
                geoms[geom.segid + 1] = geom.objid
        extent = self.model.stat.extent
        near, far = self.model.vis.map.znear * extent, self.model.vis.map.zfar * extent
        metres = near * far / (near + depth.astype(np.float64) * (far - near))
        codes = pixels[..., 0].astype(np.int32) + 256 * pixels[..., 1].astype(np.int32)
        return geoms[codes][::-1], metres[::-1].astype(np.float32)

    def unhidden_pixels(self, geoms: list[int], widen: float) -> dict[int, float]:
        """Returns the pixels each geom would own alone in a picture `widen` times as wide.

        Measured in a picture a third of the size, so exact to a few per cent.
        """
        small = mujoco.MjrRect(0, 0, self._view.width // 3, self._view.height // 3)
        factor = widen**2 * self._view.width * self._view.height / (small.width * small.height)
        camera = self._scene.camera
        kept = [
            (c.frustum_bottom, c.frustum_top, c.frustum_width, c.frustum_center) for c in camera
        ]
        segids = [geom.segid for geom in self._scene.geoms[: self._scene.ngeom]]
        for side in camera:
            side.frustum_bottom *= widen
            side.frustum_top *= widen
            side.frustum_width *= widen
        counts = {}
        pixels = np.empty((small.height, small.width, 3), np.uint8)
        for wanted in geoms:
            for geom, segid in zip(self._scene.geoms, segids, strict=False):
                geom.segid = segid if geom.objid == wanted else -1
            self._render_ids(pixels, None, small)
            counts[wanted] = factor * np.count_nonzero(pixels[..., 0] | pixels[..., 1])
        for geom, segid in zip(self._scene.geoms, segids, strict=False):
            geom.segid = segid
        for side, (bottom, top, width, centre) in zip(camera, kept, strict=True):
            side.frustum_bottom, side.frustum_top = bottom, top
            side.frustum_width, side.frustum_center = width, centre
        return counts

    def _take_over(self) -> None:
        """Makes this scene's buffers the current ones if another scene has rendered since."""
        if _last != [self]:
            self._gl.make_current()
            mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._context)
            _last[:] = [self]

    def _render(self, pixels: np.ndarray, depth: np.ndarray | None, view: mujoco.MjrRect) -> None:
        self._take_over()
        mujoco.mjr_render(view, self._scene, self._context)
        mujoco.mjr_readPixels(pixels, depth, view, self._context)

    def _render_ids(
        self, pixels: np.ndarray, depth: np.ndarray | None, view: mujoco.MjrRect
    ) -> None:
        flags = self._scene.flags
        shadow = int(flags[_SHADOW])
        flags[_SEGMENT], flags[_IDCOLOR], flags[_SHADOW] = 1, 1, 0
        self._render(pixels, depth, view)
        flags[_SEGMENT], flags[_IDCOLOR], flags[_SHADOW] = 0, 0, shadow
