"""Write MAPPINGS.md, all that tables send to Apparel21, for people (`python -m consumers.apparel21.mappings`)."""

from __future__ import annotations

from consumers.apparel21.sink import HERE, SINK
from tillstream.mapping.docs import render
from tillstream.mapping.table import read_table
from tillstream.mapping.transforms import TRANSFORMS

PAGE = HERE / "MAPPINGS.md"
OPENING = """# What is sent to Apparel21

Made from the tables in this folder by `python -m consumers.apparel21.mappings`; a test keeps it fresh. A merchant's own
`mappings/NAME.toml` is laid over the table of that name. A target is the path of an element in the XML; the first part
of a tier's target names the place, and what cards, fields and codes are called there is said in the settings.
"""


def page() -> str:
    """The whole page, as Markdown."""
    tables = [(spec.name, read_table(spec.shipped.read_text("utf-8"), spec.source, TRANSFORMS)) for spec in SINK.tables]
    return "\n".join([OPENING, *(render(table, f"{name}: {table.title}") for name, table in tables)])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
