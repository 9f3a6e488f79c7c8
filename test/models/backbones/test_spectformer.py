# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""SpectFormer: without gates it is a plain ViT, and gates see gratings (card 61)."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import onnxruntime  # noqa: E402

import vit_perception.models  # noqa: E402, F401  # mends torchvision for timm

# isort: split
from timm.models.vision_transformer import VisionTransformer  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.export.onnx_graph import to_onnx  # noqa: E402
from vit_perception.models.backbones.spectformer import SpectFormer  # noqa: E402
from vit_perception.models.fourier import SpectralGate  # noqa: E402
from vit_perception.models.shelf import for_inference  # noqa: E402
from vit_perception.models.token_stages import TokenStages  # noqa: E402

pytestmark = pytest.mark.torch


@torch.no_grad()
def test_without_gates_it_is_timms_network() -> None:
    ours = randomise(SpectFormer(32, 3, 4, spectral=0, img_size=(64, 96), num_classes=5))
    theirs = VisionTransformer(
        (64, 96),
        embed_dim=32,
        depth=3,
        num_heads=4,
        num_classes=5,
        global_pool="avg",
        class_token=False,
        fc_norm=False,
    ).eval()
    state = {
        key.replace("patches.", "patch_embed.proj."): value
        for key, value in ours.state_dict().items()
    }
    state["pos_embed"] = state.pop("positions").flatten(2).transpose(1, 2)
    theirs.load_state_dict(state)
    image = torch.randn(2, 3, 64, 96)
    torch.testing.assert_close(ours(image), theirs(image), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_a_spectral_block_adds_once() -> None:
    """With a perceptron that says nothing, the gate says nothing either."""
    model = randomise(SpectFormer(32, 2, 4, spectral=2, img_size=64))
    block = model.spectral[0]
    for parameter in block.perceptron[2].parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(2, 16, 32)
    assert torch.equal(block(x, (4, 4)), x)


def staged() -> TokenStages:
    """Returns a small network of four stages."""
    return TokenStages(
        8,
        (8, 16, 24, 32),
        (1, 2, 3, 4),
        (2, 2, 2, 2),
        (1, 1, 1, 1),
        (SpectralGate, SpectralGate, None, None),
        (96, 128),
        num_classes=5,
    )


@torch.no_grad()
def test_four_stages_exported_are_the_same() -> None:
    model = randomise(staged())
    image = torch.rand(1, 3, 96, 128)
    graph = to_onnx(for_inference(model), (image,), ["image"], ["logits"], {})
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    found = torch.from_numpy(session.run(None, {"image": image.numpy()})[0])
    torch.testing.assert_close(found, model(image), rtol=1e-4, atol=1e-4)
    maps = model.forward_intermediates(torch.rand(2, 3, 100, 70), intermediates_only=True)
    assert [tuple(each.shape[2:]) for each in maps] == [(25, 18), (13, 9), (7, 5), (4, 3)]


def test_every_part_of_four_stages_learns() -> None:
    model = randomise(staged()).train()
    model(torch.rand(2, 3, 96, 128)).square().sum().backward()
    assert [name for name, each in model.named_parameters() if not each.grad.any()] == []


def gratings(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Returns pictures [count, 3, 64, 64] of noise, and four kinds.

    There is a grating or not, and a bright spot or not.
    """
    generator = torch.Generator().manual_seed(seed)
    kinds = torch.randint(4, (count,), generator=generator)
    phase = 6.3 * torch.rand(count, 1, 1, generator=generator)
    x = torch.arange(64.0)
    grating = torch.sin(2 * torch.pi * x[None, None] / 5.3 + phase).expand(-1, 64, -1)
    pictures = torch.randn(count, 64, 64, generator=generator)
    pictures = pictures + 0.5 * (kinds % 2 == 1)[:, None, None] * grating
    place = torch.randint(8, 56, (count, 2), generator=generator)
    for index in (kinds >= 2).nonzero()[:, 0].tolist():
        row, column = place[index].tolist()
        pictures[index, row - 2 : row + 3, column - 2 : column + 3] += 2.5
    return pictures[:, None].repeat(1, 3, 1, 1), kinds


def right_of(spectral: int) -> float:
    torch.manual_seed(0)
    model = SpectFormer(64, 4, 4, spectral=spectral, img_size=64, num_classes=4)
    images, kinds = gratings(2000, 0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    for round_ in range(12):
        order = torch.randperm(2000, generator=torch.Generator().manual_seed(round_))
        for some in order.split(50):
            optimizer.zero_grad()
            F.cross_entropy(model(images[some]), kinds[some]).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    others, wanted = gratings(1000, 1)
    with torch.no_grad():
        return float((model.eval()(others).argmax(1) == wanted).float().mean())


@pytest.mark.slow
def test_both_kinds_of_blocks_are_not_worse_than_one() -> None:
    found = {spectral: right_of(spectral) for spectral in (0, 2, 4)}
    print(found)
    assert found[2] > 0.5
    assert found[2] >= max(found[0], found[4]) - 0.02
