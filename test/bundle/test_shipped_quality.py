# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What the shipped bundles say of their eight-bit graphs is what was measured."""

from __future__ import annotations

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle


def test_the_quality_of_the_bundled_model_is_that_of_its_card() -> None:
    bundle = Bundle.load(find_bundle("tabletop_nano"))
    of_float, of_int8 = bundle.metrics[:2]
    assert of_float["dataset"].startswith("Test set v1: 500 rendered pictures")
    assert of_int8["dataset"] == "The same with INT8"
    quality = bundle.quality["int8"]
    assert quality.passed and (quality.metric, quality.pictures) == ("AP", 500)
    assert quality.reference == of_float["all objects: AP"]
    assert quality.value == of_int8["all objects: AP"]
