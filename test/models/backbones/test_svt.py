# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""SVT: wavelets that come back, their orientations, and gates (card 14)."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

import onnxruntime  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.export.onnx_graph import to_onnx  # noqa: E402
from vit_perception.models.backbones.svt import GROUPS, ComplexLinear, ScatteringGate  # noqa: E402
from vit_perception.models.dual_tree import even, join_bands, split_bands  # noqa: E402
from vit_perception.models.shelf import for_inference  # noqa: E402
from vit_perception.models.token_stages import TokenStages  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(("height", "width"), [(8, 8), (12, 20), (2, 6), (56, 56)])
def test_bands_come_back(height: int, width: int) -> None:
    x = torch.randn(2, 3, height, width)
    low, real, imaginary = split_bands(x)
    assert low.shape == x.shape
    assert real.shape == imaginary.shape == (2, 3, 6, height // 2, width // 2)
    torch.testing.assert_close(join_bands(low, real, imaginary), x, rtol=0, atol=1e-5)


def test_an_even_picture_has_a_low_band_alone() -> None:
    low, real, imaginary = split_bands(torch.full((1, 1, 16, 12), 0.7))
    torch.testing.assert_close(low, torch.full_like(low, 0.7))
    assert max(real.abs().max(), imaginary.abs().max()) < 1e-6


@pytest.mark.parametrize(("degrees", "frequency"), [(15, 2.0), (45, 3.2), (75, 2.0)])
def test_bands_answer_to_their_orientation(degrees: int, frequency: float) -> None:
    angle = math.radians(degrees)
    place = torch.arange(64.0)
    across = place[None, :] * math.sin(angle)
    for mirrored, wanted in ((1, degrees), (-1, 180 - degrees)):
        wave = torch.sin(frequency * (mirrored * across + place[:, None] * math.cos(angle)))
        _, real, imaginary = split_bands(wave[None, None])
        energy = (real.square() + imaginary.square()).sum((0, 1, 3, 4))
        assert (15, 45, 75, 105, 135, 165)[int(energy.argmax())] == wanted


def test_odd_sides_are_made_even() -> None:
    x = torch.randn(1, 2, 5, 7)
    found = even(x)
    assert found.shape == (1, 2, 6, 8)
    assert torch.equal(found[:, :, :5, :7], x) and torch.equal(found[:, :, 5, :7], x[:, :, 4])
    gate = ScatteringGate(8, (5, 7))
    assert gate(torch.randn(1, 8, 5, 7)).shape == (1, 8, 5, 7)


def test_complex_products_by_hand() -> None:
    layer = ComplexLinear(8)
    real, imaginary = torch.randn(2, 3, GROUPS, 2, 5)
    out = layer(torch.cat((real, imaginary), 2))
    weight = torch.complex(*layer.weight)
    wanted = torch.einsum("bgin,gio->bgon", torch.complex(real, imaginary), weight)
    wanted = wanted + torch.complex(*layer.bias)[None, :, :, None]
    torch.testing.assert_close(out, torch.cat((wanted.real, wanted.imag), 2), rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_a_gate_that_keeps_its_bands_does_nothing() -> None:
    gate, x = ScatteringGate(8, (10, 12)), torch.randn(2, 8, 10, 12)
    gate.low.fill_(1.0)
    for each in (gate.first, gate.second):
        each.weight.zero_()
        each.weight[0] = torch.eye(2)
        each.bias.zero_()
    low, real, imaginary = split_bands(x)
    # The perceptron lets positive parts through.
    wanted = join_bands(low, real.relu(), imaginary.relu())
    torch.testing.assert_close(gate(x), wanted, rtol=0, atol=1e-5)


def staged() -> TokenStages:
    """Returns a small network of four stages."""
    mixers = (ScatteringGate, ScatteringGate, None, None)
    return TokenStages(
        8, (8, 16, 24, 32), (1, 2, 3, 4), (2,) * 4, (1,) * 4, mixers, (96, 128), num_classes=5
    )


@torch.no_grad()
def test_exported_it_is_the_same() -> None:
    model = randomise(staged())
    image = torch.rand(1, 3, 96, 128)
    graph = to_onnx(for_inference(model), (image,), ["image"], ["logits"], {})
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    found = torch.from_numpy(session.run(None, {"image": image.numpy()})[0])
    torch.testing.assert_close(found, model(image), rtol=1e-4, atol=1e-4)


def gratings(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Returns maps [count, 8, 32, 32] of oriented waves of random phase, and which of two."""
    generator = torch.Generator().manual_seed(seed)
    kinds = torch.randint(2, (count,), generator=generator)
    phase = 6.3 * torch.rand(count, 1, 1, generator=generator)
    place = torch.arange(32.0)
    sign = (2 * kinds - 1)[:, None, None]
    wave = torch.sin(1.8 * (place[None, :, None] + sign * place[None, None]) / 2**0.5 + phase)
    noise = torch.randn(count, 8, 32, 32, generator=generator)
    return wave[:, None] + 0.5 * noise, kinds


@pytest.mark.slow
def test_high_bands_tell_orientations() -> None:
    """A gate whose high bands are cut off cannot tell waves of random phase apart."""
    found = {}
    for name in ("bands", "low alone"):
        torch.manual_seed(0)
        gate, head = ScatteringGate(8, (32, 32)), nn.Linear(8, 2)
        nn.init.normal_(gate.low, std=0.5)
        for each in (gate.first, gate.second):
            nn.init.normal_(each.weight, std=0.5)
        if name == "low alone":
            gate.second.requires_grad_(False)
            gate.second.weight.zero_()
            gate.second.bias.zero_()
        optimizer = torch.optim.Adam([*gate.parameters(), *head.parameters()], lr=1e-2)

        def logits(x: Tensor, gate: nn.Module = gate, head: nn.Module = head) -> Tensor:
            return head(gate(x).relu().mean((2, 3)))

        for step in range(200):
            maps, kinds = gratings(32, step)
            optimizer.zero_grad()
            F.cross_entropy(logits(maps), kinds).backward()
            optimizer.step()
        maps, kinds = gratings(500, 9999)
        with torch.no_grad():
            found[name] = float((logits(maps).argmax(1) == kinds).float().mean())
    print(found)
    assert found["bands"] > found["low alone"]
