# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""kMaX-DeepLab: counts, clusters, beginnings, graph, merging and learning (card 56)."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.export.onnx_graph import to_onnx  # noqa: E402
from vit_perception.models.macs import multiply_adds  # noqa: E402
from vit_perception.models.segmenters import kmax_deeplab as kmax  # noqa: E402
from vit_perception.models.segmenters.kmax_deeplab import (  # noqa: E402
    BACKBONES,
    KMaxDeepLab,
    KMeansLayer,
    Prediction,
    SemanticHead,
    cluster_sums,
    kmax_deeplab,
)
from vit_perception.models.segmenters.kmax_pixels import AxisAttention  # noqa: E402
from vit_perception.models.segmenters.panoptic import CITYSCAPES, merged  # noqa: E402
from vit_perception.models.shelf import for_inference  # noqa: E402
from vit_perception.training.kmax_losses import Segments, kmax_loss, match  # noqa: E402

from .scenes import CLASSES, scenes  # noqa: E402

pytestmark = pytest.mark.torch

#: Millions of parameters: pixel decoder, all, and the head for training alone.
CARD = {
    "resnet50": (21.151, 56.58, 15.857),
    "convnext_tiny": (21.197, 60.94, 6.328),
    "convnext_small": (21.197, 82.57, 6.328),
    "convnext_base": (22.028, 121.51, None),
    "convnext_large": (23.689, 231.84, None),
}


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def small(queries: int = 16, classes: int = 5) -> KMaxDeepLab:
    """Returns the network on a backbone of 0.4 M parameters."""
    import timm  # after the package, which mends torchvision for it

    body = timm.create_model("mobilenetv3_small_050", features_only=True, out_indices=(1, 2, 3, 4))
    return KMaxDeepLab(body, body.feature_info.channels(), classes, queries)


@pytest.mark.parametrize("name", BACKBONES)
def test_counts_of_the_card(name: str) -> None:
    decoder, whole, training = CARD[name]
    with torch.device("meta"):
        model = kmax_deeplab(133, name)
        channels = [each.normalized_shape[0] for each in model.decoder.norms][::-1]
        head = SemanticHead(channels, 133)
    assert round(count(model.decoder) / 1e6, 3) == decoder
    assert round(count(model) / 1e6, 2) == whole
    rest = count(model) - count(model.backbone) - count(model.decoder)
    assert round(rest / 1e6, 3) == 11.921
    assert round(sum(count(each.predictor) for each in model.layers) / 1e6, 3) == 1.041
    assert training is None or count(head) / 1e6 == pytest.approx(training, abs=6e-4)


@pytest.mark.parametrize(
    ("size", "backbone", "rest"),
    [((801, 1201), 80.3, 66.6 + 24.4), ((641, 641), 34.9, 39.4), ((1281, 1281), 136.4, 155.6)],
)
def test_macs_of_the_card(size: tuple[int, int], backbone: float, rest: float) -> None:
    with torch.device("meta"):
        model = kmax_deeplab(133).eval().requires_grad_(False)
        image = torch.zeros(1, 3, *size)
    own = multiply_adds(model.backbone, image) / 1e9
    assert own == pytest.approx(backbone, abs=0.06)
    assert multiply_adds(model, image) / 1e9 - own == pytest.approx(rest, abs=0.11)


def test_a_query_gets_the_sum_of_its_pixels_and_no_gradient_goes_back() -> None:
    torch.manual_seed(0)
    masks = torch.randn(2, 7, 5, 6, requires_grad=True)
    values = torch.randn(2, 3, 5, 6, requires_grad=True)
    found = cluster_sums(masks, values)
    owners = masks.argmax(1).flatten(1)
    for picture in range(2):
        wanted = torch.zeros(3, 7).index_add(1, owners[picture], values[picture].flatten(1))
        torch.testing.assert_close(found[picture, :, :, 0], wanted, rtol=1e-6, atol=1e-6)
    # Every pixel is counted once.
    torch.testing.assert_close(found.sum((2, 3)), values.sum((2, 3)))
    found.square().sum().backward()
    assert masks.grad is None and values.grad is not None


@torch.no_grad()
def test_a_layer_begins_as_two_activations() -> None:
    layer = KMeansLayer(64, 5, 0.2).eval()
    queries = torch.randn(2, 256, 9, 1)
    moved, found = layer(torch.randn(2, 64, 8, 10), queries)
    torch.testing.assert_close(moved, F.gelu(F.gelu(queries)))
    void = found.classes.softmax(2)[..., -1]
    assert void.mean() == pytest.approx(0.9, abs=0.05)


@torch.no_grad()
def test_attention_is_the_sum_over_places() -> None:
    attention = randomise(AxisAttention(16, 16, 32))
    x = torch.randn(1, 16, 2, 5)
    found = attention(x)
    query, key, value = attention.project(x).split(attention.split, 1)
    of_query, of_key, of_value = attention.tables
    row, logits, seen = 1, torch.zeros(1, 24, 5, 5), torch.zeros(1, 64, 1, 5)
    heads = [each[0, :, row].unflatten(0, (8, -1)) for each in (query, key, value)]
    for first in range(5):
        for second in range(5):
            place = second - first + 254
            q, k = heads[0][:, :, first], heads[1][:, :, second]
            logits[0, :8, first, second] = (q * k).sum(1)
            logits[0, 8:16, first, second] = q @ of_query[place]
            logits[0, 16:, first, second] = k @ of_key[place]
    weights = attention.logits_norm(logits).unflatten(1, (3, 8)).sum(1).softmax(3)[0]
    for first in range(5):
        for second in range(5):
            weight, place = weights[:, first, second, None], second - first + 254
            seen[0, :32, 0, first] += (weight * heads[2][:, :, second]).flatten()
            seen[0, 32:, 0, first] += (weight * of_value[place]).flatten()
    wanted = attention.out_norm(seen).unflatten(1, (2, -1)).sum(1)
    torch.testing.assert_close(found[:, :, row : row + 1], wanted, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="at most 255, found 256"):
        attention(torch.zeros(1, 16, 1, 256))


@torch.no_grad()
def test_order_of_queries_and_constants_of_pixels_do_not_matter() -> None:
    model = randomise(small())
    image = torch.rand(1, 3, 64, 96)
    found = model(image).final
    order = torch.randperm(16)
    model.queries.copy_(model.queries[:, order])
    other = model(image).final
    torch.testing.assert_close(other.classes, found.classes[:, order], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(other.masks, found.masks[:, order], rtol=1e-3, atol=1e-3)
    values, shift = torch.randn(1, 4, *found.masks.shape[2:]), torch.randn(found.masks.shape[2:])
    assert torch.equal(
        cluster_sums(found.masks + shift, values), cluster_sums(found.masks, values)
    )
    torch.testing.assert_close((found.masks + shift).softmax(1), found.masks.softmax(1))


@torch.no_grad()
@pytest.mark.parametrize("size", [(64, 96), (65, 97)])
def test_exported_it_is_the_same(size: tuple[int, int]) -> None:
    class Final(nn.Module):
        def __init__(self, model: nn.Module) -> None:
            super().__init__()
            self.model = model

        def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
            final = self.model(image).final
            return final.classes, final.masks

    model = randomise(small())
    folded = for_inference(Final(model))
    image = torch.rand(1, 3, *size)
    graph = to_onnx(folded, (image,), ["image"], ["classes", "masks"], {})
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    found = session.run(None, {"image": image.numpy()})
    wanted = model(image).final
    for one, other in zip(found, wanted[:2], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-2, atol=1e-2)


def by_hand() -> Prediction:
    """Returns four queries of 4 x 8 px: two things, ground twice, and one that is unsure."""
    classes = torch.full((5, 4), -6.0)
    for query, (kind, logit) in enumerate([(0, 6.0), (0, 4.0), (1, 6.0), (1, 5.0), (0, -5.0)]):
        classes[query, kind] = logit
    masks = torch.full((5, 4, 8), -9.0)
    masks[0, :, :2] = 9
    masks[1, :, 2:4] = 9
    masks[2, :2, 4:] = 9
    masks[3, 2:, 4:] = 9
    return Prediction(classes, masks, torch.zeros(1, 4, 8))


def test_segments_by_hand() -> None:
    found = merged(by_hand(), (4, 8), things={0})
    # Things stay apart, equal stuff is joined; what is unsure is left out.
    assert sorted(found.classes) == [0, 0, 1] and len(found.scores) == 3
    kinds = torch.tensor([-1, *found.classes])[found.map]
    assert (kinds[:, :4] == 0).all() and (kinds[:, 4:] == 1).all()
    assert len(found.map[:, :4].unique()) == 2 and len(found.map[:, 4:].unique()) == 1
    enlarged = merged(by_hand(), (16, 32), things={0}, merging=CITYSCAPES)
    assert enlarged.map.shape == (16, 32) and sorted(enlarged.classes) == [0, 0, 1]
    nothing = by_hand()
    nothing.classes[:, -1] = 20
    assert not merged(nothing, (4, 8), things={0}).map.any()


def test_a_mask_that_others_cover_is_no_segment() -> None:
    prediction = by_hand()
    # The second thing now claims the first one's pixels too, less surely.
    prediction.masks[1, :, :2] = 8.5
    found = merged(prediction, (4, 8), things={0})
    assert sorted(found.classes) == [0, 0, 1]
    prediction.masks[1, :, :2] = 9.2
    prediction.masks[1, :, 2:4] = -9
    assert sorted(merged(prediction, (4, 8), things={0}).classes) == [0, 1]


def test_matching_prefers_sure_classes_on_overlapping_masks() -> None:
    prediction = by_hand()
    masks = torch.zeros(2, 4, 8, dtype=torch.bool)
    masks[0, :, 2:4] = True
    masks[1, :2, 4:] = True
    found = match(prediction, Segments(torch.tensor([0, 1]), masks))
    assert dict(zip(found.segments.tolist(), found.queries.tolist(), strict=True)) == {0: 1, 1: 2}


def test_the_loss_of_what_is_right_is_small_and_reaches_every_layer() -> None:
    torch.manual_seed(0)
    model = small()
    images = torch.rand(2, 3, 64, 64)
    masks = torch.zeros(2, 64, 64, dtype=torch.bool)
    masks[0, :32] = True
    masks[1, 32:, 32:] = True
    targets = [
        Segments(torch.tensor([1, 3]), masks),
        Segments(torch.tensor([], dtype=int), masks[:0]),
    ]
    loss = kmax_loss(model(images), targets)
    loss.backward()
    still = [name for name, each in model.named_parameters() if each.grad is None]
    assert still == [] and torch.isfinite(loss)


def segments_of(labels: Tensor) -> Segments:
    """Returns a segment for each class that occurs."""
    kinds = labels.unique()
    return Segments(kinds, labels[None] == kinds[:, None, None])


def quality(model: KMaxDeepLab, count: int, side: int) -> float:
    """Returns the panoptic quality over all classes together, each class one segment."""
    images, labels = scenes(count, side, 999_999, things=3)
    both = found = wanted = 0
    overlap = 0.0
    with torch.no_grad():
        final = model(images).final
    for index in range(count):
        prediction = Prediction(*(each[index] for each in final))
        panoptic = merged(prediction, (side, side), things=())
        target = segments_of(labels[index])
        found, wanted = found + len(panoptic.classes), wanted + len(target.labels)
        for number, kind in enumerate(panoptic.classes, 1):
            same = (target.labels == kind).nonzero()
            if not len(same):
                continue
            one, other = panoptic.map == number, target.masks[int(same[0])]
            iou = float((one & other).sum() / (one | other).sum())
            if iou > 0.5:
                both, overlap = both + 1, overlap + iou
    return 2 * overlap / (found + wanted) if found + wanted else 0.0


def spatial_softmax(masks: Tensor, values: Tensor) -> Tensor:
    """Returns what attention over the pixels gives each query, in place of its own pixels' sum."""
    weights = masks.float().flatten(2).softmax(2)
    return (values.flatten(2).float() @ weights.transpose(1, 2)).unsqueeze(3)


@pytest.mark.slow
def test_it_learns_in_fewer_steps_than_attention_over_pixels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: dict[str, list[float]] = {}
    for name in ("k-means", "attention"):
        if name == "attention":
            monkeypatch.setattr(kmax, "cluster_sums", spatial_softmax)
        torch.manual_seed(0)
        model = small(classes=CLASSES)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
        generator = torch.Generator().manual_seed(0)
        found[name] = []
        for step in range(240):
            images, labels = scenes(8, 96, step, things=3)
            optimizer.zero_grad()
            loss = kmax_loss(model.train()(images), [segments_of(e) for e in labels], generator)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            if step % 60 == 59:
                found[name].append(quality(model.eval(), 32, 96))
        print(name, found[name])
    assert found["k-means"][-1] > 0.15
    assert sum(found["k-means"]) >= sum(found["attention"])
