# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What the documents name is there: files, headings, commands, options, targets and topics."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import vit_perception
from vit_perception.cli.__main__ import COMMANDS, build_parser
from vit_perception.ros.manual.interface import Interface
from vit_perception.ros.manual.policy import KINDS, topics

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (*ROOT.glob("*.md"), *ROOT.glob("doc/*.md"), ROOT / "samples" / "README.md")
)
# What comes with the checkout, and is not made by a command of the documents.
FOLDERS = (
    "config",
    "doc",
    "examples",
    "launch",
    "recipes",
    "samples",
    "test",
    "underlay",
    "vit_perception",
)
CODE_PATH = re.compile(rf"(?<![\w/.-])(?:{'|'.join(FOLDERS)})/[\w./-]+")


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def code_lines(page: str) -> list[str]:
    """Returns the lines of code blocks, indented or fenced; continued ones are joined."""
    text = read(page).replace("\\\n", " ")
    fenced = [line for block in re.findall(r"```.*?\n(.*?)```", text, re.S) for line in block]
    indented = [line[4:] for line in text.splitlines() if line.startswith("    ")]
    return [*"".join(fenced).splitlines(), *indented]


def spans(page: str) -> list[str]:
    """Returns inline code."""
    text = re.sub(r"```.*?```", "", read(page), flags=re.S)
    text = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
    return [" ".join(each.split()) for each in re.findall(r"`([^`]+)`", text)]


def anchors(page: str) -> set[str]:
    """Returns the fragments of a page's headings, as GitHub and MyST make them."""
    titles = re.findall(r"^#+ (.*)$", read(page), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def commands_of(page: str, program: str) -> Iterator[str]:
    """Yields what follows the name of a program, in code blocks and in inline code."""
    for line in (*code_lines(page), *spans(page)):
        if line.startswith(f"{program} "):
            yield line.removeprefix(f"{program} ")


def test_the_readme_is_short() -> None:
    assert len(read("README.md").splitlines()) <= 180


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        if re.match("[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (ROOT / page).parent / name if name else ROOT / page
        if not file.exists() or (anchor and anchor not in anchors(str(file))):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_paths_are_there(page: str) -> None:
    package = ROOT / "vit_perception"
    rooms = {path.name for path in package.iterdir() if path.is_dir()} | {"backbones"}
    named = [
        each
        for each in spans(page)
        if re.fullmatch(r"[\w.<>/-]+", each) and each.partition("/")[0] in {*FOLDERS, *rooms}
    ]
    named = [each for each in named if "/" in each]
    named += [path for line in code_lines(page) for path in CODE_PATH.findall(line)]
    roots = (ROOT, package, package / "models")
    missing = [
        name
        for name in named
        if not any(list(root.glob(re.sub("<.*?>", "*", name.rstrip("/")))) for root in roots)
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_understood(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    names = {command.NAME for command in COMMANDS}
    for text in commands_of(page, "vit-perception"):
        words = shlex.split(text.partition("&&")[0], comments=True)
        if words[0] in ("COMMAND", "--help", "<sub>"):
            continue
        assert words[0] in names, text
        if len(words) == 1 or "…" in words:
            continue
        try:
            build_parser().parse_args(words)
        except SystemExit:
            pytest.fail(f"vit-perception {text}: {capsys.readouterr().err}")


def test_every_command_is_in_the_table() -> None:
    table = re.findall(r"^\| `(\w+)`", read("doc/command_line.md"), re.M)
    assert sorted(table) == sorted(command.NAME for command in COMMANDS)


@pytest.mark.parametrize("page", PAGES)
def test_targets_are_made(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.M))
    for text in commands_of(page, "make"):
        words = [word for word in shlex.split(text, comments=True) if "=" not in word]
        assert set(words) - {"…"} <= targets, text


@pytest.mark.parametrize("page", PAGES)
def test_launch_arguments_are_declared(page: str) -> None:
    calls = r'(?:rgument|parameter)\(\s*"(\w+)"'
    declared = set(re.findall(calls, read("launch/perception.launch.py")))
    declared |= set(re.findall(calls, read("launch/realsense.launch.py")))
    assert {"image", "start_camera"} < declared
    for text in commands_of(page, "ros2 launch vit_perception"):
        assert set(re.findall(r"(\w+):=", text)) <= declared, text
        assert (ROOT / "launch" / text.split()[0]).is_file()


@pytest.mark.parametrize("page", PAGES)
def test_topics_are_those_of_the_nodes(page: str) -> None:
    known = {name for tables in KINDS.values() for name in topics_of(tables)}
    named = {each for each in spans(page) if re.fullmatch(r"~/\w+(/compressed)?", each)}
    assert named <= known
    for node, tables in KINDS.items():
        absolute = re.findall(rf"(?: |:=)/{node}/([\w/]+)", " ".join(code_lines(page)))
        # With several cameras, the name of one comes first.
        assert {f"~/{each.rpartition('/')[2]}" for each in absolute} <= topics_of(tables)


def topics_of(node: Interface) -> set[str]:
    """Returns the topics and services of a node of one camera."""
    tables = (node.subscribed, node.commands, node.published, node.services)
    return {name for table in tables for name in topics(table, ())}


def test_both_ways_to_install_are_one() -> None:
    blocks = [re.search(r"^    mkdir.*?^    source inst\S+", read(page), re.M | re.S)
              for page in ("README.md", "doc/robot.md")]  # fmt: skip
    assert blocks[0] is not None and blocks[1] is not None
    assert blocks[0].group() == blocks[1].group()


def test_all_documents_tell_one_version() -> None:
    newest = re.findall(r"^(\d+\.\d+\.\d+) \((\S+)\)$", read("CHANGELOG.rst"), re.M)[0]
    citation = yaml.safe_load(read("CITATION.cff"))
    assert newest == (citation["version"], citation["date-released"])
    assert citation["version"] == vit_perception.__version__
    assert f"not yet: {vit_perception.__version__}" in read("QUALITY_DECLARATION.md")
