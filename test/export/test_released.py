# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Released checkpoints: what they are is seen, and their bundles find what the models find."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
# Makes transformers importable beside any build of torch.
pytest.importorskip("vit_perception.models")
pytest.importorskip("transformers")

from vit_perception.bundle.bundle import Bundle  # noqa: E402
from vit_perception.compression.quantization.quantize import quantize_bundle  # noqa: E402
from vit_perception.engine.factory import open_session  # noqa: E402
from vit_perception.export.released import find_clip, import_fixed, import_live  # noqa: E402
from vit_perception.export.trained import ExportError, load_bundle_model  # noqa: E402
from vit_perception.models.checkpoint_reader import load_inertly  # noqa: E402
from vit_perception.models.detectors import released as released_module  # noqa: E402
from vit_perception.models.detectors.dosod import DOSOD, reparameterize  # noqa: E402
from vit_perception.models.detectors.released import (  # noqa: E402
    Released,
    ReleasedError,
    read_released,
)
from vit_perception.models.text.clip import ClipTextError  # noqa: E402
from vit_perception.perceiver.candidates import rows_of_names  # noqa: E402
from vit_perception.text.builder import VocabularyBuilder  # noqa: E402

from ..compression.deep_toy import write_squares  # noqa: E402
from ..models.text.tiny_clip import tower_state, write_clip, write_tokenizer  # noqa: E402
from .released_files import folded, lively, released_state, write_released  # noqa: E402

pytestmark = pytest.mark.torch

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("VIT_PERCEPTION_SHARED", ROOT.parent / "shared")) / "dosod"
HEIGHT, WIDTH = 64, 96
#: Of the test's text tower; CLIP's own is 512.
DIMENSION = 64
NAMES = ("red mug", "spoon", "wooden spoon", "mug", "fork")
OPTIONS = {"name": "imported", "size": (HEIGHT, WIDTH), "top_k": 120}


@pytest.fixture(scope="module", autouse=True)
def read_here() -> Iterator[None]:
    """Reads files in this process: a process each takes seconds, and has tests of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(released_module, "read_state_dict", load_inertly)
        yield


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip"), DIMENSION)


@pytest.fixture(scope="module")
def training_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files") / "dosod_mlp3x_s.pth"
    return write_released(path, lively(text_dimension=DIMENSION))


@pytest.fixture(scope="module")
def live(
    training_file: Path, clip_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Bundle:
    released = read_released(training_file)
    clip = find_clip(released, clip_folder)
    out = tmp_path_factory.mktemp("live") / "bundle"
    return import_live(released, out, names=NAMES, clip=clip, **OPTIONS)


def picture() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8)


def anchors_of(model: DOSOD, embeddings: object = None) -> tuple[np.ndarray, np.ndarray]:
    """Boxes [A, 4] and scores [A, K] as the network in torch gives them."""
    image = torch.from_numpy(picture()).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        boxes, scores = model.detect(image, embeddings)
    return boxes[0].numpy(), scores[0].numpy()


def assert_found(bundle: Bundle, expected: tuple[np.ndarray, ...], **feed: np.ndarray) -> None:
    """The bundle's rows are the best pairs of anchor and class."""
    feed |= {"image": picture()}
    feed["class_thresholds"] = np.full(len(bundle.default_names), 1e-9, np.float32)
    if bundle.regions is not None:
        feed["anything_embedding"] = bundle.regions.anything[None]
    rows = rows_of_names(open_session(bundle.graph(), threads=1).run(feed))
    found = {name: value[0] for name, value in rows.items()}
    boxes, scores = expected
    best = np.sort(scores.flatten())[::-1][: len(found["scores"])]
    # Of random weights: far enough apart that the order says something.
    assert best[0] - best[-1] > 0.05
    np.testing.assert_allclose(found["scores"], best, rtol=1e-4, atol=1e-7)
    distances = np.abs(found["boxes"][:, None] - boxes[None]).max(axis=2)
    rows = distances.argmin(axis=1)
    assert distances.min(axis=1).max() <= 1e-2
    pairs = scores[rows, found["labels"]]
    np.testing.assert_allclose(found["scores"], pairs, rtol=1e-4, atol=1e-7)


def test_a_training_file_becomes_a_live_bundle(live: Bundle, training_file: Path) -> None:
    assert (live.architecture, live.fixed_vocabulary) == ("dosod_s", False)
    assert (live.input_height, live.input_width, live.pad_value) == (HEIGHT, WIDTH, 114)
    assert (live.text_encoder_id, live.text_dimension) == ("clip-vit-base-patch32", DIMENSION)
    assert live.default_names == live.ready_made().names == NAMES
    assert (live.score_threshold, live.iou_threshold) == (0.25, 0.65)
    model = read_released(training_file).model
    embeddings = model.embed(torch.from_numpy(live.ready_made().embeddings.copy()))
    adaptor = open_session(live.text_adaptor() or b"", threads=1)
    adapted = adaptor.run({"text_embeddings": live.ready_made().embeddings})["class_embeddings"]
    np.testing.assert_allclose(adapted, embeddings.detach(), rtol=0, atol=1e-5)
    assert_found(live, anchors_of(model, embeddings), class_embeddings=adapted)


def test_the_robot_takes_new_names(live: Bundle, clip_folder: Path, tmp_path: Path) -> None:
    names = ("mug", "a name that nobody has made ready")
    found = VocabularyBuilder(live, cache_dir=tmp_path).build(names, 1)
    clip = find_clip(released_of(tower={}), clip_folder)
    np.testing.assert_allclose(found.embeddings, clip(names), rtol=0, atol=1e-5)


def test_a_rep_file_becomes_a_fixed_bundle(tmp_path: Path) -> None:
    classes = 80
    model = folded(lively(), classes)
    released = read_released(write_released(tmp_path / "dosod_s_rep.pth", model))
    assert (released.architecture, released.classes) == ("dosod_s", classes)
    names = [f"thing {index}" for index in range(classes)]
    bundle = import_fixed(released, tmp_path / "out", names=names, **OPTIONS)
    assert bundle.fixed_vocabulary
    assert bundle.default_names == tuple(names)
    assert bundle.text_encoder_files is None
    assert_found(bundle, anchors_of(model))


def test_both_forms_find_the_same(live: Bundle, training_file: Path, tmp_path: Path) -> None:
    model = read_released(training_file).model
    embeddings = model.embed(torch.from_numpy(live.ready_made().embeddings.copy()))
    expected = anchors_of(model, embeddings)
    reparameterize(model, embeddings)
    released = read_released(write_released(tmp_path / "rep.pth", model))
    bundle = import_fixed(released, tmp_path / "out", names=NAMES, **OPTIONS)
    assert_found(bundle, expected)


def test_the_licence_is_said(live: Bundle, training_file: Path) -> None:
    assert live.licence == "GPL-3.0"
    digest = read_released(training_file).sha256
    assert live.source == f"dosod_mlp3x_s.pth, sha256 {digest}"
    card = (live.directory / "MODEL_CARD.md").read_text()
    for part in ("GPL-3.0", "D-Robotics/DOSOD", digest, "CLIP ViT-B/32", "dosod_s"):
        assert part in card


def test_it_is_not_exported_again_under_another_licence(live: Bundle) -> None:
    with pytest.raises(ExportError, match=r"expected weights\.safetensors in the bundle"):
        load_bundle_model(live)


@pytest.mark.slow
def test_an_imported_bundle_is_quantized_as_any(live: Bundle, tmp_path: Path) -> None:
    data = write_squares(tmp_path / "data", 4)
    made = quantize_bundle(live, tmp_path / "int8", data=data, count=4, method="minmax")
    assert made.graph.quantized > 0.8 * made.graph.convolutions
    assert made.bundle.licence == "GPL-3.0"
    assert made.bundle.text_encoder() == live.text_encoder()


def test_every_number_of_names_is_seen(tmp_path: Path) -> None:
    model = folded(lively(), 1203)
    found = read_released(write_released(tmp_path / "a.pth", model))
    assert (found.architecture, found.classes, found.adaptor_layers) == ("dosod_s", 1203, 0)
    expected = model.state_dict()
    assert found.model.state_dict().keys() == expected.keys()
    assert all(torch.equal(v, expected[k]) for k, v in found.model.state_dict().items())


@pytest.mark.skipif(not SHARED.is_dir(), reason="official keys not present")
@pytest.mark.parametrize(
    "form",
    [
        "keys_rep80_s",
        *(
            pytest.param(form, marks=pytest.mark.slow)
            for form in ("keys_s", "keys_m", "keys_l", "keys_rep80_m", "keys_rep80_l")
        ),
    ],
)
def test_files_with_exactly_the_released_keys_are_read(tmp_path: Path, form: str) -> None:
    torch.manual_seed(0)
    state = {}
    for line in (SHARED / f"{form}.txt").read_text().splitlines():
        key, shape, dtype = line.split("\t")
        sizes = [int(size) for size in re.findall(r"\d+", shape)]
        state[key] = torch.rand(sizes).to(getattr(torch, dtype))
    torch.save({"state_dict": state}, tmp_path / "a.pth")
    found = read_released(tmp_path / "a.pth")
    fixed = "rep80" in form
    assert found.architecture == f"dosod_{form[-1]}"
    assert (found.classes, found.adaptor_layers) == ((80, 0) if fixed else (0, 3))
    assert len(found.text_tower) == (0 if fixed else 197)
    tower = {f"backbone_text.model.{key}": value for key, value in found.text_tower.items()}
    assert (released_state(found.model) | tower).keys() == state.keys()
    for key, value in (released_state(found.model) | tower).items():
        assert torch.equal(value, state[key])


@pytest.mark.parametrize("layers", [0, 1, 5])
def test_the_adaptors_layers_are_counted(tmp_path: Path, layers: int) -> None:
    model = lively(adaptor_layers=layers)
    found = read_released(write_released(tmp_path / f"dosod_mlp{layers}x_s.pth", model))
    assert (found.adaptor_layers, found.classes) == (layers, 0)
    text = torch.nn.functional.normalize(torch.randn(3, 512), dim=1)
    assert torch.equal(found.model.embed(text), model.embed(text))


def test_mlp0x_takes_the_towers_vectors_as_they_are(tmp_path: Path, clip_folder: Path) -> None:
    model = lively(embedding=DIMENSION, text_dimension=DIMENSION, adaptor_layers=0)
    found = read_released(write_released(tmp_path / "dosod_mlp0x_s.pth", model))
    clip = find_clip(found, clip_folder)
    bundle = import_live(found, tmp_path / "out", names=NAMES, clip=clip, **OPTIONS)
    assert bundle.text_adaptor() is None
    text = bundle.ready_made().embeddings
    np.testing.assert_array_equal(text, clip(NAMES))
    expected = anchors_of(model, torch.from_numpy(text.copy()))
    assert_found(bundle, expected, class_embeddings=text)


def released_of(tower: dict[str, torch.Tensor]) -> Released:
    model = lively(text_dimension=DIMENSION)
    return Released(Path("a.pth"), "0" * 64, "dosod_s", model, 0, 3, tower)


def test_a_tower_in_the_file_needs_only_the_tokenizer(tmp_path: Path) -> None:
    state = tower_state(DIMENSION, seed=7)
    model = lively(text_dimension=DIMENSION)
    more = {f"backbone_text__model__{key}": value for key, value in state.items()}
    found = read_released(write_released(tmp_path / "a.pth", model, **more))
    assert found.text_tower.keys() == state.keys()
    folder = write_tokenizer(tmp_path / "clip")
    np.testing.assert_array_equal(
        find_clip(found, folder).tower.text_projection.weight, state["text_projection.weight"]
    )
    # Weights beside it do not count: the file's are those it was trained with.
    write_clip(folder, DIMENSION)
    np.testing.assert_array_equal(
        find_clip(found, folder).tower.text_projection.weight, state["text_projection.weight"]
    )
    del found.text_tower["text_projection.weight"]
    with pytest.raises(ClipTextError, match=r"a\.pth: backbone_text\.model: expected a matrix"):
        find_clip(found, folder)


def test_without_clip_it_is_said_what_to_bring(tmp_path: Path) -> None:
    with pytest.raises(ReleasedError) as caught:
        find_clip(released_of(tower={}), None)
    assert str(caught.value) == (
        "a.pth: expected CLIP's text tower and tokenizer with --clip DIR, found no such option: "
        "DIR is a local copy of openai/clip-vit-base-patch32 on Hugging Face, and nothing is "
        "downloaded"
    )
    with pytest.raises(ReleasedError, match="expected CLIP's tokenizer with --clip DIR"):
        find_clip(released_of(tower=tower_state(DIMENSION)), None)
    with pytest.raises(ReleasedError, match="expected text embeddings of 64 for a.pth, found 32"):
        find_clip(released_of(tower={}), write_clip(tmp_path, 32))


def changed(path: Path, change: object) -> Path:
    state = released_state(lively(text_dimension=DIMENSION))
    change(state)  # type: ignore[operator]
    torch.save(state, path)
    return path


HEAD = "bbox_head.head_module"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda s: s.pop("neck.downsample_layers.1.bn.bias"), "found 1 missing (neck.downsample_"),
        (lambda s: s.update(extra=torch.zeros(1)), "found 0 missing and 1 unexpected (extra)"),
        (
            lambda s: s.update({f"{HEAD}.reg_preds.0.2.bias": torch.zeros(63)}),
            f"dosod_s: {HEAD}.reg_preds.0.2.bias: expected [64], found [63]",
        ),
        (
            lambda s: s.update({"backbone.stem.conv.weight": torch.zeros(40, 3, 3, 3)}),
            "expected width 32 (dosod_s), 48 (dosod_m), 64 (dosod_l), found 40",
        ),
        (
            lambda s: s.pop("backbone.stem.conv.weight"),
            "expected a DOSOD with backbone.stem.conv.weight, found none among 365 entries",
        ),
        (
            lambda s: s.update({f"{HEAD}.cls_preds.0.2.weight": torch.zeros(5000, 1, 1, 1)}),
            f"expected a DOSOD with {HEAD}.cls_preds.0.2.weight, found [5000, 1, 1, 1]",
        ),
        (
            lambda s: s[f"{HEAD}.cls_preds.0.2.bias"].fill_(float("nan")),
            f"{HEAD}.cls_preds.0.2.bias: expected finite numbers, found others",
        ),
        (
            lambda s: s.update({f"{HEAD}.text_mlp.{i}.0.weight": torch.eye(2) for i in range(9)}),
            "expected at most 8 layers of text_mlp, found 10",
        ),
        (
            lambda s: s.update({f"{HEAD}.cls_contrasts.0.conv.weight": torch.zeros(2, 512, 1, 1)}),
            "found 5 missing",
        ),
    ],
)
def test_other_entries_are_named(tmp_path: Path, change: object, expected: str) -> None:
    path = changed(tmp_path / "a.pth", change)
    with pytest.raises(ReleasedError) as caught:
        read_released(path)
    assert expected in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).isprintable()


def test_a_class_without_weights_is_refused(tmp_path: Path) -> None:
    model = folded(lively(), 3)
    model.head.cls_contrasts[0].conv.weight[1] = 0
    released = read_released(write_released(tmp_path / "a.pth", model))
    with pytest.raises(ReleasedError, match="expected weights, found zeros for class 1"):
        import_fixed(released, tmp_path / "out", names=("a", "b", "c"), **OPTIONS)


def test_other_files_are_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "a.pth")
    with pytest.raises(ReleasedError, match="expected a DOSOD with backbone.stem.conv.weight"):
        read_released(tmp_path / "a.pth")
