# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Activator: counts, patches that never meet, and where that ends (card 65)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onnxruntime  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.export.onnx_graph import to_onnx  # noqa: E402
from vit_perception.models.activator import (  # noqa: E402
    Activator,
    ActivatorBlock,
    ActivatorMixer,
    ActivatorMlp,
    with_activators,
)
from vit_perception.models.macs import multiply_adds  # noqa: E402

# After our package, which makes it importable beside any build of torch.
timm = pytest.importorskip("timm")

pytestmark = pytest.mark.torch


def size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("perceptron", "core", "ten", "hundred", "gmacs"),
    [
        (True, 2_635_776, 2_650_890, 2_674_020, 0.1705),
        (False, 1_584_128, 1_599_242, 1_622_372, 0.1031),
    ],
)
def test_counts_of_the_card(
    perceptron: bool, core: int, ten: int, hundred: int, gmacs: float
) -> None:
    model = Activator(perceptron=perceptron)
    assert size(model.blocks) == core
    assert size(model) == ten
    assert size(Activator(perceptron=perceptron, num_classes=100)) == hundred
    found = multiply_adds(model.eval(), torch.zeros(1, 3, 32, 32))
    # The card's are 1.1 and 1.6 % more than the products alone.
    assert found == pytest.approx(gmacs * 1e9, rel=0.02)


@pytest.mark.parametrize(("width", "core"), [(192, 4_455_936), (384, 17_759_232)])
def test_twelve_layers(width: int, core: int) -> None:
    assert size(Activator(width, 2 * width, 12).blocks) == core


def test_mixing_costs_a_kernel_for_each_channel() -> None:
    for kernel in (3, 7):
        assert size(Activator(kernel=kernel)) - size(Activator()) == 4 * 256 * kernel**2


@torch.no_grad()
@pytest.mark.parametrize("perceptron", [True, False])
def test_a_token_knows_nothing_of_the_others(perceptron: bool) -> None:
    torch.manual_seed(0)
    model = randomise(Activator(32, 48, 3, perceptron))
    tokens = torch.randn(2, 17, 32)
    found = model.blocks(tokens)
    torch.testing.assert_close(found[:, :1], model.blocks(tokens[:, :1]), rtol=0, atol=1e-5)
    order = torch.randperm(17)
    torch.testing.assert_close(model.blocks(tokens[:, order]), found[:, order], rtol=0, atol=1e-6)
    image = torch.rand(1, 3, 24, 36)
    patches = model.tokens(image)
    assert patches.shape == (1, 6, 9, 32)
    # Dropping some is exact: the mean is that of the others.
    kept = patches.flatten(1, 2)[:, 10:31]
    every = model.blocks(patches).flatten(1, 2)[:, 10:31].mean(1)
    torch.testing.assert_close(model.classify(kept), model.head(every), rtol=0, atol=1e-5)
    torch.testing.assert_close(model(image), model.classify(patches))


@torch.no_grad()
def test_with_a_convolution_it_does() -> None:
    torch.manual_seed(0)
    model = randomise(Activator(32, 48, 2, kernel=3))
    cells = torch.randn(1, 7, 9, 32)
    other = cells.clone()
    other[0, 3, 4] += 1
    differs = (model.blocks(other) - model.blocks(cells)).abs().amax(3)[0] > 1e-6
    wanted = torch.zeros(7, 9, dtype=torch.bool)
    wanted[1:6, 2:7] = True
    assert torch.equal(differs, wanted)
    mixer = model.blocks[0]
    assert isinstance(mixer, ActivatorMixer)
    nn.init.zeros_(mixer.mix.weight)
    assert torch.equal(mixer(cells), mixer.block(cells))


@torch.no_grad()
def test_a_unit_is_as_the_paper_writes_it() -> None:
    torch.manual_seed(0)
    for activation in (nn.GELU, nn.SiLU, nn.ReLU):
        unit = randomise(ActivatorMlp(8, 12, activation))
        x = torch.randn(3, 5, 8)
        weight, bias = unit.expand.weight, unit.expand.bias
        first = unit.norm(activation()(x @ weight[:12].T + bias[:12]))
        second = unit.norm(x @ weight[12:].T + bias[12:])
        torch.testing.assert_close(unit(x), unit.reduce(first * second))
        assert unit.norm.eps == 1e-5


@torch.no_grad()
def test_a_branch_of_zeros_closes_the_unit() -> None:
    unit = ActivatorMlp(8, 12)
    nn.init.zeros_(unit.expand.weight[12:])
    nn.init.zeros_(unit.expand.bias[12:])
    found = unit(torch.randn(4, 8))
    assert torch.equal(found, unit.reduce.bias.expand(4, -1))


@torch.no_grad()
def test_a_silent_perceptron_leaves_the_gated_form() -> None:
    block, other = ActivatorBlock(8, 12).eval(), ActivatorBlock(8, 12, perceptron=False)
    nn.init.zeros_(block.perceptron.fc2.weight)
    nn.init.zeros_(block.perceptron.fc2.bias)
    other.load_state_dict(block.state_dict(), strict=False)
    x = torch.randn(2, 3, 8)
    assert torch.equal(block(x), other(x))


def test_every_parameter_has_a_gradient() -> None:
    torch.manual_seed(0)
    model = randomise(Activator(16, 24, 2, kernel=3)).train()
    model(torch.rand(2, 3, 16, 16)).square().sum().backward()
    assert [name for name, each in model.named_parameters() if not each.grad.any()] == []


@torch.no_grad()
@pytest.mark.parametrize("kernel", [0, 3])
def test_graphs_take_any_size(kernel: int) -> None:
    torch.manual_seed(0)
    model = randomise(Activator(16, 24, 2, kernel=kernel))
    free = {"image": {2: "height", 3: "width"}}
    graph = to_onnx(model, (torch.rand(1, 3, 16, 24),), ["image"], ["logits"], free)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    for height, width in ((16, 24), (40, 20)):
        image = torch.rand(1, 3, height, width)
        found = session.run(None, {"image": image.numpy()})[0]
        np.testing.assert_allclose(found, model(image), rtol=1e-4, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "options", "units"),
    [
        ("vit_tiny_patch16_224", {"img_size": 64}, [192] * 12),
        ("convnext_atto", {"conv_mlp": False}, [40] * 2 + [80] * 2 + [160] * 6 + [320] * 2),
    ],
)
def test_in_place_of_perceptrons(name: str, options: dict[str, Any], units: list[int]) -> None:
    torch.manual_seed(0)
    plain = timm.create_model(name, **options)
    before = size(plain)
    model = with_activators(plain).eval()
    found = [each for each in model.modules() if isinstance(each, ActivatorMlp)]
    assert [each.norm.normalized_shape[0] for each in found] == [2 * width for width in units]
    # Of 8 weights and 5 biases a width there are 6 and 5, and 4 of the norm.
    assert before - size(model) == sum(2 * width**2 - 4 * width for width in units)
    assert torch.isfinite(model(torch.rand(2, 3, 64, 64))).all()
    with pytest.raises(ValueError, match="expected perceptrons of timm's Mlp, found none in"):
        with_activators(model)


Task = Callable[[int, int], tuple[Tensor, Tensor]]


def colours(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Returns pictures [count, 3, 32, 32] of coloured patches, and which colour most have."""
    generator = torch.Generator().manual_seed(seed)
    favoured = torch.randint(3, (count, 1), generator=generator)
    cells = torch.randint(3, (count, 64), generator=generator)
    more = torch.rand(count, 64, generator=generator) < 0.3
    colour = torch.eye(3)[torch.where(more, favoured, cells)]
    return _patches(colour.reshape(-1, 8, 8, 3)), colour.sum(1).argmax(1)


def pairs(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Returns pictures of two pairs of neighbours, and whether partners are alike.

    All have two red and two green patches, so that no bag of patches tells.
    """
    generator = torch.Generator().manual_seed(seed)
    alike = torch.randint(2, (count,), generator=generator)
    cells = torch.zeros(count, 8, 8, 3)
    for index in range(count):
        first = int(torch.randint(2, (1,), generator=generator))
        rows = torch.randperm(4, generator=generator)[:2] * 2
        columns = torch.randint(7, (2,), generator=generator)
        for place, (row, column) in enumerate(zip(rows, columns, strict=True)):
            one = first ^ place
            cells[index, row, column, one] = 1
            cells[index, row, column + 1, one if alike[index] else 1 - one] = 1
    return _patches(cells), alike


def _patches(cells: Tensor) -> Tensor:
    picture = cells.permute(0, 3, 1, 2).repeat_interleave(4, 2).repeat_interleave(4, 3)
    return 2 * picture - 1


def right_of(model: Activator, task: Task, rounds: int) -> float:
    images, kinds = task(1000, 0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    model.train()
    for round_ in range(rounds):
        order = torch.randperm(1000, generator=torch.Generator().manual_seed(round_))
        for some in order.split(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[some]), kinds[some]).backward()
            optimizer.step()
    others, wanted = task(1000, 1)
    with torch.no_grad():
        return float((model.eval()(others).argmax(1) == wanted).float().mean())


@pytest.mark.slow
def test_what_a_bag_of_patches_can_know() -> None:
    found = {}
    for task in (colours, pairs):
        for kernel in (0, 3):
            torch.manual_seed(0)
            model = Activator(32, 64, 2, kernel=kernel, dropout=0.0, num_classes=3)
            found[task.__name__, kernel] = right_of(model, task, 15)
    print(found)
    assert found["colours", 0] >= 0.95
    assert 0.45 < found["pairs", 0] < 0.55
    assert found["pairs", 3] > 0.9
