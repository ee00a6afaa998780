"""XML in and out. Strangers' XML is parsed with everything dangerous switched off; ours is never glued from strings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

__all__ = ["Element", "child", "children", "dump", "grow", "load", "put", "read", "tidy"]

# XML 1.0 (section 2.2) has no other characters below U+0020; Apparel21 refuses what is outside the Basic Multilingual
# Plane (error 5246 of its Retail API).
_UNFIT = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]")
_CONTROL = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(?:x0*(?:[0-8bcef]|1[0-9a-f])|0*(?:[0-8]|1[124-9]|2\d|3[01]));", re.IGNORECASE
)
"""What a till may have let into a name, and no document may hold, written out or as a reference."""


def load(body: bytes) -> Element | None:
    """The root of a document; None for what is no XML (an HTML page, nothing at all) or is not harmless.

    Control characters in one person's name keep nobody else out: they are dropped.

    >>> read(load(b"<Person><Firstname>Zo\x0b&#x1F;e</Firstname></Person>"), "Firstname")
    'Zoe'
    """
    try:
        root: Element = fromstring(body)
    except (DefusedXmlException, ValueError, LookupError):  # the last two: an encoding that we cannot or do not know
        return None
    except ParseError:
        tidied = _CONTROL.sub(b"", body)
        return load(tidied) if tidied != body else None
    return None if root.tag.lower().rpartition("}")[2] == "html" else root


def dump(root: Element) -> bytes:
    """A document as UTF-8."""
    return tostring(root, encoding="unicode").encode("utf-8")


def child(parent: Element | None, path: str) -> Element | None:
    """The first element under `parent/step/step`."""
    return None if parent is None else parent.find(path)


def children(parent: Element | None, path: str) -> Iterator[Element]:
    """All elements under a path."""
    yield from () if parent is None else parent.iterfind(path)


def read(parent: Element | None, path: str) -> str:
    """The trimmed text under a path; "" where there is none.

    >>> read(load(b"<Person><Contacts><Email> kim@customer.example</Email></Contacts></Person>"), "Contacts/Email")
    'kim@customer.example'
    """
    found = child(parent, path)
    return (found.text or "").strip() if found is not None else ""


def tidy(text: str) -> str:
    """Text without the characters that XML or Apparel21 cannot take.

    >>> tidy("Zoë\\x0b \U0001f389!")
    'Zoë !'
    """
    return _UNFIT.sub("", text)


def put(parent: Element, tag: str, text: str) -> Element:
    """Set the text of a child, which is made where it is missing."""
    found = parent.find(tag)
    if found is None:
        found = SubElement(parent, tag)
    found.text = tidy(text)
    return found


def grow(tag: str, tree: Mapping[str, Any]) -> Element:
    """An element from what a mapping table made: objects become elements, lists repeat theirs, a yes is `true`.

    >>> dump(grow("Order", {"PersonId": 7, "Contacts": {"Email": "a&b"}, "Line": [{"Qty": 1}, {"Qty": 2}]}))
    b'<Order><PersonId>7</PersonId><Contacts><Email>a&amp;b</Email></Contacts><Line><Qty>1</Qty></Line><Line><Qty>2</Qty></Line></Order>'
    """
    made = Element(tag)
    for name, value in tree.items():
        for one in value if isinstance(value, list) else (value,):
            if isinstance(one, Mapping):
                made.append(grow(name, one))
            else:
                SubElement(made, name).text = tidy(_text(one))
    return made


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
