# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""FIT: groups meet through latents alone, and cost less than attention between all (card 43)."""

from __future__ import annotations

import math
from functools import partial

import pytest

torch = pytest.importorskip("torch")

import vit_perception.models  # noqa: E402, F401  # mends torchvision for timm

# isort: split
from timm.models.vision_transformer import VisionTransformer  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from test.examples.loading import example  # noqa: E402
from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.models.backbones.fit import FIT  # noqa: E402
from vit_perception.models.interleaved import (  # noqa: E402
    InterleavedEncoder,
    groups_of_map,
    map_of_groups,
    parse_layers,
)
from vit_perception.models.macs import multiply_adds  # noqa: E402
from vit_perception.models.shelf import create_classifier  # noqa: E402

pytestmark = pytest.mark.torch

GROUPS, CELLS, WIDTH, LATENT = 6, 4, 16, 24


def encoder(layers: str, identity: int = 0) -> InterleavedEncoder:
    torch.manual_seed(3)
    made = InterleavedEncoder(layers, GROUPS, 3, WIDTH, LATENT, 2, 3, identity=identity)
    found = randomise(made)
    assert isinstance(found, InterleavedEncoder)
    return found


def tokens(batch: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, GROUPS, CELLS, WIDTH, generator=generator)


def test_layers_are_told_by_a_text() -> None:
    assert parse_layers("(2)4(2)") == ((2, 4), (2, 0))
    assert parse_layers("(4)8") == ((4, 8),)
    assert parse_layers("(12)3(0)10") == ((12, 3), (0, 10))
    for wrong in ("4(2)", "", "(2", "(2)4 (2)", "()4"):
        with pytest.raises(ValueError, match="expected pairs"):
            parse_layers(wrong)
    for wrong in ("(2)0(2)", "(2)(2)"):
        with pytest.raises(ValueError, match="expected global layers"):
            parse_layers(wrong)


@pytest.mark.parametrize(
    ("name", "parameters", "gmacs"),
    [
        ("fit_s_patch16_512", 27_634_560, 17.06),
        ("fit_s_patch8_512", 17_943_744, 18.93),
        ("fit_xs_patch8_512", 16_609_152, 12.28),
    ],
)
def test_counts_of_the_card(name: str, parameters: int, gmacs: float) -> None:
    model = create_classifier(name, (512, 512), classes=0).to("meta").eval()
    assert sum(each.numel() for each in model.parameters()) == parameters
    counted = multiply_adds(model, torch.zeros(1, 3, 512, 512, device="meta"))
    assert counted == pytest.approx(gmacs * 1e9, rel=0.001)


def test_cost_grows_less_than_with_attention_between_all() -> None:
    """With 64 tokens and 16 latents in each group."""
    costs = []
    for count in (2**10, 2**16):
        groups = count // 64
        made = InterleavedEncoder("(2)4(2)4(2)", groups, 16, 384, 384, 6, 6).to("meta").eval()
        costs.append(multiply_adds(made, torch.zeros(1, groups, 64, 384, device="meta")))
    assert 1 < math.log(costs[1] / costs[0]) / math.log(2**6) < 1.5


@torch.no_grad()
def test_groups_meet_through_latents_alone() -> None:
    x = tokens()
    changed = x.clone()
    changed[:, 4] = changed[:, 4].flip(2)  # a shift would vanish in the norms
    apart = encoder("(2)")
    assert torch.equal(apart(changed).tokens[:, 1], apart(x).tokens[:, 1])
    assert not torch.equal(apart(changed).tokens[:, 4], apart(x).tokens[:, 4])
    met = encoder("(2)2(1)")
    assert (met(changed).tokens[:, 1] - met(x).tokens[:, 1]).abs().max() > 1e-3


@torch.no_grad()
def test_the_order_of_groups_does_not_matter() -> None:
    made, x = encoder("(1)1(1)1"), tokens()
    order = torch.tensor([4, 0, 5, 2, 1, 3])
    found, wanted = made(x[:, order], order), made(x)
    for each, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(each, other[:, order], rtol=1e-4, atol=1e-5)
    # Latents tell groups apart, unless they are all the same.
    assert (made(x[:, order]).tokens - wanted.tokens[:, order]).abs().max() > 1e-3
    made.latents.copy_(made.latents[:1].expand_as(made.latents))
    torch.testing.assert_close(
        made(x[:, order]).tokens, made(x).tokens[:, order], rtol=1e-4, atol=1e-5
    )


@torch.no_grad()
def test_groups_are_a_set_if_each_is_told_who_it_is() -> None:
    made, x = encoder("(1)1(1)", identity=5), tokens()
    made.latents.copy_(made.latents[:1].expand_as(made.latents))
    who = torch.randn(2, GROUPS, 5)
    some = torch.tensor([3, 1])
    found = made(x[:, some], some, who[:, some]).tokens
    assert found.shape == (2, 2, CELLS, WIDTH)
    assert (made(x[:, some], some, who[:, some.flip(0)]).tokens - found).abs().max() > 1e-3
    for call in (lambda: made(x), lambda: encoder("(1)")(x, None, who)):
        with pytest.raises(ValueError, match="identities: expected if and only if"):
            call()


@torch.no_grad()
def test_one_group_without_latents_is_a_plain_vit() -> None:
    ours = randomise(FIT("(3)", 8, 32, 32, 4, 4, img_size=48, groups=(1, 1), num_classes=0))
    theirs = VisionTransformer(
        48, 8, embed_dim=32, depth=3, num_heads=4, class_token=False, num_classes=0,
        global_pool="", fc_norm=False, embed_norm_layer=partial(nn.LayerNorm, eps=1e-6),
    ).eval()  # fmt: skip
    names = {
        "patches.": "patch_embed.proj.",
        "patch_norm.": "patch_embed.norm.",
        "encoder.pairs.0.local.": "blocks.",
        "encoder.norm.": "norm.",
    }
    state = {}
    for key, value in ours.state_dict().items():
        for begin, other in names.items():
            if key.startswith(begin):
                state[other + key.removeprefix(begin)] = value
    state["pos_embed"] = ours.positions.flatten(2).transpose(1, 2)
    theirs.load_state_dict(state)
    image = torch.randn(2, 3, 48, 48)
    found = ours.forward_features(image).tokens
    torch.testing.assert_close(found, theirs.forward_features(image), rtol=1e-5, atol=1e-5)


def test_groups_are_parts_of_the_picture() -> None:
    x = torch.arange(2 * 3 * 6 * 12).reshape(2, 3, 6, 12)
    cut = groups_of_map(x, (2, 3))
    assert cut.shape == (2, 6, 12, 3)
    # The second row of cells of the last group but one.
    assert torch.equal(cut[1, 4, 4:8], x[1, :, 4, 4:8].T)
    assert torch.equal(map_of_groups(cut, (2, 3), (6, 12)), x)


@torch.no_grad()
def test_maps_of_pictures_that_groups_do_not_divide() -> None:
    model = randomise(FIT("(1)1(1)", 8, 32, 32, 2, 2, img_size=(150, 260), num_classes=0))
    assert model.groups == (1, 2)
    for height, width in ((150, 260), (120, 200)):
        image = torch.rand(1, 3, height, width)
        (found,) = model.forward_intermediates(image, intermediates_only=True)
        size = -(-height // 8), -(-width // 8)
        assert tuple(found.shape[2:]) == size
        padded = F.pad(image, (0, -width % 16, 0, -height % 8))
        (wanted,) = model.forward_intermediates(padded, intermediates_only=True)
        assert torch.equal(found, wanted[:, :, : size[0], : size[1]])


@torch.no_grad()
def test_an_overview_is_the_first_group() -> None:
    options = {"img_size": (64, 96), "groups": (2, 3), "num_classes": 0}
    whole = randomise(FIT("(1)", 8, 32, 32, 2, 2, overview=True, **options))
    image = torch.rand(1, 3, 64, 96)
    found = whole.encode(image)
    assert found.tokens.shape[1] == found.latents.shape[1] == 7
    assert [tuple(x.shape) for x in whole.forward_intermediates(image)[1]] == [(1, 32, 8, 12)]
    small = FIT("(1)", 8, 32, 32, 2, 2, img_size=32, groups=(1, 1), num_classes=0).eval()
    state = whole.state_dict()
    small.load_state_dict({**state, "encoder.latents": state["encoder.latents"][:1]})
    wanted = small.encode(F.avg_pool2d(image, (2, 3))).tokens[:, 0]
    torch.testing.assert_close(found.tokens[:, 0], wanted, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_an_absent_group_is_not_looked_at() -> None:
    model = randomise(FIT("(1)1(1)", 8, 32, 32, 2, 2, img_size=64, groups=(2, 2), num_classes=0))
    image = torch.rand(1, 3, 64, 64)
    changed = image.clone()
    changed[:, :, 32:, 32:] = 0
    present = torch.tensor([0, 1, 2])
    found = model.encode(image, present).tokens
    assert torch.equal(found, model.encode(changed, present).tokens)
    assert not torch.equal(model.encode(image).tokens[:, :3], model.encode(changed).tokens[:, :3])


@pytest.mark.slow
def test_what_lies_far_apart_is_compared_through_latents() -> None:
    marks = example("far_apart")
    assert marks.train("(4)") < 0.75
    assert marks.train("(1)2(1)") > 0.95
