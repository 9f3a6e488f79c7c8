# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""CBNet: it begins as a single backbone, and composes what the paper says (card 49)."""

from __future__ import annotations

from functools import partial

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.models.backbones.cbnet import CBNet, joint_losses  # noqa: E402
from vit_perception.models.chains import chain_of  # noqa: E402
from vit_perception.models.detectors.factory import DetectorError, create_detector  # noqa: E402
from vit_perception.models.macs import multiply_adds  # noqa: E402
from vit_perception.models.shelf import BackboneError, create_backbone, find, shelf  # noqa: E402

timm = pytest.importorskip("timm")

from timm.models.resnet import BasicBlock  # noqa: E402

pytestmark = pytest.mark.torch

SMALL_SWIN = "swin_tiny_patch4_window7_224_dense"
#: Networks of each kind that `chain_of` cuts.
KINDS = (
    "convnext_atto_dense",
    "dhvt_tiny_imagenet_patch16",
    "efficientformerv2_s0_dense",
    "mobiledet_cpu",
    "shvit_s1",
    "tf_efficientnet_lite0_dense",
    "tiny_vit_5m_224_dense",
    "wide_vit_3_12",
)
UNCUT = ("crossvit", "vit_comer")
ALL = tuple(
    each.name
    for each in shelf().values()
    if each.representative and each.card != 49 and not each.name.startswith(UNCUT)
)


def resnet(features_only: bool = True, **options: object) -> nn.Module:
    return timm.create_model(
        "resnet10t", features_only=features_only, out_indices=(1, 2, 3, 4), **options
    )


def swin(**options: object) -> nn.Module:
    return timm.create_model(
        SMALL_SWIN, features_only=True, img_size=64, depths=(1, 1, 1, 1), **options
    )


def counted(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def assert_equal(maps: list[torch.Tensor], others: list[torch.Tensor]) -> None:
    for found, wanted in zip(maps, others, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)


def test_the_counts_of_the_paper() -> None:
    double = timm.create_model("db_resnet50", num_classes=0)
    assert counted(double.assistant) == 23_508_032
    # Without the norm of the stem, which the card counts.
    assert counted(double.lead) == 23_282_816 - 128
    assert counted(double.compositions) == 4_593_152
    double = timm.create_model("db_swin_tiny", num_classes=0)
    assert counted(double.assistant) == 27_520_698
    assert counted(double.lead) == 27_520_698 - 4_896
    assert counted(double.compositions) == 646_176


@torch.no_grad()
@pytest.mark.parametrize("shared", [0, 1, 3])
def test_a_cnn_begins_as_a_single_one(shared: int) -> None:
    body = randomise(resnet())
    double = CBNet(resnet, "resnet10t", shared)
    double.load_both(body.state_dict())
    double.eval()
    image = torch.randn(1, 3, 67, 90)
    assistant, lead = double.both(image)
    assert_equal(assistant, body(image))
    assert_equal(lead, body(image))
    assert len(double.compositions) == 4 - shared
    randomise(double.compositions)
    changed = [not torch.equal(x, y) for x, y in zip(double.maps(image), lead, strict=True)]
    assert changed == [stage >= shared for stage in range(4)]


@torch.no_grad()
def test_each_stage_sees_the_coarser_maps() -> None:
    """By hand, at sides that halve unevenly."""
    double = randomise(CBNet(resnet, "resnet10t"))
    image = torch.randn(1, 3, 67, 90)
    seen, found = double.both(image)
    layers = [double.lead.body[f"layer{index}"] for index in (1, 2, 3, 4)]
    assert not list(layers[0].parameters())
    x = seen[0]
    assert torch.equal(found[0], x)
    for stage in (1, 2, 3):
        total = torch.zeros(())
        for source in range(stage, 4):
            conv, norm = double.compositions[stage - 1].links[str(source)]
            linked = norm(conv(seen[source]))
            rows = (torch.arange(x.shape[2]) * linked.shape[2]) // x.shape[2]
            columns = (torch.arange(x.shape[3]) * linked.shape[3]) // x.shape[3]
            total = total + linked[:, :, rows][:, :, :, columns]
        x = layers[stage](x + total)
        torch.testing.assert_close(found[stage], x, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_swin_adds_its_normalised_map_at_once() -> None:
    body = randomise(swin())
    double = CBNet(swin, SMALL_SWIN)
    double.load_both(body.state_dict())
    double.eval()
    image = torch.randn(1, 3, 64, 64)
    model = body.model
    seen = body(image)
    x = model.patch_embed(image)
    for stage, layer in enumerate(model.layers):
        x = layer.blocks(layer.downsample(x) + seen[stage].permute(0, 2, 3, 1))
        wanted = body.norms[stage](x.permute(0, 3, 1, 2))
        torch.testing.assert_close(double.maps(image)[stage], wanted, rtol=1e-4, atol=1e-5)
    for stage, composition in enumerate(double.compositions):
        assert isinstance(composition.links[str(stage)], nn.Identity)
        del composition.links[str(stage)]
        composition.links[str(stage)] = nn.Conv2d(*[seen[stage].shape[1]] * 2, 1, bias=False)
        nn.init.zeros_(composition.links[str(stage)].weight)
    assert_equal(double.maps(image), seen)


def test_the_assistant_only_gives() -> None:
    """Without its gradients, those of the lead and of the links stay the same."""
    double = CBNet(resnet, "resnet10t")
    for module in double.compositions.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
    gradients = []
    for frozen in (False, True):
        double.assistant.requires_grad_(not frozen)
        double.zero_grad()
        torch.manual_seed(0)
        sum(each.sum() for each in double.maps(torch.randn(2, 3, 64, 64))).backward()
        gradients.append({name: p.grad for name, p in double.named_parameters()})
    for name, gradient in gradients[0].items():
        if name.startswith("assistant."):
            assert gradients[1][name] is None
        else:
            torch.testing.assert_close(gradient, gradients[1][name])
    assert any(
        gradient.any()
        for name, gradient in gradients[0].items()
        if name.startswith("assistant.body.layer4")
    )


def test_links_keep_their_statistics() -> None:
    double = CBNet(resnet, "resnet10t").train()
    double.maps(torch.randn(2, 3, 64, 64))
    norm = double.compositions[0].links["2"].norm
    assert not norm.running_mean.any() and int(norm.num_batches_tracked) == 0
    assert int(double.lead.body.layer2[0].bn1.num_batches_tracked) == 1


def test_the_same_level_alone() -> None:
    double = CBNet(resnet, "resnet10t", dense=False)
    assert [list(each.links) for each in double.compositions] == [["1"], ["2"], ["3"]]
    with pytest.raises(ValueError, match="shared: expected 0 to 3, found 4"):
        CBNet(resnet, "resnet10t", shared=4)


def test_losses_of_both() -> None:
    one, two = torch.tensor(2.0), torch.tensor(3.0)
    losses = joint_losses({"box": one, "name": two}, {"box": two, "name": one})
    assert {name: float(loss) for name, loss in losses.items()} == {
        "box0": 1.0, "name0": 1.5, "box1": 3.0, "name1": 2.0
    }  # fmt: skip
    alone = joint_losses({"box": one}, {"box": two}, weight=0)
    assert float(sum(alone.values())) == 3.0


@torch.no_grad()
def check_kind(name: str) -> None:
    """A chain is its network, and two begin as one but for identities."""
    source = find(name)
    side = min(source.input[0], 96)
    single = randomise(create_backbone(name, (side, side)))
    image = torch.rand(1, 3, side, side)
    wanted = single(image)
    double = create_backbone(f"db_{name}", (side, side))
    assert double.channels == source.channels and double.reductions == source.reductions
    network = double.body.model
    state = chain_of(name, single.body).body.state_dict()
    network.load_both(state)
    pixels = image * double._scale + double._offset
    assistant, lead = network.eval().both(pixels)
    if name.startswith("wide"):
        # The class token is left out, and so is the last norm.
        wanted = assistant
    assert_equal(assistant, wanted)
    if not network.assistant.normed or not network.assistant.parts.entries:
        assert_equal(lead, assistant)
    randomise(network.compositions)
    assert not torch.equal(network.maps(pixels)[-1], lead[-1])


@pytest.mark.parametrize("name", KINDS)
def test_two_of_the_shelf(name: str) -> None:
    check_kind(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [each for each in ALL if each not in KINDS])
def test_two_of_any_family(name: str) -> None:
    check_kind(name)


def test_the_lead_of_a_plain_network_has_no_stem() -> None:
    network = create_backbone("db_wide_vit_3_12", (96, 96)).body.model
    lead, assistant = network.lead.body, network.assistant.body
    assert not list(lead.patches.parameters()) and lead.positions is None
    assert counted(lead.blocks) == counted(assistant.blocks) == counted(lead)
    assert sum(len(each.links) for each in network.compositions) == 6


def test_what_has_no_stages_is_refused() -> None:
    with pytest.raises(BackboneError, match="whose stages can be run alone, found vit_comer_tiny"):
        create_backbone("db_vit_comer_tiny", (96, 96))
    with pytest.raises(DetectorError, match="found 'db_nothing'"):
        create_detector("dosod", backbone="db_nothing")


@torch.no_grad()
def test_a_detector_has_one_neck() -> None:
    size = (96, 160)
    single = create_detector("dosod", backbone="shvit_s1", size=size).eval()
    double = create_detector("dosod", backbone="db_shvit_s1", size=size).eval()
    image, text = torch.rand(1, 3, *size), torch.randn(2, 256)
    more = multiply_adds(double, image, text) - multiply_adds(single, image, text)
    bodies = [each.backbone.backbone for each in (double, single)]
    assert more == multiply_adds(bodies[0], image) - multiply_adds(bodies[1], image)
    boxes, scores = double.detect(image, text)
    assert boxes.shape == (1, 315, 4) and scores.isfinite().all()


class Tiny(nn.Module):
    """A heat map of squares, from two narrow ResNets or one."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        make = partial(resnet, block=BasicBlock, channels=(16, 32, 48, 64), stem_width=16)
        self.network = CBNet(make, "resnet10t", dense=kind != "same level", num_classes=0)
        self.single = kind == "single"
        self.heads = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in (32, 48, 64))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Returns logits [B, 8, 8] of the assistant and of the lead."""
        return [self.head(maps) for maps in self.network.both(x)][: 1 if self.single else 2]

    def head(self, maps: list[torch.Tensor]) -> torch.Tensor:
        found = [head(each) for head, each in zip(self.heads, maps[1:], strict=True)]
        sizes = [F.interpolate(each, size=(8, 8)) for each in found]
        return sum(sizes[1:], start=sizes[0])[:, 0]


def squares(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns pictures of a bright and a dim square in noise, and where the bright one is."""
    generator = torch.Generator().manual_seed(seed)
    images = 0.5 * torch.randn(count, 3, 64, 64, generator=generator)
    places = torch.randint(0, 8, (count, 2, 2), generator=generator)
    truth = torch.zeros(count, 8, 8)
    for index in range(count):
        for level, (row, column) in zip((0.5, 1.0), places[index].tolist(), strict=True):
            images[index, :, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] += level
        truth[index, places[index, 1, 0], places[index, 1, 1]] = 1
    return images, truth


def loss_of(kind: str, seed: int) -> float:
    """Returns the loss of the lead, or of the single one, on other pictures after 80 steps."""
    torch.manual_seed(seed)
    model = Tiny(kind).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    score = partial(F.binary_cross_entropy_with_logits, pos_weight=torch.tensor(10.0))
    for step in range(80):
        images, truth = squares(16, 100 * seed + step)
        found = [{"heat": score(each, truth)} for each in model(images)]
        losses = found[0] if kind == "single" else joint_losses(*found)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    images, truth = squares(128, 9999)
    with torch.no_grad():
        return float(score(model.eval()(images)[-1], truth))


@pytest.mark.slow
def test_two_learn_no_less_than_one() -> None:
    kinds = ("double", "same level", "single")
    means = [sum(loss_of(kind, seed) for seed in range(3)) / 3 for kind in kinds]
    print(means)
    assert means[0] <= means[2]
    assert means[0] <= means[1] * 1.1
