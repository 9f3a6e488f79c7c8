# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""MODEL_CARD.md of a bundle made from a released DOSOD checkpoint."""

from __future__ import annotations

from vit_perception.export.model_card import folded_parameters
from vit_perception.models.detectors.dosod import DOSOD

LICENCE = "GPL-3.0"
"""Licence of the released weights (Hugging Face D-Robotics/DOSOD)."""
NOTICE = (
    "D-Robotics releases the weights of DOSOD under GPL-3.0 (Hugging Face, D-Robotics/DOSOD): "
    "pass this bundle on under the same terms."
)

COCO_NAMES = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"),
    *("traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat"),
    *("dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack"),
    *("umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball"),
    *("kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket"),
    *("bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple"),
    *("sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair"),
    *("couch", "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse"),
    *("remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink"),
    *("refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier"),
    "toothbrush",
)
"""The 80 object categories of COCO, in their order; ready-made if no names are given."""


def released_card(
    name: str,
    model: DOSOD,
    *,
    architecture: str,
    file: str,
    sha256: str,
    size: tuple[int, int],
    tower: bool,
) -> str:
    """Returns the card as Markdown.

    Args:
        name: of the bundle.
        model: as the checkpoint has it.
        architecture: "dosod_s" and so on.
        file, sha256: of the checkpoint.
        size: network input (height, width).
        tower: whether CLIP's text tower is in the bundle.
    """
    lines = [f"# {name}", "", f"Made from `{file}`, sha256 `{sha256}`.", "", "## Licence", ""]
    lines += [NOTICE]
    if tower:
        lines += ["The text tower in `text_encoder.onnx` is that of CLIP ViT-B/32 (openai/CLIP)."]
    lines += ["", "## Network", "", f"- {architecture}, network input {size[0]}x{size[1]} px"]
    if model.head.fixed:
        classes = model.head.fixed_contrasts[0].conv.out_channels
        parameters = sum(p.numel() for p in model.parameters())
        lines += [f"- {parameters:,} parameters with its {classes} names, which are folded in"]
    else:
        adaptor = sum(p.numel() for p in model.head.text_mlp.parameters())
        lines += [
            f"- {folded_parameters(model):,} parameters with 80 names folded in, and "
            f"{adaptor:,} in the text adaptor, which runs when the vocabulary changes"
        ]
    lines += ["", "## Measured", "", "Nothing was measured for this bundle.", ""]
    return "\n".join(lines)
