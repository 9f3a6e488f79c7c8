# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The transformers library's RT-DETR in small, and its weights by our names."""

from __future__ import annotations

import re

import torch
from torch import Tensor

import vit_perception.models  # noqa: F401  # mends torchvision for transformers

# isort: split
from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig

from test.models.backbones.randomised import randomise
from vit_perception.models.backbones.resnet_vd import ResNetVD
from vit_perception.models.detectors.rt_detr import RTDETR

WIDTH, NECK, CLASSES, LAYERS, QUERIES = 32, 48, 5, 3, 20
MAPS = {"basic": (16, 32, 48, 64), "bottleneck": (32, 48, 64, 96)}
_STEM = 16


def peer(layer: str = "basic", expansion: float = 0.5) -> RTDetrForObjectDetection:
    """Returns theirs with random weights; its initialiser leaves norms at nearly 0."""
    torch.manual_seed(0)
    backbone = RTDetrResNetConfig(
        embedding_size=_STEM,
        hidden_sizes=list(MAPS[layer]),
        depths=[1, 2, 1, 2],
        layer_type=layer,
        out_features=["stage2", "stage3", "stage4"],
    )
    config = RTDetrConfig(
        backbone_config=backbone,
        freeze_backbone_batch_norms=False,
        encoder_in_channels=list(MAPS[layer][1:]),
        encoder_hidden_dim=NECK,
        encoder_ffn_dim=64,
        hidden_expansion=expansion,
        d_model=WIDTH,
        decoder_in_channels=[NECK] * 3,
        decoder_layers=LAYERS,
        num_queries=QUERIES,
        num_labels=CLASSES,
        num_denoising=24,
    )
    model: RTDetrForObjectDetection = randomise(RTDetrForObjectDetection(config))
    # Theirs begin so small that all queries are nearly alike.
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    return model


def ours(layer: str = "basic", expansion: float = 0.5) -> RTDETR:
    """Returns our network of the same shape."""
    backbone = ResNetVD((1, 2, 1, 2), MAPS[layer], bottleneck=layer == "bottleneck", stem=_STEM)
    return RTDETR(
        backbone,
        neck_width=NECK,
        neck_hidden=64,
        expansion=expansion,
        layers=LAYERS,
        classes=CLASSES,
        width=WIDTH,
        queries=QUERIES,
    )


_ATTENTION = [
    (r"self_attn\.v_proj", "attention.value"),
    (r"self_attn\.o_proj", "attention.proj"),
    (r"self_attn_layer_norm", "norm1"),
]
_CONV = [(r"\.(convolution|conv)\.", ".conv."), (r"\.normalization\.", ".norm.")]
_RENAMED = [
    (r"^model\.", ""),
    (r"^backbone\.model\.embedder\.embedder\.(\d)", lambda m: f"backbone.stem.{2 * int(m[1])}"),
    (r"^backbone\.model\.encoder\.stages\.(\d)\.layers\.(\d+)", r"backbone.stages.\1.\2"),
    (r"\.layer\.(\d)\.", lambda m: f".layers.{2 * int(m[1])}."),
    (r"\.shortcut\.(convolution|normalization)", r".shortcut.0.\1"),
    *_CONV,
    (r"^encoder_input_proj\.(\d)\.0\.", r"neck.projections.\1.conv."),
    (r"^encoder_input_proj\.(\d)\.1\.", r"neck.projections.\1.norm."),
    (r"^encoder\.aifi\.0\.layers\.0\.", "neck.attention."),
    (r"^encoder\.lateral_convs\.(\d)\.", r"neck.laterals.\1.0."),
    (r"^encoder\.downsample_convs\.(\d)\.", r"neck.shrinks.\1.0."),
    (r"^encoder\.fpn_blocks\.", "neck.top_down."),
    (r"^encoder\.pan_blocks\.", "neck.bottom_up."),
    (r"\.bottlenecks\.(\d)\.conv1", lambda m: f".deep.{1 + int(m[1])}.wide"),
    (r"\.bottlenecks\.(\d)\.conv2", lambda m: f".deep.{1 + int(m[1])}.narrow"),
    (r"^(neck\.(?:top_down|bottom_up)\.\d)\.conv1\.", r"\1.deep.0.0."),
    (r"^(neck\.(?:top_down|bottom_up)\.\d)\.conv2\.", r"\1.flat.0."),
    (r"^(neck\.(?:top_down|bottom_up)\.\d)\.conv3\.", r"\1.last.0."),
    (r"^decoder_input_proj\.(\d)\.0\.", r"head.projections.\1.conv."),
    (r"^decoder_input_proj\.(\d)\.1\.", r"head.projections.\1.norm."),
    (r"^enc_output\.", "head.selection."),
    (r"^enc_score_head\.", "head.classes.selection."),
    (r"^enc_bbox_head\.layers\.(\d)", lambda m: f"head.selection_boxes.{2 * int(m[1])}"),
    (r"^denoising_class_embed", "head.classes.labels"),
    (r"^decoder\.query_pos_head\.layers\.(\d)", lambda m: f"head.places.{2 * int(m[1])}"),
    (r"^decoder\.class_embed\.", "head.classes.layers."),
    (
        r"^decoder\.bbox_embed\.(\d)\.layers\.(\d)",
        lambda m: f"head.boxes.{m[1]}.{2 * int(m[2])}",
    ),
    (r"^decoder\.layers\.", "head.layers."),
    (r"encoder_attn_layer_norm", "norm2"),
    (r"encoder_attn\.", "cross."),
    *_ATTENTION,
    (r"\.mlp\.fc1", ".perceptron.0"),
    (r"\.mlp\.fc2", ".perceptron.2"),
    (r"^(neck.*)\.final_layer_norm", r"\1.norm2"),
    (r"\.final_layer_norm", ".norm3"),
]


def our_state(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns their entries by our names; those of queries and keys are one in ours."""
    found: dict[str, Tensor] = {}
    for theirs_name, value in theirs.items():
        name = theirs_name
        for pattern, replacement in _RENAMED:
            name = re.sub(pattern, replacement, name)
        if "q_proj" in name:
            key = theirs[theirs_name.replace("q_proj", "k_proj")]
            found[name.replace("self_attn.q_proj", "attention.query_key")] = torch.cat(
                [value, key]
            )
        elif "k_proj" not in name:
            found[name] = value
    return found


def pair(layer: str = "basic", expansion: float = 0.5) -> tuple[RTDetrForObjectDetection, RTDETR]:
    """Returns theirs and ours with the same weights, in eval mode."""
    other, model = peer(layer, expansion), ours(layer, expansion)
    state = our_state(other.state_dict())
    model.load_state_dict(state)
    return other, model.eval()
