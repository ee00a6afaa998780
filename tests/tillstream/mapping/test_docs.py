"""A table as a page."""

from tillstream.mapping.docs import render
from tillstream.mapping.shapes import Shape
from tillstream.mapping.table import read_table
from tillstream.mapping.transforms import TRANSFORMS

SHAPE = Shape(
    "Order", {"email": "The buyer's address", "lines": ""}, {"lines": Shape("Line", {"qty": "Pieces | packs"})}
)


def test_a_page_shows_rows_lists_and_transforms() -> None:
    table = read_table(
        """target = "Klaviyo event"
[[row]]
source = "email"
target = "data.email"
via    = "lowercase"
when   = { field = "email", empty = false }
[[row]]
constant = "event"
target = "data.type"
note = "What it is"
[each]
source = "lines"
target = "data.Items"
[[each.row]]
source = "qty"
target = "Quantity"
""",
        SHAPE,
        TRANSFORMS,
    )
    assert (
        render(table)
        == """## Klaviyo event

| target | source | transform | when | note |
| --- | --- | --- | --- | --- |
| `data.email` | `email` | `lowercase` | email is not empty | The buyer's address |
| `data.type` | always "event" |  |  | What it is |

### data.Items

A list with one object for each of `lines`.

| target | source | transform | when | note |
| --- | --- | --- | --- | --- |
| `Quantity` | `qty` |  |  | Pieces \\| packs |

| transform | what it does |
| --- | --- |
| `lowercase` | Spaces trimmed, letters lowercased. |
"""
    )
