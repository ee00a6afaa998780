"""Turn a table's rows into one function from a record to a request body, once, so that a record costs microseconds."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tillstream.mapping.paths import getter, split_path
from tillstream.mapping.rows import CLEARED, Each, Row, absent
from tillstream.mapping.shapes import Transforms

Values = Mapping[str, Any]
Body = dict[str, Any]
Make = Callable[[Values], Any]
# One entry of an object: its key, the plain field it comes from (or None), and what is done to that (or to the record).
Entry = tuple[str, str | None, Callable[[Any], Any] | None]

_AS_IT_IS = frozenset({str, int, float, bool})


def compile_body(rows: Sequence[Row], eaches: Sequence[Each], transforms: Transforms) -> Callable[[Values], Body]:
    """The function that makes a body; every name in the rows is known and every target is well formed."""
    tree: dict[str, Any] = {}
    for target, same in _by_target(rows).items():
        _plant(tree, split_path(target), _entry(same, transforms))
    for each in eaches:
        inner = compile_body(each.rows, (), transforms)
        _plant(tree, split_path(each.target), (None, _listing(getter(each.source), inner)))
    return _object(tree)


def takes_values(transform: Callable[..., Any]) -> bool:
    """Whether a transform wants the whole record as well, as its second argument."""
    return "values" in inspect.signature(transform).parameters


def as_json(value: Any) -> Any:
    """A field without a transform, as JSON can say it: amounts are numbers, times ISO 8601.

    >>> as_json(Decimal("59.95")), as_json(date(2026, 3, 31)), as_json([Decimal("2.00")])
    (59.95, '2026-03-31', [2])
    """
    if value is None or value.__class__ in _AS_IT_IS:
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: as_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    return value


def produce(row: Row, transforms: Transforms) -> Make:
    """What one row gives for a record, its rule aside; None where it gives nothing."""
    if not row.source:
        return lambda _values: row.constant
    look = getter(row.source)
    if not row.via:
        return lambda values: as_json(look(values))
    transform = transforms[row.via]
    wants = takes_values(transform)

    def make(values: Values) -> Any:
        value = look(values)
        if absent(value):
            return None
        return transform(value, values) if wants else transform(value)

    return make


def _by_target(rows: Iterable[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row.target, []).append(row)
    return grouped


def _entry(rows: list[Row], transforms: Transforms) -> tuple[str | None, Callable[[Any], Any] | None]:
    """The quick form for a plain field, else a function of the record."""
    row = rows[0]
    steps = split_path(row.source)
    plain = len(rows) == 1 and row.when is None and len(steps) == 1
    if plain and not row.via:
        return steps[0], None
    if plain and not takes_values(transforms[row.via]):
        return steps[0], transforms[row.via]
    if len(rows) == 1 and row.when is None:
        return None, produce(row, transforms)
    return None, _first_true(rows, transforms)


def _first_true(rows: list[Row], transforms: Transforms) -> Make:
    branches = [(row.when.test() if row.when else None, produce(row, transforms)) for row in rows]

    def make(values: Values) -> Any:
        for test, branch in branches:
            if test is None or test(values):
                return branch(values)
        return None

    return make


def _listing(look: Make, inner: Callable[[Values], Body]) -> Make:
    return lambda values: [made for element in look(values) or () if (made := inner(element))]


def _plant(tree: dict[str, Any], path: tuple[str, ...], entry: Any) -> None:
    for segment in path[:-1]:
        tree = tree.setdefault(segment, {})
    tree[path[-1]] = entry


def _object(tree: dict[str, Any]) -> Callable[[Values], Body]:
    entries: list[Entry] = [
        (key, None, _object(node)) if isinstance(node, dict) else (key, *node) for key, node in tree.items()
    ]

    def make(values: Values) -> Body:
        body: Body = {}
        field = values.get
        for key, source, act in entries:
            if source is None:
                value = act(values) if act else None
            else:
                value = field(source)
                if not value and (value == "" or absent(value)):
                    continue
                if act:
                    value = act(value)
                elif value.__class__ not in _AS_IT_IS:
                    value = as_json(value)
            if value or not absent(value):
                body[key] = value if value is not CLEARED else None
        return body

    return make
