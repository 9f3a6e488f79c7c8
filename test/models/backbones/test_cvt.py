# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""CvT against transformers', and what is otherwise here."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.models.backbones.cvt import DepthwiseNorm, from_transformers  # noqa: E402
from vit_perception.models.shelf import create_backbone, create_classifier  # noqa: E402

timm = pytest.importorskip("timm")

pytestmark = pytest.mark.torch

SIZE = (64, 96)


def test_logits_equal_transformers_with_its_activation() -> None:
    from transformers import CvtConfig, CvtForImageClassification

    theirs = randomise(CvtForImageClassification(CvtConfig(num_labels=10)))
    ours = timm.create_model("cvt_13", num_classes=10, quick_gelu=False).eval()
    ours.load_state_dict(from_transformers(theirs.state_dict()))
    published = timm.create_model("cvt_13", num_classes=10).eval()
    published.load_state_dict(ours.state_dict())
    image = torch.rand(2, 3, *SIZE)
    with torch.no_grad():
        wanted = theirs(image).logits
        torch.testing.assert_close(ours(image), wanted, rtol=1e-5, atol=1e-5)
        maps = theirs(image, output_hidden_states=True).hidden_states
        for found, x in zip(
            ours.forward_intermediates(image, intermediates_only=True), maps, strict=True
        ):
            torch.testing.assert_close(found, x, rtol=1e-4, atol=1e-5)
        assert not torch.allclose(published(image), wanted, rtol=1e-3, atol=1e-3)


def test_odd_maps_have_keys_of_half_rounded_up() -> None:
    backbone = create_backbone("cvt_13", (240, 336)).eval()
    keys = backbone.body.model.stages[2].layers[0].attention.attention
    seen = []
    keys.projection_key.register_forward_hook(lambda module, inputs, output: seen.append(output))
    with torch.no_grad():
        maps = backbone(torch.rand(1, 3, 240, 336))
    assert [tuple(x.shape[2:]) for x in maps] == [(60, 84), (30, 42), (15, 21)]
    assert seen[0].shape[1] == 1 + 8 * 11


def test_a_convolution_takes_up_its_norm() -> None:
    model = randomise(create_classifier("cvt_13", SIZE, classes=10))
    attention = model.stages[1].layers[0].attention.attention
    projection = attention.convolution_projection_key.convolution_projection
    assert isinstance(projection, DepthwiseNorm)
    x = torch.rand(1, 192, 7, 9)
    with torch.no_grad():
        torch.testing.assert_close(projection.fuse()(x), projection(x), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_with_convolutions_that_do_nothing_a_block_is_that_of_vit() -> None:
    model = timm.create_model("cvt_13", num_classes=10, stride_kv=(1, 1, 1))
    layer = randomise(model).stages[1].layers[0]
    attention = layer.attention.attention
    for part in ("query", "key", "value"):
        projection = getattr(attention, f"convolution_projection_{part}").convolution_projection
        projection.convolution.weight.zero_()
        projection.convolution.weight[:, :, 1, 1] = 1
        projection.normalization.reset_running_stats()
        projection.normalization.eps = 0
        torch.nn.init.ones_(projection.normalization.weight)
        torch.nn.init.zeros_(projection.normalization.bias)
    x = torch.rand(2, 30, 192)
    tokens = layer.layernorm_before(x)
    q, k, v = (
        getattr(attention, f"projection_{part}")(tokens).unflatten(2, (3, 64)).transpose(1, 2)
        for part in ("query", "key", "value")
    )
    # The scale is that of the width, not of a head's 64 channels.
    mixed = (q @ k.transpose(2, 3) * 192**-0.5).softmax(-1) @ v
    y = x + layer.attention.output.dense(mixed.transpose(1, 2).flatten(2))
    hidden = layer.intermediate.dense(layer.layernorm_after(y))
    y = y + layer.output.dense(hidden * torch.sigmoid(1.702 * hidden))
    torch.testing.assert_close(layer(x, 5, 6), y, rtol=1e-4, atol=1e-5)


def test_the_class_token_is_seen_by_the_map() -> None:
    backbone = randomise(create_backbone("cvt_13", SIZE))
    image = torch.rand(1, 3, *SIZE)
    with torch.no_grad():
        before = backbone(image)
        backbone.body.model.stages[2].cls_token += 1
        after = backbone(image)
    assert torch.equal(before[1], after[1])
    assert not torch.allclose(before[2], after[2])


def test_a_shifted_image_has_a_shifted_map() -> None:
    """There is no position code; only what the border changes differs."""
    torch.manual_seed(0)
    backbone = create_backbone("cvt_13", (192, 192)).eval()
    wide = torch.zeros(1, 3, 192, 208)
    wide[:, :, 48:144, 64:144] = torch.rand(1, 3, 96, 80)
    with torch.no_grad():
        first, second = (backbone(x)[2] for x in (wide[..., :192], wide[..., 16:]))
    inside, moved = first[..., 2:-2, 3:-2], second[..., 2:-2, 2:-3]
    spread = inside.std()
    assert (inside - moved).abs().mean() < 0.05 * spread
    assert (inside - second[..., 2:-2, 3:-2]).abs().mean() > 0.05 * spread


def test_stochastic_depth_drops_branches_and_not_the_stream() -> None:
    model = randomise(timm.create_model("cvt_13", num_classes=10, drop_path_rate=0.1))
    rates = [layer.output.dropout.drop_prob for layer in model.stages[2].layers]
    assert rates == pytest.approx([0.1 * index / 9 for index in range(10)])
    layer = model.stages[2].layers[-1].train()
    layer.output.dropout.drop_prob = layer.attention.output.dropout.drop_prob = 1.0
    x = torch.rand(1, 1 + 4 * 6, 384)
    with torch.no_grad():
        assert torch.equal(layer(x, 4, 6), x)
