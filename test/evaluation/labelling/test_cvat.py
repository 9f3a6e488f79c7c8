# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""CVAT's files: written, and read as it exports them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.labelling import cvat
from vit_perception.evaluation.labelling.corrections import Corrections
from vit_perception.evaluation.labelling.exports import read_corrections
from vit_perception.evaluation.labelling.labelled import LabelledPicture
from vit_perception.evaluation.labelling.outlines import filled, outlines
from vit_perception.rle import decode_mask

from ...fuzzed_bytes import changed, changes, fuzz
from ...refusals import refusal_of
from .proposals import HEIGHT, WIDTH, boxes_only, equal, with_masks

NAMES = ("mug", "red 'mug' & <b>", "spoon")


def read(
    tmp_path: Path, content: bytes | str, pictures: list[LabelledPicture] | None = None
) -> Corrections:
    file = tmp_path / "annotations.xml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_corrections(file, boxes_only() if pictures is None else pictures)


def export(*shapes: str, name: str = "a_000000.jpg") -> str:
    image = (
        f'<image id="0" name="{name}" width="{WIDTH}" height="{HEIGHT}">{"".join(shapes)}</image>'
    )
    return f'<?xml version="1.0" encoding="utf-8"?><annotations>{image}</annotations>'


def box(**changes: object) -> str:
    fields = {"label": "mug", "xtl": 10, "ytl": 20, "xbr": 50, "ybr": 40, "occluded": 0} | changes
    return (
        f"<box {' '.join(f'{key}={chr(34)}{value}{chr(34)}' for key, value in fields.items())}/>"
    )


def mask(**changes: object) -> str:
    fields = {"label": "mug", "rle": "1, 2, 3", "left": 5, "top": 6, "width": 3, "height": 2}
    fields |= changes
    return (
        f"<mask {' '.join(f'{key}={chr(34)}{value}{chr(34)}' for key, value in fields.items())}/>"
    )


def things(corrections: Corrections) -> list[tuple[str, tuple[float, ...]]]:
    return [(each.name, each.box) for each in corrections.pictures[0].things]


def test_boxes_come_back_as_they_went(tmp_path: Path) -> None:
    corrections = read(tmp_path, cvat.text(boxes_only(), NAMES, "proposals"))
    assert equal(corrections.pictures, boxes_only(), scores=False)
    assert corrections.labels == set(NAMES)
    assert not corrections.notes


def test_masks_come_back_as_their_outlines(tmp_path: Path) -> None:
    content = cvat.text(with_masks(), ("a dot",), "proposals")
    (picture,) = read(tmp_path, content, with_masks()).pictures
    assert [thing.name for thing in picture.things] == ["a whole", "a parts", "a ring", "a dot"]
    for thing, given in zip(picture.things, with_masks()[0].things, strict=True):
        assert given.mask is not None
        assert thing.mask == filled(outlines(given.mask), (HEIGHT, WIDTH))


def test_it_has_the_elements_of_the_format() -> None:
    root = ElementTree.fromstring(cvat.text(boxes_only(), NAMES, "proposals"))
    assert root.findtext("version") == "1.1"
    assert root.findtext("meta/task/size") == "3"
    assert [each.text for each in root.findall("meta/task/labels/label/name")] == list(NAMES)
    image = root.findall("image")[2]
    assert dict(image.attrib) == {
        "id": "2",
        "name": "b_000000.png",
        "width": "200",
        "height": "120",
    }
    (first,) = image
    assert first.tag == "box"
    assert dict(first.attrib) == {
        "label": "mug",
        "source": "auto",
        "occluded": "0",
        "xtl": "10.25",
        "ytl": "20.50",
        "xbr": "60.00",
        "ybr": "90.75",
        "z_order": "0",
    }
    labels = json.loads(cvat.labels_text(NAMES))
    assert labels[2] == {"name": "spoon", "attributes": []}


def test_another_reader_finds_the_same(tmp_path: Path) -> None:
    hotcoco = pytest.importorskip("hotcoco")
    # It takes no escapes, which XML has for the other names.
    pictures = [replace(each, things=each.things[:1]) for each in boxes_only()]
    (tmp_path / "cvat.xml").write_bytes(cvat.text(pictures, ("mug",), "proposals"))
    found = hotcoco.COCO.from_cvat(str(tmp_path / "cvat.xml")).dataset
    assert [image["file_name"] for image in found["images"]] == [
        picture.file_name for picture in pictures
    ]
    assert [each["name"] for each in found["categories"]] == ["mug"]
    assert [each["bbox"] for each in found["annotations"]] == [
        [x1, y1, x2 - x1, y2 - y1]
        for picture in pictures
        for x1, y1, x2, y2 in (thing.box for thing in picture.things)
    ]


def test_names_that_xml_cannot_have_are_refused() -> None:
    line = refusal_of(EvaluationError, lambda: cvat.text([], ["a\ufffe"], "proposals"))
    assert "expected one that XML can have" in line


def test_parts_of_a_mask_are_a_group() -> None:
    root = ElementTree.fromstring(cvat.text(with_masks(), (), "proposals"))
    groups = [(each.get("label"), each.get("group_id")) for each in root.iter("polygon")]
    assert groups == [
        ("a whole", None),
        ("a parts", "2"),
        ("a parts", "2"),
        ("a ring", None),
        ("a dot", None),
    ]


def test_masks_of_the_brush_are_read_row_by_row(tmp_path: Path) -> None:
    (thing,) = read(tmp_path, export(mask())).pictures[0].things
    assert thing.mask is not None
    rows, columns = np.nonzero(decode_mask(thing.mask))
    assert list(zip(columns.tolist(), rows.tolist(), strict=True)) == [(6, 6), (7, 6)]
    assert thing.box == (6, 6, 8, 7)


def test_masks_and_polygons_of_a_group_are_one_thing(tmp_path: Path) -> None:
    polygon = '<polygon label="{}" points="100,10;120,10;120,30;100,30" group_id="4"/>'
    corrections = read(
        tmp_path, export(mask(group_id=4), polygon.format("mug"), polygon.format("spoon"))
    )
    assert things(corrections) == [("mug", (6, 6, 120, 30)), ("spoon", (100, 10, 120, 30))]


def test_rotated_boxes_become_the_boxes_around_them(tmp_path: Path) -> None:
    corrections = read(tmp_path, export(box(rotation="90.0")))
    assert things(corrections) == [("mug", (20.0, 10.0, 40.0, 50.0))]
    assert corrections.notes == {"rotated rectangles, taken as the boxes around them": 1}


def test_other_shapes_are_counted(tmp_path: Path) -> None:
    others = '<points label="a" points="1,1"/><ellipse label="a"/><script>x</script>'
    corrections = read(tmp_path, export(others, box()))
    assert len(things(corrections)) == 1
    assert set(corrections.notes) == {
        "shapes of the kind points, left out",
        "shapes of the kind ellipse, left out",
        "shapes of the kind other, left out",
    }


def test_pictures_without_shapes_are_pictures_without_things(tmp_path: Path) -> None:
    assert things(read(tmp_path, export(name="images/a_000000.jpg"))) == []


LAUGHS = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
BOMB = (
    f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "ha">{LAUGHS}]><annotations>&e9;</annotations>'
)
SECRET = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><annotations>&e;</annotations>'


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (BOMB, "without a document type"),
        (SECRET, "without a document type"),
        ('<!DOCTYPE x SYSTEM "http://host/x.dtd"><annotations/>', "without a document type"),
        ("<annotations>" + "<a>" * 100_000, "nesting without end"),
        ("<annotations><image", "expected XML"),
        ("<html/>", "found 'html'"),
        ('<annotations><track id="0" label="a"/></annotations>', "found tracks"),
        ("<annotations/>", "expected pictures that were gone through, found none"),
        ("PK\x03\x04", "found a zip file: unpack it"),
        ("", "found nothing"),
        ("\x89PNG", "data beginning with"),
        ('<?xml version="1.0" encoding="x-none"?><annotations/>', "expected XML"),
        (export(name="other.jpg"), "found 'other.jpg'"),
        (export().replace('width="200"', 'width="20"'), "expected 200x120 px, found '20'x'120'"),
        (export().replace("name=", "n="), "expected 'name', found none"),
        (export(box(xtl="nan")), "xtl: expected a number, found 'nan'"),
        (export(box(xtl="1e999")), "xtl: expected a number"),
        (export(box(label="")), "label: name ''"),
        (export("<box/>"), "label: name ''"),
        (export('<polygon label="a" points="1,1;2,2"/>'), "points: expected three or more"),
        (export('<polygon label="a" points="1,1;2;3,3"/>'), "points: expected x,y;x,y"),
        (export('<polygon label="a" points="1,1;2,2;99999,1"/>'), "in or near the picture"),
        (export(mask(rle="1, 2, 4")), "rle: expected runs of 6 px, found 7"),
        (export(mask(rle="1, -2, 7")), "rle: expected an integer from 0"),
        (export(mask(width=10**8)), "mask: expected one inside"),
        (export(mask(left=199)), "mask: expected one inside"),
        (export(mask(height=0)), "mask: expected one inside"),
        (export(mask(top="")), "top: expected an integer"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path: Path, content: str, line: str) -> None:
    found = refusal_of(EvaluationError, lambda: read(tmp_path, content))
    assert line in found
    assert "annotations.xml" in found


def test_the_same_picture_twice_is_refused(tmp_path: Path) -> None:
    twice = export().replace("</annotations>", export().split("<annotations>")[1])
    assert "once, found it again" in refusal_of(EvaluationError, lambda: read(tmp_path, twice))


def test_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    content = cvat.text([*boxes_only()[:1]], NAMES, "proposals")

    def check(sequence: list) -> None:
        try:
            read(tmp_path, changed(content, sequence))
        except EvaluationError as error:
            assert str(error).isprintable()

    fuzz(changes, check, 200)
