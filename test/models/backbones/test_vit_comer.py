# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""ViT-CoMer: the ViT inside is timm's, and levels stay in place (card 40)."""

from __future__ import annotations

from functools import partial

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.models.backbones.vit_comer import ViTCoMer  # noqa: E402
from vit_perception.models.comer import added_at_16, joined, split  # noqa: E402
from vit_perception.models.detectors.factory import DetectorError, create_detector  # noqa: E402
from vit_perception.models.shelf import BackboneError, create_backbone, find  # noqa: E402
from vit_perception.models.vit_trunk import WINDOW, VitTrunk, WindowBlock  # noqa: E402

timm = pytest.importorskip("timm")

from timm.models.vision_transformer import Block, VisionTransformer  # noqa: E402

pytestmark = pytest.mark.torch

WIDTH = 48
TRUNK = partial(
    VisionTransformer,
    patch_size=16,
    embed_dim=WIDTH,
    depth=4,
    num_heads=3,
    init_values=1.0,
    class_token=False,
    global_pool="avg",
)


def small(**options: object) -> ViTCoMer:
    return ViTCoMer(TRUNK, img_size=64, num_classes=0, **options)


def counted(*modules: nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


@pytest.mark.parametrize(
    ("name", "millions", "options"),
    [
        ("vit_comer_tiny", 8.740, {}),
        ("vit_comer_tiny_seg", 10.62, {}),
        ("vit_comer_small", 30.458, {"img_size": 592}),
    ],
)
def test_the_counts_of_the_card(name: str, millions: float, options: dict[str, int]) -> None:
    model = timm.create_model(name, num_classes=0, **options)
    assert counted(model) == pytest.approx(millions * 1e6, rel=0.001)


def test_the_parts_of_the_small_one() -> None:
    model = timm.create_model("vit_comer_small", num_classes=0)
    parts = (counted(model.trunk), counted(model.stem), counted(model.interactions))
    rest = counted(model) - sum(parts)
    for found, millions in zip((*parts, rest), (21.674, 1.307, 6.432, 0.594), strict=True):
        assert found == pytest.approx(millions * 1e6, abs=1000)


@torch.no_grad()
def test_the_vit_begins_untouched() -> None:
    plain = TRUNK(img_size=64)
    plain.norm = nn.Identity()
    model = small().eval()
    model.trunk.load(plain.state_dict())
    tokens: list[torch.Tensor] = []
    model.pyramid.register_forward_pre_hook(lambda _, inputs: tokens.append(inputs[0]))
    image = torch.randn(2, 3, 64, 64)
    model.maps(image)
    torch.testing.assert_close(
        tokens[0], plain.eval().forward_features(image), rtol=1e-5, atol=1e-5
    )


@torch.no_grad()
def test_without_convolutions_the_pyramid_is_the_resized_vit() -> None:
    model = randomise(small())
    for interaction in model.interactions:
        nn.init.zeros_(interaction.to_tokens.scale)
    last = model.interactions[-1].extra[-1]
    off = [
        *last.query_norm.parameters(),
        *last.attention.attention.output_proj.parameters(),
        *last.perceptron.reduce.parameters(),
        *model.stem.outs[0].parameters(),
        model.pyramid.up.bias,
    ]
    for parameter in off:
        nn.init.zeros_(parameter)
    image = torch.randn(1, 3, 64, 96)
    tokens = model.trunk.forward_features(image).transpose(1, 2).unflatten(2, (4, 6))
    for found, norm, scale in zip(
        model.maps(image), model.pyramid.norms, (4, 2, 1, 0.5), strict=True
    ):
        wanted = F.interpolate(tokens, scale_factor=scale, mode="bilinear", align_corners=False)
        torch.testing.assert_close(found, norm(wanted), rtol=1e-4, atol=1e-5)


def test_levels_stay_in_place() -> None:
    grid = (6, 4)
    maps = [torch.zeros(1, 1, *size) for size in ((12, 8), grid, (3, 2))]
    maps[0][0, 0, 7, 5] = 1
    tokens = joined(maps)
    assert tokens.shape == (1, 21 * 6 * 4 // 4, 1)
    for found, wanted in zip(split(tokens, grid), maps, strict=True):
        torch.testing.assert_close(found, wanted)
    vit = torch.zeros(1, 24, 1)
    vit[0, 2 * 4 + 3] = 1
    fine, middle, coarse = split(added_at_16(tokens, vit), grid)
    torch.testing.assert_close(fine, maps[0])
    assert middle[0, 0, 2, 3] == 1 and middle.sum() == 1 and not coarse.any()


@torch.no_grad()
def test_windows_are_attention_with_a_mask() -> None:
    """Cells of the padding take part as keys and values of zeros."""
    block = Block(WIDTH, 3, qkv_bias=True)
    windowed = WindowBlock(block)
    rows, columns = WINDOW + 2, WINDOW + 4
    x = torch.randn(2, rows * columns, WIDTH)
    full = torch.zeros(2, 2 * WINDOW, 2 * WINDOW, 3 * WIDTH)
    full[:, :rows, :columns] = block.attn.qkv(block.norm1(x)).unflatten(1, (rows, columns))
    query, key, value = full.flatten(1, 2).unflatten(2, (3, 3, -1)).permute(2, 0, 3, 1, 4)
    place = torch.arange(2 * WINDOW) // WINDOW
    window = (2 * place[:, None] + place).flatten()
    together = window[:, None] == window
    seen = F.scaled_dot_product_attention(query, key, value, attn_mask=together)
    seen = seen.transpose(1, 2).flatten(2).unflatten(1, (2 * WINDOW, 2 * WINDOW))
    wanted = x + block.attn.proj(seen[:, :rows, :columns].flatten(1, 2))
    wanted = wanted + block.mlp(block.norm2(wanted))
    torch.testing.assert_close(windowed(x, (rows, columns)), wanted, rtol=1e-4, atol=1e-5)


def test_which_blocks_have_windows() -> None:
    blocks = timm.create_model("vit_comer_tiny").trunk.blocks
    windowed = [index for index, each in enumerate(blocks) if isinstance(each, WindowBlock)]
    assert windowed == [0, 1, 3, 4, 6, 7, 9, 10]


@torch.no_grad()
def test_weights_of_other_patches_and_positions() -> None:
    """As DINOv2's: patches of 14 px, a class token, a square table, no room for positions."""
    source = VisionTransformer(
        84, 14, embed_dim=WIDTH, depth=4, num_heads=3, init_values=0.5, num_classes=0
    )
    trunk = VitTrunk(TRUNK(img_size=(96, 160)))
    trunk.load(source.state_dict())
    assert float(trunk.blocks[2].ls1.gamma[0]) == 0.5
    # An even picture looks the same to both.
    sums = [each.weight.sum((2, 3)) for each in (trunk.patches, source.patch_embed.proj)]
    torch.testing.assert_close(*sums, rtol=1e-3, atol=1e-4)
    same = VitTrunk(TRUNK(img_size=96))
    same.load(source.state_dict())
    table = source.pos_embed[:, 1:].transpose(1, 2).unflatten(2, (6, 6))
    assert torch.equal(same.positions, table)
    wanted = F.interpolate(table, (6, 10), mode="bicubic", align_corners=False)
    torch.testing.assert_close(trunk.positions, wanted)
    with pytest.raises(ValueError, match="expected the weights of this ViT"):
        trunk.load(TRUNK(img_size=96, depth=5).state_dict())


def test_a_gradient_reaches_the_scale_at_once() -> None:
    model = small()
    sum(each.square().sum() for each in model.maps(torch.randn(2, 3, 64, 64))).backward()
    for interaction in model.interactions:
        assert not interaction.to_tokens.scale.any()
        assert interaction.to_tokens.scale.grad.any()


@torch.no_grad()
def test_sides_are_rounded_up() -> None:
    model = small().eval()
    image = torch.randn(1, 3, 50, 90)
    shapes = [tuple(each.shape[2:]) for each in model.maps(image)]
    assert shapes == [(13, 23), (7, 12), (4, 6), (2, 3)]
    maps = create_backbone("comer_wide_vit_3_12", (480, 640)).eval()(torch.rand(1, 3, 480, 640))
    assert [tuple(each.shape[2:]) for each in maps] == [(120, 160), (60, 80), (30, 40), (15, 20)]


@torch.no_grad()
@pytest.mark.parametrize(
    "name",
    [
        "wide_vit_3_12",
        "spectformer_tiny",
        "illama_tiny",
        "t2t_vit_7",
        "dhvt_tiny_imagenet_patch16",
    ],
)
def test_plain_networks_of_the_shelf(name: str) -> None:
    """Each gets a pyramid around its own blocks, and detects."""
    plain = find(name)
    assert find(f"comer_{name}").channels == plain.channels * 4
    model = create_detector("dosod", backbone=f"comer_{name}", size=(72, 160)).eval()
    trunk = model.backbone.backbone.body.model.trunk
    source = timm.create_model(name, num_classes=0, **plain.sized(96, 160)).eval()
    if isinstance(trunk, VitTrunk):
        trunk.load(source.state_dict())
    else:
        missing, others = trunk.load_state_dict(source.state_dict(), strict=False)
        assert not missing and all(key.startswith("norm.") for key in others)
        source.norm = nn.Identity()
        image = torch.rand(1, 3, 96, 160)
        torch.testing.assert_close(trunk.forward_features(image), source.forward_features(image))
    boxes, scores = model.detect(torch.rand(1, 3, 96, 160), torch.randn(2, 256))
    assert boxes.shape == (1, 315, 4) and scores.isfinite().all()


def test_what_has_no_pyramid_is_refused() -> None:
    for name in ("comer_shvit_s1", "comer_gmm_vit_patch4_32", "comer_nothing"):
        with pytest.raises(BackboneError, match="backbone: expected one of"):
            find(name)
    with pytest.raises(DetectorError, match="found 'comer_shvit_s1'"):
        create_detector("dosod", backbone="comer_shvit_s1")


def lines(count: int, side: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns pictures of thin lines in noise, and masks bool at a quarter of the side."""
    generator = torch.Generator().manual_seed(seed)
    angle, offset = torch.rand(2, count, 1, 1, generator=generator)
    grid = torch.arange(side) - side / 2
    across = grid[:, None] * (3.14 * angle).sin() + grid * (3.14 * angle).cos()
    line = (across - (offset - 0.5) * side / 2).abs() < 1
    noise = 0.3 * torch.randn(count, 3, side, side, generator=generator)
    return noise + line[:, None], F.max_pool2d(line.float(), 4) > 0


class Plain(nn.Module):
    """The ViT's map, resized to stride 4."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = VitTrunk(TRUNK(img_size=64))
        self.out = nn.Sequential(nn.BatchNorm2d(WIDTH), nn.Conv2d(WIDTH, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.trunk.forward_features(x).transpose(1, 2).unflatten(2, (4, 4))
        out: torch.Tensor = self.out(F.interpolate(tokens, scale_factor=4.0, mode="bilinear"))
        return out


class WithPyramid(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.out = small(), nn.Conv2d(WIDTH, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.out(self.body.maps(x)[0])
        return out


def overlap(kind: type[nn.Module]) -> float:
    """Returns the IoU of lines on other pictures, after 60 steps."""
    torch.manual_seed(0)
    model = kind().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for step in range(60):
        images, masks = lines(16, 64, step)
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(images)[:, 0], masks.float())
        loss.backward()
        optimizer.step()
    images, masks = lines(64, 64, 1000)
    with torch.no_grad():
        found = model.eval()(images)[:, 0] > 0
    return float((found & masks).sum() / (found | masks).sum())


@pytest.mark.slow
def test_thin_lines_need_the_pyramid() -> None:
    plain, pyramid = overlap(Plain), overlap(WithPyramid)
    print(plain, pyramid)
    assert pyramid > plain + 0.1
