# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Things in space as messages: vision_msgs/Detection3DArray."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vit_perception.bags.messages import DETECTIONS_3D, Message, make, make_header
from vit_perception.detections import Detections
from vit_perception.space.objects import Objects
from vit_perception.space.rigid import Rigid, TransformError


class Detections3DError(ValueError):
    """A message does not describe boxes in space; one line."""


@dataclass(frozen=True, slots=True, eq=False)
class NamedObjects:
    """What a Detection3DArray says.

    Attributes:
        objects: N boxes; their rows are the places in the message. Without surfaces.
        names, scores: of each one's best hypothesis; scores float32 [N].
        ids: of each one; "" where it has none.
    """

    objects: Objects
    names: tuple[str, ...]
    scores: NDArray[np.float32]
    ids: tuple[str, ...]

    def moved(self, transform: Rigid) -> NamedObjects:
        """Returns the same in the target frame of a transform."""
        return replace(self, objects=self.objects.moved(transform))


def objects_to_message(
    objects: Objects, detections: Detections, stamp: int, frame_id: str
) -> Message:
    """Returns a vision_msgs/Detection3DArray of the things that have a place.

    Args:
        objects: in the frame `frame_id`.
        detections: what `objects.rows` counts; names, scores and, if they have any, ids.
        stamp: in nanoseconds.
        frame_id: of the boxes.
    """
    header = make_header(stamp, frame_id)
    ids = detections.id_texts()
    entries = []
    for index, row in enumerate(objects.rows.tolist()):
        pose = _pose(objects.pose(index))
        hypothesis = make(
            "vision_msgs/msg/ObjectHypothesis",
            class_id=detections.class_name(row),
            score=float(detections.scores[row]),
        )
        uncertain = make(
            "geometry_msgs/msg/PoseWithCovariance",
            pose=pose,
            covariance=np.asarray(objects.covariances[index], np.float64).reshape(-1),
        )
        x, y, z = objects.sizes[index].tolist()
        entries.append(
            make(
                "vision_msgs/msg/Detection3D",
                header=header,
                results=[
                    make(
                        "vision_msgs/msg/ObjectHypothesisWithPose",
                        hypothesis=hypothesis,
                        pose=uncertain,
                    )
                ],
                bbox=make(
                    "vision_msgs/msg/BoundingBox3D",
                    center=pose,
                    size=make("geometry_msgs/msg/Vector3", x=x, y=y, z=z),
                ),
                id=ids[row],
            )
        )
    return make(DETECTIONS_3D, header=header, detections=entries)


def objects_from_message(message: Message) -> NamedObjects:
    """Returns the boxes of a Detection3DArray; detections without hypotheses are left out.

    Raises:
        Detections3DError: a pose or size is none.
    """
    rows = [row for row, entry in enumerate(message.detections) if len(entry.results)]
    kept = [message.detections[row] for row in rows]
    best = [max(entry.results, key=lambda r: float(r.hypothesis.score)) for entry in kept]
    poses = [_rigid(entry.bbox.center, row) for entry, row in zip(kept, rows, strict=True)]
    sizes = [_size(entry.bbox.size, row) for entry, row in zip(kept, rows, strict=True)]
    count = len(rows)
    objects = Objects(
        rows=np.array(rows, np.int64),
        centres=np.array([pose.translation for pose in poses]).reshape(count, 3),
        sizes=np.array(sizes, np.float64).reshape(count, 3),
        rotations=np.array([pose.rotation for pose in poses]).reshape(count, 3, 3),
        covariances=np.array(
            [np.reshape(result.pose.covariance, (6, 6)) for result in best], np.float64
        ).reshape(count, 6, 6),
        points=np.zeros(count, np.int64),
        visible=np.ones(count),
        surfaces=tuple(np.zeros((0, 3), np.float32) for _ in rows),
        pixels=tuple(np.zeros((0, 2), np.int32) for _ in rows),
    )
    return NamedObjects(
        objects=objects,
        names=tuple(str(result.hypothesis.class_id) for result in best),
        scores=np.array([result.hypothesis.score for result in best], np.float32),
        ids=tuple(str(entry.id) for entry in kept),
    )


def _pose(pose: Rigid) -> Message:
    x, y, z = pose.translation.tolist()
    qx, qy, qz, qw = pose.quaternion.tolist()
    return make(
        "geometry_msgs/msg/Pose",
        position=make("geometry_msgs/msg/Point", x=x, y=y, z=z),
        orientation=make("geometry_msgs/msg/Quaternion", x=qx, y=qy, z=qz, w=qw),
    )


def _rigid(pose: Message, row: int) -> Rigid:
    try:
        return Rigid.of_message(pose.position, pose.orientation)
    except TransformError as error:
        raise Detections3DError(f"detection {row}: {error}") from None


def _size(size: Message, row: int) -> tuple[float, float, float]:
    sides = float(size.x), float(size.y), float(size.z)
    if not all(0 <= side < np.inf for side in sides):
        found = ", ".join(f"{side:g}" for side in sides)
        raise Detections3DError(f"detection {row}: expected sides of 0 m or more, found {found}")
    return sides
