"""Write MAPPINGS.md, all that tables send to Shopify, for people (`python -m consumers.shopify.mappings`)."""

from __future__ import annotations

from consumers.shopify.sink import HERE, SINK
from tillstream.mapping.docs import render
from tillstream.mapping.table import read_table
from tillstream.mapping.transforms import TRANSFORMS

PAGE = HERE / "MAPPINGS.md"
OPENING = """# What is sent to Shopify

Made from the tables in this folder by `python -m consumers.shopify.mappings`; a test keeps it fresh. A merchant's own
`mappings/NAME.toml` is laid over the table of that name.
"""


def page() -> str:
    """The whole page, as Markdown."""
    tables = [(spec.name, read_table(spec.shipped.read_text("utf-8"), spec.source, TRANSFORMS)) for spec in SINK.tables]
    return "\n".join([OPENING, *(render(table, f"{name}: {table.title}") for name, table in tables)])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
