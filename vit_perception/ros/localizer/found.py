# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a detector found in one image, from its messages or from a detector in this process."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from vit_perception.detections import Detections
from vit_perception.masks import Masks
from vit_perception.ros.instances import Instances


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """N things that were found in one image.

    Attributes:
        header: of the image.
        names: N names.
        scores: N numbers, 0..1.
        ids: N ids; "" for none.
        boxes: float32 [N, 4], x1 y1 x2 y2 in pixels.
        masks: of the things; None where there are none.
    """

    header: Header
    names: tuple[str, ...]
    scores: tuple[float, ...]
    ids: tuple[str, ...]
    boxes: NDArray[np.float32]
    masks: Masks | None

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of_messages(cls, detections: Detection2DArray, instances: Image | None) -> Found:
        """Reads what a detector published about one image.

        Args:
            detections: its `~/detections`.
            instances: its `~/instances` of the same stamp; None without.

        Raises:
            InstancesError: see Instances.
        """
        entries = detections.detections
        # A detection may come without a hypothesis from another program.
        best = [max(each.results, key=_score, default=None) for each in entries]
        boxes = [
            (box.center.position.x, box.center.position.y, box.size_x, box.size_y)
            for box in (each.bbox for each in entries)
        ]
        # Sums of infinite numbers are none, and such a box has no place.
        with np.errstate(over="ignore", invalid="ignore"):
            x, y, width, height = np.array(boxes, np.float64).reshape(-1, 4).T
            corners = np.stack(
                [x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1
            ).astype(np.float32)
        return cls(
            header=detections.header,
            names=tuple("" if each is None else each.hypothesis.class_id for each in best),
            scores=tuple(0.0 if each is None else _score(each) for each in best),
            ids=tuple(each.id for each in entries),
            boxes=corners,
            masks=None if instances is None else Instances.of(detections, instances).as_masks(),
        )

    @classmethod
    def of_detections(cls, header: Header, detections: Detections) -> Found:
        """Takes over what a detector in this process found.

        Args:
            header: of the image.
            detections: what was found in it.
        """
        return cls(
            header=header,
            names=tuple(detections.names[label] for label in detections.labels.tolist()),
            scores=tuple(detections.scores.astype(np.float64).tolist()),
            ids=detections.id_texts(),
            boxes=detections.boxes,
            masks=detections.masks,
        )


def _score(result: object) -> float:
    return float(result.hypothesis.score)  # type: ignore[attr-defined]
