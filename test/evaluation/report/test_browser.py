# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The report in a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markupsafe import Markup

from vit_perception.evaluation.report.page import Section, page
from vit_perception.evaluation.report.report import picture_path, write_report
from vit_perception.images.compressed import encode_jpeg

from .contrasts import CONTRASTS
from .measured import NAMES, metrics, timing

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="Debian's chromium is not installed"
)
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "\u202egnp.exe",
    "w" * 500,
    "long" + " name" * 100,
    "\" onmouseover='alert(3)'",
)
SIZES = [(1280, 800), (400, 800)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    assert CHROMIUM is not None, "expected Debian's chromium in CI, found none"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of two runs with a picture each."""
    folder = tmp_path_factory.mktemp("report")
    found = metrics()
    values = np.random.default_rng(0).integers(0, 256, (12, 32, 3)).astype(np.uint8)
    for run in found["runs"]:
        path = picture_path(folder, run["key"], 1)
        path.parent.mkdir(parents=True)
        path.write_bytes(encode_jpeg(values))
    return write_report(folder, found, timing())


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report in which every name, topic and line is hostile."""
    found = metrics(names=(*NAMES, *HOSTILE), title=" ".join(HOSTILE))
    for run in found["runs"]:
        run["bundle"] = "b" * 300
        run["worst"] = [{**each, "wrong": list(HOSTILE)} for each in run["worst"]]
        run["parts"] = dict.fromkeys(HOSTILE, run["parts"]["held"])
    for difference in found["differences"]:
        difference["frames"] = [
            {**each, "changed": list(HOSTILE)} for each in difference["frames"]
        ]
    return write_report(tmp_path_factory.mktemp("hostile"), found, timing())


def _opened(browser: Any, path: Path, **options: Any) -> tuple[Any, list[str]]:
    """Returns a page and what went wrong in it, which grows."""
    opened = browser.new_page(**options)
    troubles: list[str] = []
    opened.on("console", lambda message: troubles.append(f"{message.type}: {message.text}"))
    opened.on("pageerror", lambda error: troubles.append(f"error: {error}"))
    opened.on("dialog", lambda dialog: (troubles.append("a dialog"), dialog.dismiss()))
    opened.on(
        "request",
        lambda request: (
            None
            if request.url == path.as_uri() or request.url.startswith("data:")
            else troubles.append(f"request: {request.url}")
        ),
    )
    opened.goto(path.as_uri())
    return opened, troubles


def _open_all(opened: Any) -> None:
    opened.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("which", ["report", "hostile"])
def test_it_opens_in_silence_and_never_scrolls_sideways(
    browser: Any, request: pytest.FixtureRequest, which: str, size: tuple[int, int]
) -> None:
    path = request.getfixturevalue(which)
    opened, troubles = _opened(browser, path, viewport={"width": size[0], "height": size[1]})
    for _ in range(2):
        assert opened.evaluate("document.documentElement.scrollWidth") == size[0]
        # Nothing hangs over the edge outside of the boxes that scroll.
        over = opened.evaluate(
            """(width) => [...document.querySelectorAll("main *")]
                .filter((each) => !each.closest(".box, .unseen, .skip, svg"))
                .filter((each) => each.getBoundingClientRect().right > width + 1)
                .map((each) => each.outerHTML.slice(0, 80))""",
            size[0],
        )
        assert over == []
        _open_all(opened)
    assert troubles == []
    opened.close()


def test_pictures_are_shown_at_the_size_they_have(browser: Any, report: Path) -> None:
    opened, troubles = _opened(browser, report)
    _open_all(opened)
    opened.wait_for_function("[...document.images].every((each) => each.complete)")
    sizes = opened.evaluate(
        "[...document.images].map((each) => [each.naturalWidth, each.naturalHeight, each.alt])"
    )
    assert [size[:2] for size in sizes] == [[32, 12]] * 2
    assert all("left what is true, right what" in size[2] for size in sizes)
    assert troubles == []
    opened.close()


def test_the_summary_fits_on_one_screen(browser: Any, report: Path) -> None:
    opened, _ = _opened(browser, report, viewport={"width": 1280, "height": 800})
    assert (
        opened.evaluate("document.querySelector('main > section').getBoundingClientRect().bottom")
        < 800
    )
    opened.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(browser: Any, report: Path, scheme: str) -> None:
    opened, _ = _opened(browser, report, color_scheme=scheme)
    _open_all(opened)
    found = opened.evaluate(CONTRASTS)
    ground = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    tags = {tag for _, tag, _ in found}
    assert {"A", "P", "text", "TD", "TH", "BUTTON", "SMALL", "SUMMARY", "LI"} <= tags
    assert [each for each in found if each[0] < 4.5] == []
    opened.close()


def _column(opened: Any, table: Any, index: int) -> list[str]:
    return [
        row.strip() for row in table.locator(f"tbody tr > :nth-child({index})").all_inner_texts()
    ]


def test_a_table_sorts_by_click(browser: Any, report: Path) -> None:
    opened, troubles = _opened(browser, report)
    table = opened.locator("table.sorts").first
    before = _column(opened, table, 1)
    ap50 = table.locator("thead th").nth(2)
    ap50.get_by_role("button").click()
    assert ap50.get_attribute("aria-sort") == "descending"
    values = _column(opened, table, 3)
    # The name without objects has no figure, and stands last either way.
    assert values[-1] == "–"
    assert values[:-1] == sorted(values[:-1], reverse=True)
    ap50.get_by_role("button").click()
    assert ap50.get_attribute("aria-sort") == "ascending"
    values = _column(opened, table, 3)
    assert values[-1] == "–" and values[:-1] == sorted(values[:-1])
    names = table.locator("thead th").nth(0)
    names.get_by_role("button").click()
    assert names.get_attribute("aria-sort") == "ascending"
    assert ap50.get_attribute("aria-sort") == "none"
    assert _column(opened, table, 1) == sorted(before)
    assert troubles == []
    opened.close()


def test_a_table_sorts_by_keyboard(browser: Any, report: Path) -> None:
    opened, _ = _opened(browser, report)
    table = opened.locator("table.sorts").first
    for _ in range(200):
        opened.keyboard.press("Tab")
        if opened.evaluate("document.activeElement.textContent") == "Objects":
            break
    focus = "getComputedStyle(document.activeElement).outlineStyle"
    assert opened.evaluate("document.activeElement.tagName") == "BUTTON"
    assert opened.evaluate(focus) == "solid"
    opened.keyboard.press("Enter")
    objects = [int(text) for text in _column(opened, table, 2)]
    assert objects == sorted(objects, reverse=True)
    # The focus stays, so that the next key turns the order.
    opened.keyboard.press("Space")
    assert [int(text) for text in _column(opened, table, 2)] == objects[::-1]
    opened.close()


def test_the_first_key_offers_to_skip_what_stands_before(browser: Any, report: Path) -> None:
    opened, _ = _opened(browser, report)
    opened.keyboard.press("Tab")
    skip = opened.evaluate(
        "[document.activeElement.textContent, document.activeElement.getBoundingClientRect().left]"
    )
    assert skip[0] == "Skip to the content" and skip[1] >= 0
    opened.close()


def test_hostile_names_stay_text(browser: Any, hostile: Path) -> None:
    opened, troubles = _opened(browser, hostile)
    _open_all(opened)
    text = opened.evaluate("document.body.textContent")
    for name in HOSTILE[:2]:
        assert text.count(name) > 10
    assert "\u202e" not in text and "\\u202egnp.exe" in text
    assert opened.evaluate("document.querySelectorAll('[onerror], [onmouseover]').length") == 0
    assert opened.evaluate("document.scripts.length") == 1
    opened.wait_for_timeout(100)
    assert troubles == []
    opened.close()


def test_it_is_whole_without_scripts(browser: Any, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(report.as_uri())
    assert opened.locator("h2").count() == 13
    assert opened.get_by_role("button").count() == 0
    assert opened.locator("table.sorts").first.is_visible()
    context.close()


def test_the_policy_stops_scripts_and_requests_that_were_let_in(
    browser: Any, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    bad = "<script>window.ran = 1</script><img src='https://example.org/x.png' onerror='ran = 2'>"
    path.write_text(page("Title", [Section("Summary", Markup(bad))]))
    opened = browser.new_page()
    stopped: list[str] = []
    answered: list[str] = []
    opened.on("requestfailed", lambda request: stopped.append(request.failure))
    opened.on("response", lambda response: answered.append(response.url))
    opened.goto(path.as_uri())
    assert opened.evaluate("window.ran === undefined")
    assert stopped == ["csp"]
    assert answered == [path.as_uri()]
    opened.close()


def test_many_names_can_be_used(browser: Any, tmp_path: Path) -> None:
    found = metrics(names=[f"thing {number}" for number in range(1203)])
    opened, troubles = _opened(browser, write_report(tmp_path, found, timing()))
    short = opened.locator("table", has_text="with the lowest AP50").first
    assert short.locator("tbody tr").count() == 15
    # Nothing of a list that is closed takes room.
    assert opened.evaluate("document.documentElement.scrollHeight") < 15_000
    opened.get_by_text("AP50 of all runs: 1,203 names").click()
    table = opened.locator("table.sorts").first
    table.get_by_role("button", name="Objects").click()
    assert table.locator("tbody tr").count() == 1203
    assert table.locator("tbody tr").first.inner_text().split("\t")[1] == "400"
    assert opened.locator("table.heat").first.locator("tbody tr").count() == 42
    assert troubles == []
    opened.close()


def test_it_prints_on_white_paper_and_within_it(browser: Any, report: Path) -> None:
    opened, _ = _opened(browser, report, viewport={"width": 794, "height": 1123})
    opened.emulate_media(media="print", color_scheme="dark")
    assert (
        opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    )
    assert opened.evaluate("document.documentElement.scrollWidth") == 794
    assert not opened.locator("nav").is_visible()
    opened.close()
