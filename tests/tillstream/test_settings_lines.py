"""Facts about where keys stand: the line of a key is the line on which a reader finds it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tillstream.settings.lines import key_lines
from tillstream.settings.shape import KeyPath

TEXT = '''# [not.a.header]
top = 1
"quoted.key" = "[x] = # no"

[ a . "b c" ]            # a comment
list = [
  "one = 1",  # two = 2
  { inner = 3 },
]
text = """
[fake]
key = 1
a \\""" quote"""
after.dotted = 'it''s' # never read as TOML below

[[a.rows]]
x = 1
[[a.rows]]
x = 2
[a.rows.deep]
y = 3
'''


def test_headers_keys_and_rows_are_found_where_they_stand() -> None:
    assert key_lines(TEXT.replace("'it''s'", "'it'")) == {
        ("top",): 2,
        ("quoted.key",): 3,
        ("a", "b c"): 5,
        ("a", "b c", "list"): 6,
        ("a", "b c", "text"): 10,
        ("a", "b c", "after", "dotted"): 14,
        ("a", "rows", 0): 16,
        ("a", "rows", 0, "x"): 17,
        ("a", "rows", 1): 18,
        ("a", "rows", 1, "x"): 19,
        ("a", "rows", 1, "deep"): 20,
        ("a", "rows", 1, "deep", "y"): 21,
    }


VALUES = st.sampled_from(
    [
        "1",
        "true",
        '"# [a]"',
        "'\"'",
        '"\\"]"',
        '"""\n[a]\nb = 1\n"""',
        "'''\n\"\n'''",
        "[\n1,\n2, # ]\n]",
        "{ c = '}' }",
    ]
)
NAMES = st.sampled_from(["a", "b-c", "d_e", '"f g"', "'h.i'"])


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=4), max_size=4))
def test_every_key_of_a_document_is_found_on_its_own_line(document: Mapping[str, Mapping[str, str]]) -> None:
    text = "".join(map(written, document, document.values()))
    found, lines = key_lines(text), text.split("\n")
    assert found.keys() == set(paths(tomllib.loads(text)))
    for path, line in found.items():
        name = str(path[-1])
        assert lines[line - 1].lstrip("[").startswith((name, f'"{name}"', f"'{name}'"))


def paths(tables: Mapping[str, Any]) -> Iterator[KeyPath]:
    """The tables of a document and the keys in them."""
    for name, table in tables.items():
        yield (name,)
        yield from ((name, key) for key in table)


def written(name: str, table: Mapping[str, str]) -> str:
    return "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in table.items()), ""])
