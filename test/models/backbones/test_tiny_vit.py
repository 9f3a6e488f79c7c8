# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""TinyViT: what is adapted of timm's."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.models.shelf import create_classifier, for_inference  # noqa: E402

timm = pytest.importorskip("timm")

pytestmark = pytest.mark.torch

NAME = "tiny_vit_5m_224"


def test_a_head_of_1000_classes_by_default() -> None:
    assert timm.create_model(f"{NAME}_dense").num_classes == 1000
    assert timm.create_model(NAME).num_classes == 21841


def test_logits_equal_timm() -> None:
    ours = randomise(create_classifier(f"{NAME}_dense", (224, 224), classes=10))
    theirs = timm.create_model(NAME, num_classes=10).eval()
    theirs.load_state_dict(ours.state_dict())
    image = torch.rand(1, 3, 96, 128)
    with torch.no_grad():
        wanted = theirs(image)
        assert torch.equal(ours(image), wanted)
        folded = for_inference(ours)
        torch.testing.assert_close(folded(image), wanted, rtol=1e-4, atol=1e-5)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())


def test_changed_biases_count_after_a_pass() -> None:
    first = randomise(create_classifier(f"{NAME}_dense", (64, 64)), seed=1)
    second = create_classifier(f"{NAME}_dense", (64, 64)).eval()
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        second(image)
        second.load_state_dict(first.state_dict())
        assert torch.equal(second(image), first(image))
        for parameter in first.parameters():
            parameter.mul_(0.5)
        second.load_state_dict(first.state_dict())
        assert torch.equal(second(image), first(image))


def test_tables_have_one_bias_a_distance() -> None:
    model = timm.create_model(f"{NAME}_dense")
    tables = [p for name, p in model.named_parameters() if name.endswith("attention_biases")]
    assert [table.shape[1] for table in tables] == [49] * 2 + [196] * 6 + [49] * 2


def test_windows_that_divide_the_maps_need_no_padding() -> None:
    fitting = timm.create_model(
        f"{NAME}_dense", features_only=True, out_indices=(1, 2, 3), window_sizes=(7, 4, 6, 3)
    )
    image = torch.rand(1, 3, 96, 192)
    with torch.no_grad():
        maps = fitting.eval()(image)
    assert [tuple(x.shape[2:]) for x in maps] == [(12, 24), (6, 12), (3, 6)]
