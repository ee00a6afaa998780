"""The page that explains the words in the books has every one that producers, plans and the engine may write there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "what-the-books-say.md").read_text("utf-8")))
TREES = [ast.parse(file.read_text("utf-8")) for file in (ROOT / "consumers").rglob("*.py")]
READERS = [
    ast.parse(file.read_text("utf-8"))
    for folder in ("producers", "tillstream/mapping")
    for file in (ROOT / folder).rglob("*.py")
]


def said(outcome: str) -> set[str]:
    """The first words given to an outcome, where they stand there as they are."""
    calls = (node for tree in TREES for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args)
    first = (call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == outcome)
    return {word.value for word in first if isinstance(word, ast.Constant) and isinstance(word.value, str)}


def policies() -> Iterator[str]:
    """What functions return that name a policy."""
    for node in (node for tree in TREES for node in ast.walk(tree)):
        if isinstance(node, ast.FunctionDef) and node.returns and ast.unparse(node.returns).endswith("Policy"):
            for found in (one for one in ast.walk(node) if isinstance(one, ast.Return) and one.value):
                yield from words(found.value)


def words(value: ast.expr | None) -> Iterator[str]:
    match value:
        case ast.Constant(value=str() as word):
            yield word
        case ast.BoolOp(values=parts):
            for part in parts:
                yield from words(part)
        case ast.IfExp(body=yes, orelse=no):
            yield from (*words(yes), *words(no))


@pytest.mark.parametrize("outcome", ["Rejected", "Skipped", "Deferred"])
def test_every_reason_is_explained(outcome: str) -> None:
    assert said(outcome)
    assert said(outcome) <= PAGE


def test_every_policy_is_explained() -> None:
    assert set(policies()) > {"web", "anonymous", "origin"}
    assert set(policies()) <= PAGE


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("Unreadable", {"date", "whole"}),
        ("Fault", {"empty"}),
        ("Broken", {"quote", "too_long"}),
        ("reject", {"row_length", "order"}),
        ("turned_down", {"too_large"}),
        ("Note", {"total", "differs"}),
        ("none", {"waiting", "duplicate", "definition"}),
    ],
)
def test_every_word_about_a_row_is_explained(named: str, expected: set[str]) -> None:
    found = {word for tree in READERS for word in given(tree, named)}
    assert expected <= found
    assert found <= PAGE


def test_why_a_poll_makes_no_event_is_explained() -> None:
    calls = (node for tree in TREES for node in ast.walk(tree) if isinstance(node, ast.Call))
    found = {word for call in calls for key in call.keywords if key.arg == "none" for word in words(key.value)}
    assert "not_visible" in found
    assert found <= PAGE


def given(tree: ast.AST, named: str) -> Iterator[str]:
    """The words that stand as they are in calls of a function or method of this name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == named:
            yield from (word for value in node.args for word in words(value) if word.isidentifier())
