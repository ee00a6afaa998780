"""Laws of the named transforms; their examples stand with them."""

import inspect
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tillstream.mapping.cells import CELLS
from tillstream.mapping.docs import sentence
from tillstream.mapping.transforms import TRANSFORMS, cents, lines_total, number


@pytest.mark.parametrize("name", [*TRANSFORMS, *CELLS])
def test_every_transform_has_a_sentence_and_an_example(name: str) -> None:
    transform = TRANSFORMS.get(name) or CELLS[name]
    assert sentence(transform).endswith(".")
    assert ">>> " in (inspect.getdoc(transform) or "")


@given(st.decimals(Decimal(-(10**9)), Decimal(10**9), allow_nan=False, places=2))
def test_an_amount_survives_json(amount: Decimal) -> None:
    assert Decimal(str(number(amount))) == amount
    assert cents(amount) == amount * 100


@given(st.lists(st.decimals(-999, 999, allow_nan=False, places=2)))
def test_a_total_is_exact(values: list[Decimal]) -> None:
    assert Decimal(str(lines_total([{"line_value": value} for value in values]))) == sum(values)
