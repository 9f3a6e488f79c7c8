# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The face of the package: import vit_perception as vp."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import vit_perception as vp
from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.files import BundleError
from vit_perception.bundle.paths import NotInstalledError
from vit_perception.examples import Example, Examples, ExamplesError
from vit_perception.frame import FrameError
from vit_perception.images.media import MediaError
from vit_perception.names import VocabularyError
from vit_perception.perceiver.examples_file import write_examples
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import PerceiverError, Settings

from .refusals import refusal_of
from .toy_bundle import SQUARES, toy_picture, write_toy_region_bundle

PIXELS, _ = toy_picture(64, 96, SQUARES)


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, vit_perception as vp\n"
        "print([m for m in ('numpy', 'cv2', 'onnxruntime') if m in sys.modules], dir(vp))\n"
        "print(vp.load.__name__, vp.Detections.__name__)"
    )
    root = Path(__file__).resolve().parents[1]
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    first, second = result.stdout.splitlines()
    assert first == "[] ['Detections', 'Frame', 'Vocabulary', '__version__', 'load']"
    assert second == "load Detections"
    with pytest.raises(AttributeError, match="no attribute 'laod'"):
        _ = vp.laod


def test_names_of_a_call_are_for_that_call(toy_bundle_dir: Path) -> None:
    perceiver = vp.load(toy_bundle_dir, settings=Settings(max_detections=5))
    found = perceiver(PIXELS, names=["blue", "green"])
    assert sorted(each.name for each in found) == ["blue", "green"]
    assert found.names == ("blue", "green")
    assert sorted(each.name for each in perceiver(vp.Frame(PIXELS))) == ["blue", "green", "red"]


def test_names_of_a_call_follow_a_change_of_settings(toy_bundle_dir: Path) -> None:
    perceiver = vp.load(toy_bundle_dir)
    assert len(perceiver(PIXELS, ["blue"])) == 1
    perceiver.change(settings=Settings(score_threshold=1.0))
    assert len(perceiver(PIXELS, ["blue"])) == 0


def test_names_to_begin_with(toy_bundle_dir: Path) -> None:
    perceiver = vp.load(str(toy_bundle_dir), ["red"], threads=1)
    assert [each.name for each in perceiver(PIXELS)] == ["red"]


def test_a_picture_by_its_path(toy_bundle_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "squares.png"
    assert cv2.imwrite(str(path), PIXELS[..., ::-1])
    perceiver = vp.load(toy_bundle_dir)
    for given in (path, str(path)):
        np.testing.assert_array_equal(perceiver(given).boxes, perceiver(PIXELS).boxes)
    line = refusal_of(MediaError, lambda: perceiver(tmp_path / "absent.png"))
    assert line.endswith("absent.png: expected a readable file, found No such file or directory")


def test_what_is_refused(toy_bundle_dir: Path, toy_perceiver: Perceiver, tmp_path: Path) -> None:
    perceiver = vp.load(toy_bundle_dir)
    assert "expected uint8" in refusal_of(FrameError, lambda: perceiver(PIXELS.astype(float)))
    line = refusal_of(VocabularyError, lambda: perceiver(PIXELS, names=[]))
    assert line == "names: expected 1..4096, found 0"
    assert "expected a sequence" in refusal_of(VocabularyError, lambda: perceiver(PIXELS, "red"))
    for text in ("mug", "red mug"):
        line = refusal_of(VocabularyError, lambda t=text: vp.load(toy_bundle_dir, names=t))
        assert line == f"names: expected a sequence, found the text '{text}'"
    assert "without an encoder" in refusal_of(PerceiverError, lambda: toy_perceiver(PIXELS, ["a"]))
    with pytest.raises((BundleError, NotInstalledError)):
        vp.load(tmp_path / "absent")


def test_names_and_settings_are_changed_for_the_calls_that_follow(toy_bundle_dir: Path) -> None:
    perceiver = vp.load(toy_bundle_dir)
    perceiver.change(names=[" blue", "red"], settings=Settings(max_detections=1))
    found = perceiver(PIXELS)
    assert (found.names, len(found)) == (("blue", "red"), 1)
    for changes, words in (
        ({"vocabulary": ["mug"]}, "expected Vocabulary, found ['mug']"),
        ({"settings": {"masks": False}}, "expected Settings, found {'masks': False}"),
        ({"names": ["red"], "vocabulary": perceiver.vocabulary}, "found both"),
    ):
        assert words in refusal_of(PerceiverError, lambda c=changes: perceiver.change(**c))
    assert perceiver.vocabulary.names == ("blue", "red")


@pytest.fixture(name="region_bundle_dir", scope="module")
def _region_bundle_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_region_bundle(tmp_path_factory.mktemp("bundles") / "toy").directory


def test_what_was_shown_is_kept_and_found_again(region_bundle_dir: Path, tmp_path: Path) -> None:
    image, boxes = toy_picture(64, 96, {"magenta": (0, 1), "red": (3, 4), "cyan": (5, 8)})
    perceiver = vp.load(region_bundle_dir, ["red", "green"], threads=1)
    perceiver.teach(image, boxes["magenta"], "my mug")
    perceiver.teach(image, boxes["cyan"], "my mug", negative=True)
    examples = perceiver.vocabulary.examples
    assert examples is not None
    write_examples(tmp_path / "mine", examples)
    for names, found in ((["green"], []), (["red"], ["red"]), ((), [])):
        again = vp.load(region_bundle_dir, names, taught=tmp_path / "mine", threads=1)
        assert again.vocabulary.names == (*names, "my mug")
        assert sorted(each.name for each in again(image)) == ["my mug", *found]
        best = next(each for each in again(image) if each.name == "my mug")
        np.testing.assert_allclose(best.box, boxes["magenta"], atol=0.5)
    assert vp.load(region_bundle_dir, taught=str(tmp_path / "mine")).vocabulary.said == (
        "red",
        "green",
        "blue",
    )


def test_what_was_shown_is_forgotten(region_bundle_dir: Path) -> None:
    image, boxes = toy_picture(64, 96, {"magenta": (0, 1), "red": (3, 4)})
    perceiver = vp.load(region_bundle_dir, ["red"], threads=1)
    perceiver.teach(image, boxes["magenta"], "my mug")
    perceiver.teach(image, boxes["magenta"], "red")
    assert perceiver.vocabulary.version == 3
    perceiver.forget("my mug")
    assert (perceiver.vocabulary.names, perceiver.vocabulary.shown) == (("red",), ("red",))
    perceiver.forget("red")
    assert (perceiver.vocabulary.names, perceiver.vocabulary.shown) == (("red",), ())
    assert [each.name for each in perceiver(image)] == ["red"]
    assert perceiver.vocabulary.version == 5
    line = refusal_of(ExamplesError, lambda: perceiver.forget("red"))
    assert line == "expected a name that was shown (none), found 'red'"


def test_examples_of_another_bundle_are_refused(
    region_bundle_dir: Path, toy_bundle_dir: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mine"
    write_examples(path, Examples("another"))
    line = refusal_of(ExamplesError, lambda: vp.load(region_bundle_dir, taught=path))
    assert line.startswith(f"{path}: expected examples shown to toy (")
    assert line.endswith(
        "found some shown to another bundle (another); renew them: vit-perception teach "
        f"--renew {path} --bundle {region_bundle_dir} --out NEW"
    )
    line = refusal_of(ExamplesError, lambda: vp.load(toy_bundle_dir, taught=path))
    assert "expected a bundle of format 2, which can be taught" in line
    row = np.ones(1, np.float32)
    space = Bundle.load(region_bundle_dir).embedding_id
    write_examples(path, Examples(space, (Example("a", row, row[None]),)))
    line = refusal_of(ExamplesError, lambda: vp.load(region_bundle_dir, taught=path))
    assert line == f"{path}: expected embeddings of 384 values, found 1"
