# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Scores of layers by relevance."""

from __future__ import annotations

import logging

import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.tiny import of_timm, pictures, tiny_vit  # noqa: E402
from vit_perception.compression.quantization.methods.contribution import (  # noqa: E402
    contributions,
)
from vit_perception.compression.quantization.methods.relevance import relevances  # noqa: E402
from vit_perception.compression.quantization.simulation.layers import layers_of  # noqa: E402
from vit_perception.compression.quantization.simulation.wrapped import wrap  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("score", ["absolute", "signed", "mean_absolute"])
def test_contributions_are_sums_over_images_of_what_reaches_inputs(score: str) -> None:
    images = pictures(3)
    model = wrap(tiny_vit(), images[:1])
    shares = contributions(model, images.split(2), score=score)
    names = [layer.place.name for layer in layers_of(model)]
    wanted = []
    for name in names:
        total = 0.0
        for image in images:
            operands = [x.double() for x in relevances(model, image[None], [name])[name]]
            sums = [float(x.sum() if score == "signed" else x.abs().sum()) for x in operands]
            size = sum(x.numel() for x in operands) if score == "mean_absolute" else 1
            total += sum(sums) / size * (2 if len(operands) == 2 else 1)
        wanted.append(abs(total))
    assert list(shares) == names
    for name, value in zip(names, wanted, strict=True):
        assert shares[name] == pytest.approx(value / sum(wanted), rel=1e-3)


def test_blocks_and_what_reaches_them_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    images = pictures(2).abs()
    with caplog.at_level(logging.DEBUG, logger="vit_perception"):
        contributions(wrap(tiny_vit(), images[:1]), [images])
    assert [record.getMessage() for record in caplog.records] == [
        f"relevance at blocks.{block}: 1.000 of the output's" for block in (0, 1)
    ]


@pytest.mark.parametrize(
    "name", ["mobilevit_xxs", "mobilevitv2_050", "efficientformer_l1", "shvit_s1"]
)
def test_hybrids_have_rules(name: str) -> None:
    images = pictures(1, 224 if name in ("efficientformer_l1", "shvit_s1") else 64)
    model = wrap(of_timm(name), images)
    shares = contributions(model, [images])
    assert list(shares) == [layer.place.name for layer in layers_of(model)]
    assert sum(shares.values()) == pytest.approx(1)
    assert sum(share > 0 for share in shares.values()) > 0.9 * len(shares)
