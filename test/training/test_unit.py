# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""UNIT: what is held, what is read, and what is left after training (card 63)."""

from __future__ import annotations

import copy
import itertools

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from test.examples.loading import example  # noqa: E402
from vit_perception.models.heads.reading import (  # noqa: E402
    FeatureDecoder,
    QueryCompressor,
    TextDecoder,
)
from vit_perception.models.shelf import create_backbone  # noqa: E402
from vit_perception.models.text.characters import (  # noqa: E402
    CharacterError,
    Characters,
)
from vit_perception.training.signs import Signs  # noqa: E402
from vit_perception.training.unit import (  # noqa: E402
    Lesson,
    ReadingEncoder,
    character_error_rate,
    feature_loss,
    forgetting,
    lessons,
    teach,
)

# After our package, which makes it importable beside any build of torch.
timm = pytest.importorskip("timm")

pytestmark = pytest.mark.torch


class Patches(nn.Module):
    """The smallest encoder: a map of stride 8."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 24, 8, 8)
        self.norm = nn.GroupNorm(1, 24)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.norm(self.layer(x))]


def reading() -> ReadingEncoder:
    torch.manual_seed(0)
    return ReadingEncoder(
        Patches(), 24, Characters("ab"), 24, heads=2, depth=1, longest=4, queries=3
    )


def size(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


def test_counts_of_the_card() -> None:
    assert size(FeatureDecoder(384)) == 295_680
    assert size(TextDecoder(98).layers[0]) == 2_366_592
    student = timm.create_model("vit_small_patch16_224", num_classes=0)
    assert size(student) == 21_665_664
    assert QueryCompressor(384)(torch.zeros(2, 50, 384)).shape == (2, 32, 384)


def test_a_copy_of_the_teacher_has_nothing_to_correct() -> None:
    made = reading().train()
    images = torch.rand(2, 3, 32, 48)
    loss = made.anchor_loss(images)
    assert float(loss.detach()) < 1e-5
    made.anchor_loss(images + 0.5 * torch.rand(2, 3, 32, 48), images).backward()
    assert all(each.grad is None for each in made.teacher.parameters())
    assert all(each.grad is not None for each in made.features.parameters())
    assert made.encoder.layer.weight.grad.any()
    assert not any(module.training for module in made.teacher.modules())


def test_a_teacher_sees_its_own_size() -> None:
    """On flat pictures it does not matter."""
    made = reading()
    large = torch.rand(2, 3, 1, 1).expand(-1, -1, 64, 64)
    assert float(made.anchor_loss(large, large[:, :, :32, :32]).detach()) < 1e-5


def test_the_loss_of_features_is_of_angles_and_of_distances() -> None:
    found = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    wanted = torch.tensor([[[0.0, 1.0], [0.0, 3.0]]])
    # One of two at a right angle; differences 1, 1, 0 and 1.
    assert float(feature_loss(found, wanted)) == pytest.approx(0.5 + 0.75)


@torch.no_grad()
def test_a_character_does_not_know_those_behind_it() -> None:
    torch.manual_seed(0)
    decoder = TextDecoder(7, 24, 2, 2, 48, longest=6).eval()
    queries = torch.randn(1, 3, 24)
    text = torch.tensor([[1, 4, 5, 6]])
    other = torch.tensor([[1, 4, 6, 3]])
    found, changed = decoder(text, queries), decoder(other, queries)
    torch.testing.assert_close(found[:, :2], changed[:, :2])
    assert (found[:, 2] - changed[:, 2]).abs().max() > 1e-3
    assert (decoder(text, queries + 1 + torch.rand(3, 24)) - found).abs().max() > 1e-3
    written = decoder.write(queries.repeat(2, 1, 1))
    assert torch.equal(written[0], written[1]) and written.shape[1] <= 7


def test_texts_go_round() -> None:
    characters = Characters()
    assert len(characters) == 99
    texts = ["EXIT 12", "", "a\nb~"]
    numbers = characters.numbers(texts)
    assert numbers.shape == (3, 9)
    assert characters.texts(numbers) == texts
    with pytest.raises(CharacterError, match="expected characters of the alphabet, found 'ä'"):
        characters.numbers(["nächste"])


def test_edits_are_counted() -> None:
    assert character_error_rate(["abc", "kitten"], ["abc", "sitting"]) == pytest.approx(3 / 10)
    assert character_error_rate([""], ["ab"]) == 1
    assert character_error_rate(["ba"], ["ab"]) == 1


def test_stages_have_their_sizes() -> None:
    def documents(side: int) -> tuple[Tensor, list[str]]:
        return torch.zeros(1, 3, side, side), ["a"]

    def scenes(side: int) -> Tensor:
        return torch.zeros(1, 3, side, side)

    found = []
    for swapped in (False, True):
        (lesson,) = itertools.islice(lessons(documents, scenes, 16, 32, swapped=swapped), 1)
        found.append(
            ([len(x[0][0, 0]) for x in lesson.documents], [len(x[0, 0]) for x in lesson.scenes])
        )
    assert found == [([32], [16]), ([32, 16], [16, 32])]


def test_it_reads_what_it_was_taught_and_features_are_held() -> None:
    """Two pictures by heart."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(2, 3, 16, 16, generator=generator)
    scenes = torch.rand(8, 3, 16, 16, generator=generator)
    texts = ["ab", "baa"]
    lost = {}
    for anchor in (0.0, 3.0):
        made = reading()
        kept = copy.deepcopy(made.teacher).state_dict()
        course = itertools.repeat(Lesson(((images, texts),), (scenes,)))
        losses = teach(made, course, 120, rate=5e-3, anchor=anchor)
        assert losses[-1][0] < 0.1 < losses[0][0]
        assert made.read(images) == texts
        lost[anchor] = forgetting(made, scenes)
        teacher = made.teacher.state_dict()
        assert all(torch.equal(value, kept[key]) for key, value in teacher.items())
    assert lost[3.0] < 0.5 * lost[0.0]


def test_the_encoder_is_left_as_it_was_but_for_its_weights() -> None:
    encoder = create_backbone("unit_mini", (32, 32))
    before = {key: tuple(value.shape) for key, value in encoder.state_dict().items()}
    made = ReadingEncoder(encoder, 384, longest=4)
    images = torch.rand(1, 3, 48, 48)
    losses = teach(made, [Lesson(((images, ["hell"]),), (images,))], 1, rate=1e-3, known=32)
    assert len(losses) == 1 and losses[0][1] > 0
    assert made.encoder is encoder
    assert {key: tuple(value.shape) for key, value in encoder.state_dict().items()} == before
    learned, old = encoder.state_dict(), made.teacher.state_dict()
    assert not all(torch.equal(value, old[key]) for key, value in learned.items())


def test_signs_show_their_texts() -> None:
    pictures, texts = Signs(0, 6, characters=(2, 5), lines=(1, 3))(64)
    assert pictures.shape == (6, 3, 64, 64) and pictures.dtype == torch.float32
    assert pictures.min() >= 0 and pictures.max() <= 1
    lines = [line for text in texts for line in text.split("\n")]
    assert {len(text.split("\n")) for text in texts} <= {1, 2, 3}
    assert all(2 <= len(line) <= 5 for line in lines)
    again, same = Signs(0, 6, characters=(2, 5), lines=(1, 3))(64)
    assert torch.equal(again, pictures) and same == texts
    # The same seed with another text: only the ink differs.
    one, two = (Signs(1, 1, tilt=0.0).picture(text, 96) for text in ("WW", "W."))
    changed = abs(one - two).max(2) > 0.1
    assert 0.01 < changed.mean() < 0.3


@pytest.mark.slow
def test_an_anchor_keeps_shapes_and_the_swap_helps_small_signs() -> None:
    signs = example("learn_to_read")
    encoder, names = signs.looking()
    before = signs.known(encoder, names)
    scenes = signs.Shapes(2, 200).scenes(signs.SMALL)
    found = {}
    for name, options in {"a": (0.0, 0), "b": (1.0, 0), "c": (1.0, 100)}.items():
        made = signs.reader(encoder, *options)
        found[name] = (
            signs.errors(made, signs.LARGE),
            signs.errors(made, signs.SMALL),
            before - signs.known(made.encoder, names),
            signs.forgetting(made, scenes),
        )
    print(found)
    assert found["b"][2] < 0.05 < found["a"][2]
    assert found["b"][3] < 0.3 * found["a"][3]
    assert found["c"][1] < found["b"][1]
