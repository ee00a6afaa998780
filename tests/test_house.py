"""The rules of the house that no other tool holds: arrows, a sentence a module, a whole lock, pages that are true."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from operations.cli import tillstream

ROOT = Path(__file__).parent.parent
PRODUCT = ("schemas", "tillstream", "producers", "consumers", "sandbox", "operations")
FOLDERS = (*PRODUCT, "tests", "bench", "docs", ".ci")
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
# Written so that this file does not name one itself.
HOSTS = re.compile(
    rb"py[p]i\.org|python[h]osted\.|repo1?\.mav[e]n|deb[.]debian\.|registry[.]npm|ghcr[.]io|docker[.]io|quay[.]io"
)
POINTERS = re.compile(rf"[`(]((?:{'|'.join(FOLDERS)})/[\w./-]*\w)[`:)]")
LOCKED = re.compile(r"^([\w.-]+)==([^ ;]+)(?: ; [^\\]+)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)


def files() -> Iterator[Path]:
    """Every text file that we wrote."""
    for place in (ROOT, *(ROOT / folder for folder in FOLDERS)):
        found = place.iterdir() if place == ROOT else place.rglob("*")
        yield from (file for file in found if file.is_file() and "__pycache__" not in file.parts)


def modules() -> list[Path]:
    """Every module that holds something."""
    return [file for file in files() if file.suffix == ".py" and file.stat().st_size]


def called(page: Path) -> set[str]:
    """Every use of our command on a page, without its comment."""
    text = page.read_text("utf-8")
    blocks = "".join(re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    spans = [*re.findall(r"^(tillstream [^#\n]*)", blocks, re.MULTILINE), *re.findall(r"`(tillstream [^`\n]*)`", text)]
    return {span.strip() for span in spans}


def test_the_arrows_hold() -> None:
    checker = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run([checker, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_module_opens_with_a_sentence() -> None:
    silent = [
        str(module.relative_to(ROOT))
        for module in modules()
        if not re.match(r"\S.*[.:?]", ast.get_docstring(ast.parse(module.read_text("utf-8"))) or "", re.DOTALL)
    ]
    assert not silent


def test_no_file_names_the_host_of_a_registry() -> None:
    """Packages, jars and images come from wherever a machine is set up to get them."""
    naming = [str(file.relative_to(ROOT)) for file in files() if HOSTS.search(file.read_bytes())]
    assert not naming


def test_the_lock_holds_every_requirement_with_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = (ROOT / "requirements.lock").read_text("utf-8")
    locked = {name: Version(version) for name, version, _ in LOCKED.findall(text)}
    assert len(locked) == len(re.findall(r"^[\w.-]+==", text, re.MULTILINE))
    for wanted in map(Requirement, (*project["dependencies"], *project["optional-dependencies"]["dev"])):
        assert locked[wanted.name.lower()] in wanted.specifier, wanted


def test_ci_runs_the_command_of_the_readme() -> None:
    (command,) = re.findall(r"^exec (make \w+)", (ROOT / ".ci" / "run").read_text("utf-8"), re.MULTILINE)
    assert f"```\n{command}\n```" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_points_at_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    paths = POINTERS.findall(text)
    assert not [path for path in paths if not (ROOT / path).exists()]
    for file, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text):
        assert re.search(rf"def {name}\(", (ROOT / file).read_text("utf-8")), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_tells_to_type_can_be_typed(page: Path) -> None:
    for line in called(page):
        command: click.Command = tillstream
        words = line.split()[1:]
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            assert words[0] in command.commands, line
            command = command.commands[words.pop(0)]
        options = {name for option in (*command.params, *tillstream.params) for name in option.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= options, line
