# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""SSDLite as in MobileDets: 2034 anchors at 320 x 320 (arXiv 2004.14525, card 64).

Pixels are x * 2 / 255 - 1, see `backbones.mobiledets`. Boxes are yxyx here, in shares of the
picture, as in the paper's box codes; `detect` returns xyxy px.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from vit_perception.models.backbones.mobiledets import initialise
from vit_perception.models.fusing import bias_of
from vit_perception.models.same_padding import SameConvNorm
from vit_perception.models.shelf import create_backbone

EXTRA = (512, 256, 256, 128)
"""Depths of the levels behind C5."""
LEVELS = 2 + len(EXTRA)
SCALES = tuple(0.2 + 0.15 * level for level in range(LEVELS))
CODE_SCALES = (10.0, 10.0, 5.0, 5.0)
"""Codes of a box are (dy, dx, dh, dw) times these."""
CLASS_BIAS = -4.6
"""Starts every score at 1 %."""
MATCH_IOU = 0.5
FOCAL_ALPHA, FOCAL_GAMMA = 0.75, 2.0


@dataclass(frozen=True)
class SSDLiteOutput:
    """Raw outputs of all anchors, levels from fine to coarse, cells row by row.

    Attributes:
        codes: [B, A, 4] of the boxes; see `decode`.
        logits: [B, A, 1 + classes]; the first is the background's.
    """

    codes: Tensor
    logits: Tensor


def level_anchors(level: int) -> tuple[tuple[float, float], ...]:
    """Returns (scale, width / height) of the anchors of each cell of a level."""
    scale = SCALES[level]
    if level == 0:
        return ((0.1, 1.0), (scale, 2.0), (scale, 0.5))
    following = SCALES[level + 1] if level + 1 < LEVELS else 1.0
    between = math.sqrt(scale * following)
    return (*((scale, ratio) for ratio in (1.0, 2.0, 0.5, 3.0, 1 / 3)), (between, 1.0))


def anchors(grids: list[tuple[int, int]], size: tuple[int, int]) -> Tensor:
    """Returns the anchors of all levels.

    Args:
        grids: (h, w) of each level's map.
        size: height and width of the picture; scales are relative to its shorter side.

    Returns:
        [A, 4] (cy, cx, h, w) in shares of the picture.
    """
    short = min(size)
    boxes = []
    for level, (rows, columns) in enumerate(grids):
        shapes = [
            (
                scale / math.sqrt(ratio) * short / size[0],
                scale * math.sqrt(ratio) * short / size[1],
            )
            for scale, ratio in level_anchors(level)
        ]
        centres = torch.cartesian_prod(
            (torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns
        )
        sides = torch.tensor(shapes)
        pairs = (len(centres), len(sides), 2)
        boxes.append(
            torch.cat([centres[:, None].expand(pairs), sides.expand(pairs)], dim=2).flatten(0, 1)
        )
    return torch.cat(boxes)


def encode(boxes: Tensor, priors: Tensor) -> Tensor:
    """Returns codes [..., 4] of boxes (cy, cx, h, w) [..., 4] against anchors [..., 4]."""
    shift = (boxes[..., :2] - priors[..., :2]) / priors[..., 2:]
    growth = (boxes[..., 2:] / priors[..., 2:]).log()
    return torch.cat([shift, growth], dim=-1) * boxes.new_tensor(CODE_SCALES)


def decode(codes: Tensor, priors: Tensor) -> Tensor:
    """Returns boxes (cy, cx, h, w) [..., 4] of codes; the inverse of `encode`."""
    unscaled = codes / codes.new_tensor(CODE_SCALES)
    centres = unscaled[..., :2] * priors[..., 2:] + priors[..., :2]
    return torch.cat([centres, unscaled[..., 2:].exp() * priors[..., 2:]], dim=-1)


def corners(boxes: Tensor) -> Tensor:
    """Converts (cy, cx, h, w) to (y1, x1, y2, x2)."""
    half = boxes[..., 2:] / 2
    return torch.cat([boxes[..., :2] - half, boxes[..., :2] + half], dim=-1)


def centred(boxes: Tensor) -> Tensor:
    """Converts (y1, x1, y2, x2) to (cy, cx, h, w)."""
    low, high = boxes[..., :2], boxes[..., 2:]
    return torch.cat([(low + high) / 2, high - low], dim=-1)


class ExtraLevel(nn.Sequential):
    """1x1 to half the depth, depthwise 3x3 of stride 2, 1x1; [B, C, H, W] to half the size."""

    def __init__(self, c_in: int, depth: int) -> None:
        half = depth // 2
        super().__init__(
            SameConvNorm(c_in, half),
            nn.ReLU6(),
            SameConvNorm(half, half, 3, 2, groups=half),
            nn.ReLU6(),
            SameConvNorm(half, depth),
            nn.ReLU6(),
        )


class Predictor(nn.Sequential):
    """Depthwise 3x3 and 1x1 with bias; [B, C, H, W] to [B, H * W * anchors, values]."""

    def __init__(self, c_in: int, count: int, values: int, bias: float = 0.0) -> None:
        last = nn.Conv2d(c_in, count * values, 1)
        nn.init.constant_(bias_of(last), bias)
        super().__init__(SameConvNorm(c_in, c_in, 3, groups=c_in), nn.ReLU6(), last)
        self.values = values

    def forward(self, x: Tensor) -> Tensor:
        for module in self:
            x = module(x)
        x = x.permute(0, 2, 3, 1)
        return x.reshape(x.shape[0], -1, self.values)


class SSDLite(nn.Module):
    """A backbone's C4 and C5, four further levels, and predictors on each.

    Args:
        backbone: name on the shelf; its last two maps have strides 16 and 32.
        size: height and width of the input in pixels.
        classes: without the background; 90 for the ids of COCO.
    """

    def __init__(
        self, backbone: str, size: tuple[int, int] = (320, 320), classes: int = 90
    ) -> None:
        super().__init__()
        self.backbone = create_backbone(backbone, size)
        widths = [*self.backbone.channels[-2:], *EXTRA]
        self.extra = nn.ModuleList(
            ExtraLevel(c_in, depth) for c_in, depth in zip(widths[1:], EXTRA, strict=False)
        )
        counts = [len(level_anchors(level)) for level in range(LEVELS)]
        levels = list(zip(widths, counts, strict=True))
        self.boxes = nn.ModuleList(Predictor(width, count, 4) for width, count in levels)
        self.classes = nn.ModuleList(
            Predictor(width, count, 1 + classes, CLASS_BIAS) for width, count in levels
        )
        for part in (self.extra, self.boxes, self.classes):
            part.apply(initialise)

    def maps(self, image: Tensor) -> list[Tensor]:
        """Returns the maps of the six levels of images [B, 3, H, W], finest first."""
        found: list[Tensor] = self.backbone(image)[-2:]
        for level in self.extra:
            found.append(level(found[-1]))
        return found

    def forward(self, image: Tensor) -> SSDLiteOutput:
        """Returns the raw outputs of images [B, 3, H, W]."""
        return self.predict(self.maps(image))

    def predict(self, maps: list[Tensor]) -> SSDLiteOutput:
        """Returns the raw outputs of the maps of the six levels."""
        return SSDLiteOutput(
            torch.cat([head(x) for head, x in zip(self.boxes, maps, strict=True)], dim=1),
            torch.cat([head(x) for head, x in zip(self.classes, maps, strict=True)], dim=1),
        )

    def detect(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Returns boxes [B, A, 4] xyxy px and scores [B, A, classes] of all anchors, before NMS.

        The paper's NMS has an IoU of 0.6 and keeps 100.
        """
        maps = self.maps(image)
        size = (int(image.shape[2]), int(image.shape[3]))
        priors = anchors([(int(x.shape[2]), int(x.shape[3])) for x in maps], size).to(image)
        output = self.predict(maps)
        yxyx = corners(decode(output.codes, priors)) * image.new_tensor(size * 2)
        return yxyx[..., [1, 0, 3, 2]], output.logits[..., 1:].sigmoid()


def pairwise_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Returns the IoU [N, M] of boxes of corners [N, 4] with others [M, 4]."""
    low = torch.maximum(boxes[:, None, :2], others[:, :2])
    high = torch.minimum(boxes[:, None, 2:], others[:, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(x[:, 2:] - x[:, :2]).prod(-1) for x in (boxes, others)]
    return shared / (areas[0][:, None] + areas[1] - shared)


def match(priors: Tensor, boxes: Tensor) -> Tensor:
    """Returns the box of each anchor.

    It is the box with the highest IoU, if that is at least 0.5; each box also has its best
    anchor.

    Args:
        priors: [A, 4] (cy, cx, h, w).
        boxes: [N, 4] (y1, x1, y2, x2) in shares of the picture.

    Returns:
        int64 [A] index of a box, or -1.
    """
    found = torch.full((len(priors),), -1, dtype=torch.int64, device=priors.device)
    if not len(boxes):
        return found
    overlap = pairwise_iou(boxes, corners(priors))
    best, index = overlap.max(dim=0)
    found = torch.where(best >= MATCH_IOU, index, found)
    found[overlap.argmax(dim=1)] = torch.arange(len(boxes), device=priors.device)
    return found


def losses(
    output: SSDLiteOutput, priors: Tensor, truth: list[tuple[Tensor, Tensor]]
) -> tuple[Tensor, Tensor]:
    """Returns focal and box loss of a batch, scalars divided by the number of matched anchors.

    Args:
        output: of the network.
        priors: its anchors [A, 4].
        truth: of each picture, boxes [N, 4] (y1, x1, y2, x2) in shares of it and labels int64 [N]
            from 0.
    """
    wanted = torch.zeros_like(output.logits)
    location = output.codes.new_zeros(())
    matches = 0
    for picture, (boxes, labels) in enumerate(truth):
        index = match(priors, boxes)
        taken = index >= 0
        matches += int(taken.sum())
        # Anchors without a box are examples of the background.
        column = torch.zeros_like(index)
        column[taken] = labels[index[taken]] + 1
        wanted[picture].scatter_(1, column[:, None], 1.0)
        codes = encode(centred(boxes[index[taken]]), priors[taken])
        location = location + functional.smooth_l1_loss(
            output.codes[picture, taken], codes, reduction="sum"
        )
    entropy = functional.binary_cross_entropy_with_logits(output.logits, wanted, reduction="none")
    miss = (wanted - output.logits.sigmoid()).abs() ** FOCAL_GAMMA
    alpha = torch.where(wanted > 0, FOCAL_ALPHA, 1 - FOCAL_ALPHA)
    count = max(matches, 1)
    return (alpha * miss * entropy).sum() / count, location / (4 * count)
