"""What a call is, what an answer is, and how Apparel21 says no: XML in, XML or an HTML page out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from sandbox.web import answer
from sandbox.web.answer import Answer

LISTED = {"Type": "Array"}
XML = (b"content-type", b"text/xml; charset=utf-8")
HTML = (b"content-type", b"text/html")


class Refused(answer.Refused):
    """The call is answered with an error code of Apparel21's own, as XML."""

    def __init__(self, status: int, code: int, told: str = "refused") -> None:
        error = Element("AP21Error")
        add(error, "ErrorCode", code)
        add(error, "Description", told)
        super().__init__(xml(error, status))


@dataclass(frozen=True, slots=True)
class Call:
    """One call that passed the door: `ids` are the variable parts of its path, names of the query are in lower case."""

    base: str
    ids: tuple[str, ...]
    query: Mapping[str, str]
    body: Element | None
    version: int
    country: str

    @property
    def xml(self) -> Element:
        """The body; 403/5121 where there is none."""
        if self.body is None:
            raise Refused(403, 5121, "the payload cannot be deserialised")
        return self.body

    def page(self, usual: int = 20) -> tuple[int, int]:
        """Start row (from 1) and rows of a page; 400/5034 for anything else."""
        start, rows = (self.query.get(name, str(n)) for name, n in (("startrow", 1), ("pagerows", usual)))
        if not (start.isdigit() and rows.isdigit() and int(start) and int(rows)):
            raise Refused(400, 5034, "paging is not valid")
        return int(start), int(rows)


def xml(root: Element, status: int = 200) -> Answer:
    """An answer with a document."""
    return Answer(status, b'<?xml version="1.0" encoding="utf-8"?>' + tostring(root, "unicode").encode(), (XML,))


def page(status: int, told: str) -> Answer:
    """An HTML page, as a web server makes them."""
    return Answer(
        status, f"<html><head><title>{told}</title></head><body><h1>{told}</h1></body></html>".encode(), (HTML,)
    )


def created(call: Call, path: str) -> Answer:
    """201 with the place of what was made."""
    where = f"{call.base}{path}?countryCode={call.country}"
    return Answer(201, headers=((b"location", where.encode()), XML))


def add(parent: Element, tag: str, text: object = "", **attributes: str) -> Element:
    """A child with a text; None and "" make an empty element."""
    made = SubElement(parent, tag, attributes)
    made.text = str(text) if text not in (None, "") else None
    return made


def said(parent: Element | None, path: str) -> str:
    """The trimmed text under a path, "" for none."""
    found = None if parent is None else parent.find(path)
    return (found.text or "").strip() if found is not None else ""


def nothing() -> Refused:
    """404/5008."""
    return Refused(404, 5008, "No data found")
