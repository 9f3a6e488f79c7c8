# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The frame of a report."""

from __future__ import annotations

import base64
import hashlib
import re

from markupsafe import Markup

from vit_perception.evaluation.report.page import Section, page

HOSTILE = "<img src=x onerror=alert(1)></script>\u202egpj"


def test_the_same_sections_give_the_same_page() -> None:
    sections = [Section("Summary", Markup("<p>one</p>")), Section("More", Markup("<p>two</p>"))]
    assert page("Title", sections) == page("Title", sections)


def test_titles_are_escaped_and_contents_are_not() -> None:
    html = page(HOSTILE, [Section(HOSTILE, Markup("<p>kept</p>")), Section("b", Markup(""))])
    assert "<img" not in html
    assert html.count("</script>") == 1
    assert "\u202e" not in html
    assert html.count("&lt;img src=x onerror=alert(1)&gt;&lt;/script&gt;\\u202egpj") == 3
    assert "<p>kept</p>" in html


def test_the_sections_behind_the_summary_are_listed_once() -> None:
    html = page("Title", [Section(name, Markup("")) for name in ("Summary", "Curves", "Errors")])
    links = re.findall(r'<a href="#(part-\d)">(\w+)</a>', html)
    assert links == [("part-2", "Curves"), ("part-3", "Errors")]
    assert re.findall(r'<section id="(part-\d)"', html) == ["part-1", "part-2", "part-3"]
    assert "<nav" not in page("Title", [Section("Summary", Markup(""))])


def test_the_policy_names_the_digests_of_what_is_there() -> None:
    html = page("Title", [])
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    for tag in ("style", "script"):
        content = re.search(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert content is not None
        digest = base64.b64encode(hashlib.sha256(content[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy[1]
    assert not re.search(r"https?://", html)
