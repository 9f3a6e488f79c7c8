# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""DOSOD against the official implementation's vectors and the published counts (card 01)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from vit_perception.models import boxes as box_math  # noqa: E402
from vit_perception.models.detectors.dosod import (  # noqa: E402
    DOSOD,
    dosod_l,
    dosod_m,
    dosod_nano,
    dosod_s,
    load_released,
    released_key,
    reparameterize,
)
from vit_perception.models.heads.dosod_head import STRIDES  # noqa: E402
from vit_perception.perceiver.nms import suppressed  # noqa: E402

pytestmark = pytest.mark.torch

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("VIT_PERCEPTION_SHARED", ROOT.parent / "shared")) / "dosod"
C_NAMES = ("backbone_c3", "backbone_c4", "backbone_c5")
P_NAMES = ("neck_p3", "neck_p4", "neck_p5")
TINY = {
    "tiny_s": {"width": 0.125, "depth": 0.33, "last": 1024, "embedding": 128, "class_width": 32},
    "tiny_l": {"width": 0.125, "depth": 1.0, "last": 512, "embedding": 96, "class_width": 32},
}
needs_vectors = pytest.mark.skipif(not SHARED.is_dir(), reason="official vectors not present")


def load_tiny(name: str, dtype: torch.dtype) -> tuple[DOSOD, dict[str, np.ndarray]]:
    model = DOSOD(**TINY[name]).eval()
    with np.load(SHARED / f"{name}_state.npz", allow_pickle=False) as arrays:
        load_released(model, {key: torch.from_numpy(arrays[key]) for key in arrays.files})
    with np.load(SHARED / f"{name}_vectors.npz", allow_pickle=False) as arrays:
        vectors = {key: arrays[key] for key in arrays.files}
    return model.to(dtype), vectors


def stages(model: DOSOD, vectors: dict[str, np.ndarray], dtype: torch.dtype) -> dict[str, object]:
    """Every quantity of the vectors that the network itself computes."""
    image = torch.from_numpy(vectors["input"]).to(dtype)
    text = torch.from_numpy(vectors["text_embed"]).to(dtype)
    found: dict[str, object] = {}
    with torch.no_grad():
        x = image
        for name in ("stem", "stage1", "stage2", "stage3", "stage4"):
            x = getattr(model.backbone, name)(x)
            found[f"backbone_{name}"] = x
        found |= dict(zip(C_NAMES, model.backbone(image), strict=True))
        neck = model.features(image)
        found |= dict(zip(P_NAMES, neck, strict=True))
        embedded = model.embed(text)
        found["text_adapted"] = embedded
        output = model.head(neck, embedded)
        for level in range(3):
            bins = output.distances[level]
            found[f"cls_embed_{level}"] = model.head.class_maps(level, neck[level])
            found[f"cls_logits_{level}"] = output.logits[level]
            found[f"reg_dist_logits_{level}"] = bins
            distances = box_math.expected_distances(bins.permute(0, 2, 3, 1))
            found[f"bbox_dist_{level}"] = distances.permute(0, 3, 1, 2)
        found["decoded_boxes"], found["scores"] = model.detect(image, embedded)
    return found


@needs_vectors
@pytest.mark.parametrize("name", TINY)
def test_float64_equals_the_official_implementation(name: str) -> None:
    model, vectors = load_tiny(name, torch.float64)
    found = stages(model, vectors, torch.float64)
    checked = [key for key in vectors if key.startswith("f64_")]
    assert len(checked) == 11
    for key in checked:
        np.testing.assert_allclose(found[key[4:]], vectors[key], rtol=0, atol=1e-9, err_msg=key)


TOLERANCES = {"bbox_dist": 2e-3, "decoded_boxes": 0.05, "scores": 1e-4, "text_adapted": 1e-5}


@needs_vectors
@pytest.mark.parametrize("name", TINY)
def test_float32_stages_equal_the_official_ones(name: str) -> None:
    model, vectors = load_tiny(name, torch.float32)
    found = stages(model, vectors, torch.float32)
    assert len(set(found) & set(vectors)) >= 18
    for key in set(found) & set(vectors):
        tolerance = next((v for k, v in TOLERANCES.items() if key.startswith(k)), 1e-3)
        np.testing.assert_allclose(found[key], vectors[key], rtol=0, atol=tolerance, err_msg=key)


@needs_vectors
@pytest.mark.parametrize("name", TINY)
def test_priors_and_reparameterization_equal_the_official_ones(name: str) -> None:
    model, vectors = load_tiny(name, torch.float32)
    height, width = vectors["input"].shape[2:]
    centres, strides = box_math.priors([(height // s, width // s) for s in STRIDES], STRIDES)
    np.testing.assert_array_equal(centres, vectors["priors_xy"])
    np.testing.assert_array_equal(strides, vectors["prior_strides"])
    image = torch.from_numpy(vectors["input"])
    with torch.no_grad():
        embedded = model.embed(torch.from_numpy(vectors["text_embed"]))[0]
        live = model(image, embedded)
        fixed = reparameterize(model, embedded)
        output = fixed(image)
    for level in range(3):
        conv = fixed.head.cls_contrasts[level].conv
        np.testing.assert_allclose(
            conv.weight.detach(), vectors[f"rep_conv_weight_{level}"], rtol=0, atol=1e-6
        )
        np.testing.assert_array_equal(conv.bias.detach(), vectors[f"rep_conv_bias_{level}"])
        np.testing.assert_allclose(
            output.logits[level], vectors[f"rep_cls_logits_{level}"], rtol=0, atol=1e-3
        )
        np.testing.assert_allclose(output.logits[level], live.logits[level], rtol=0, atol=1e-4)


def counts(model: torch.nn.Module) -> tuple[int, int, int]:
    state = model.state_dict()
    return (
        sum(p.numel() for p in model.parameters()),
        sum(v.numel() for v in state.values()),
        len(state),
    )


SIZES = {"s": dosod_s, "m": dosod_m, "l": dosod_l}


def folded_for(model: DOSOD, classes: int) -> DOSOD:
    with torch.no_grad():
        return reparameterize(model, model.embed(torch.randn(classes, model.text_dimension)))


# Elements and entries of the training form without text tower; parameters, elements and entries
# reparameterized for 80 names (card 01).
@pytest.mark.parametrize(
    ("size", "training", "fixed"),
    [
        ("s", (12_141_791, 366), (11_456_848, 11_476_937, 360)),
        ("m", (26_973_923, 486), (26_275_872, 26_309_069, 480)),
        ("l", (44_859_111, 606), (44_147_696, 44_194_257, 600)),
    ],
)
def test_each_size_has_the_published_counts(
    size: str, training: tuple[int, int], fixed: tuple[int, int, int]
) -> None:
    model = SIZES[size]()
    assert counts(model)[1:] == training
    assert counts(folded_for(model, 80)) == fixed


@pytest.mark.parametrize(("size", "millions"), [("s", 13.19), ("m", 28.00), ("l", 45.88)])
def test_with_the_1203_names_of_lvis_as_published(size: str, millions: float) -> None:
    assert round(counts(folded_for(SIZES[size](), 1203))[0] / 1e6, 2) == millions


@needs_vectors
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", ["keys", "keys_rep80"])
def test_each_size_has_the_released_keys_and_shapes(size: str, form: str) -> None:
    model = SIZES[size]()
    if form == "keys_rep80":
        folded_for(model, 80)
    rows = [line.split("\t") for line in (SHARED / f"{form}_{size}.txt").read_text().splitlines()]
    expected = {row[0]: row[1] for row in rows if not row[0].startswith("backbone_text.")}
    assert expected == {
        released_key(key): str(tuple(value.shape)) for key, value in model.state_dict().items()
    }


@pytest.mark.parametrize("layers", [0, 1, 3, 5])
def test_the_text_adaptor_has_so_many_linear_layers(layers: int) -> None:
    torch.manual_seed(0)
    adaptor = dosod_s(adaptor_layers=layers).head.text_mlp
    # 787,968 for mlp3x (card 01).
    assert counts(adaptor)[0] == layers * 262_656
    text = torch.nn.functional.normalize(torch.randn(6, 512), dim=1)
    expected = text
    weights = [p.detach() for p in adaptor.parameters()]
    for index in range(layers):
        weight, bias = weights[2 * index : 2 * index + 2]
        expected = expected @ weight.T + bias
        if index < layers - 1:
            expected = expected.clamp(min=0)
    np.testing.assert_allclose(adaptor(text).detach(), expected, rtol=0, atol=1e-6)


def test_mlp0x_compares_with_the_raw_vectors() -> None:
    model = dosod_s(adaptor_layers=0).eval()
    text = torch.nn.functional.normalize(torch.randn(5, 512), dim=1)
    assert model.embed(text) is text
    with pytest.raises(ValueError, match="must equal the embedding dimension"):
        dosod_s(adaptor_layers=0, text_dimension=384)


def test_nano_fits_its_budget_folded_with_80_names() -> None:
    model = dosod_nano()
    with torch.no_grad():
        reparameterize(model, model.embed(torch.randn(80, 384)))
    folded = counts(model)[0]
    for level in range(3):
        projection = model.head.cls_preds[level][2]
        contrast = model.head.cls_contrasts[level].conv
        folded -= projection.weight.numel() + projection.bias.numel() + contrast.weight.numel()
        folded += contrast.out_channels * projection.in_channels
    assert folded <= 3_100_000


def test_a_wrong_key_is_named() -> None:
    model = dosod_nano()
    state = {released_key(k): v for k, v in model.state_dict().items()}
    state["bbox_head.head_module.cls_preds.0.2.wieght"] = state.pop(
        "bbox_head.head_module.cls_preds.0.2.weight"
    )
    expected = r"1 missing \(.*\.0\.2\.weight\) and 1 unexpected \(.*wieght\)"
    with pytest.raises(ValueError, match=expected):
        load_released(model, state)


def test_another_shape_is_named() -> None:
    model = dosod_nano()
    state = {released_key(k): v for k, v in model.state_dict().items()}
    state["backbone.stem.bn.bias"] = torch.zeros(17)
    expected = r"^backbone\.stem\.bn\.bias: expected \[16\], found \[17\]"
    with pytest.raises(ValueError, match=expected):
        load_released(model, state)


@needs_vectors
@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize(
    ("suffix", "threshold", "single"),
    [("", 0.001, False), ("_t30", 0.3, False), ("_single", 0.05, True)],
)
def test_suppression_equals_the_official_one(
    name: str, suffix: str, threshold: float, single: bool
) -> None:
    with np.load(SHARED / f"{name}_vectors.npz", allow_pickle=False) as arrays:
        vectors = {key: arrays[key] for key in arrays.files}
    boxes, scores = vectors["decoded_boxes"][0], vectors["scores"][0]
    wanted = scores > threshold
    if single:
        wanted &= scores == scores.max(axis=1, keepdims=True)
    anchors, labels = np.nonzero(wanted)
    # The official boxes are clipped last, ours must not be negative: shifted, they are the same.
    shifted = boxes[anchors] - boxes.min()
    rows = suppressed(shifted, scores[anchors, labels], labels, 0.7)[:300]
    height, width = vectors["input"].shape[2:]
    clipped = np.clip(boxes[anchors][rows], 0, [width, height, width, height])
    np.testing.assert_array_equal(clipped, vectors[f"final_boxes{suffix}"])
    np.testing.assert_array_equal(scores[anchors, labels][rows], vectors[f"final_scores{suffix}"])
    np.testing.assert_array_equal(labels[rows], vectors[f"final_labels{suffix}"])
