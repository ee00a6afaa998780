"""Write each platform's MAPPINGS.md, all that its tables send, for people (`python -m operations.mappings`)."""

from __future__ import annotations

from pathlib import Path

from consumers.engine.sink import Sink
from operations import platforms
from tillstream.mapping.docs import render
from tillstream.mapping.table import read_table
from tillstream.mapping.transforms import TRANSFORMS

OPENING = """# What is sent to {name}

Made from the tables in this folder by `python -m operations.mappings`; a test keeps it fresh. A merchant's own
`mappings/NAME.toml` is laid over the table of that name. A target is a path in the request; where it names a place that
the merchant's settings must name, too, the table says so.
"""


def place(sink: Sink) -> Path:
    """Beside the tables that the platform ships."""
    return sink.tables[0].shipped.with_name("MAPPINGS.md")


def page(sink: Sink) -> str:
    """The whole page, as Markdown."""
    tables = [(spec.name, read_table(spec.shipped.read_text("utf-8"), spec.source, TRANSFORMS)) for spec in sink.tables]
    opening = OPENING.format(name=sink.name.capitalize())
    return "\n".join([opening, *(render(table, f"{name}: {table.title}") for name, table in tables)])


if __name__ == "__main__":
    for found in platforms.find().values():
        place(found).write_text(page(found), encoding="utf-8")
