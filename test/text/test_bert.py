# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from vit_perception.text import bert


@pytest.fixture(scope="module")
def tensors() -> dict[str, np.ndarray]:
    values = np.random.default_rng(0).normal(0, 0.05, 1_000_003).astype(np.float32)
    return {name: np.resize(values, shape) for name, shape in bert.expected_shapes().items()}


def test_erf_is_exact_to_float32_noise():
    x = np.linspace(-7, 7, 40_001, dtype=np.float32)
    exact = np.array([math.erf(float(value)) for value in x])
    assert np.abs(bert.erf(x) - exact).max() <= 6e-7
    assert np.array_equal(bert.erf(np.float32([np.inf, -np.inf, 0])), [1, -1, 0])


def test_gelu_is_the_exact_form():
    x = np.linspace(-6, 6, 2001, dtype=np.float32)
    exact = [0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in map(float, x)]
    assert np.abs(bert.gelu(x.copy()) - exact).max() <= 2e-6


def test_attention_is_softmax_per_head():
    rng = np.random.default_rng(1)
    packed = rng.standard_normal((2, 5, 3 * bert.HIDDEN)).astype(np.float32)
    width = bert.HIDDEN // bert.HEADS
    expected = np.empty((2, 5, bert.HIDDEN))
    for sentence in range(2):
        for head in range(bert.HEADS):
            query, key, value = (
                packed[sentence, :, part * bert.HIDDEN + head * width :][:, :width].astype(float)
                for part in range(3)
            )
            weights = np.exp(query @ key.T / math.sqrt(width))
            weights /= weights.sum(axis=1, keepdims=True)
            expected[sentence, :, head * width : (head + 1) * width] = weights @ value
    assert np.abs(bert.attention(packed) - expected).max() <= 1e-5


def test_a_sentence_does_not_depend_on_its_batch(tensors):
    network = bert.from_tensors(tensors)
    network = dataclasses.replace(network, layers=network.layers[:2])
    tokens = np.random.default_rng(2).integers(0, bert.VOCABULARY_SIZE, (3, 9))
    together = network(tokens)
    assert together.shape == (3, 9, bert.HIDDEN)
    for index in range(3):
        alone = network(tokens[index : index + 1])
        assert np.abs(alone[0] - together[index]).max() <= 1e-4
