"""From records to what leaves the reader: rows and rejects, in an order that depends on the file alone."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from producers.files.assembly import Assemble, Assembled, Taken, account, order, refund
from producers.files.form import Form
from producers.files.records import Raw
from producers.files.sorting import RUN_BYTES, Group, grouped
from producers.files.values import Reject, Row, Source

_ASSEMBLE: Mapping[str, Assemble] = {"orders": order, "refunds": refund, "rewards": account}


def rows(raws: Iterable[Raw], form: Form, folder: Path, run_bytes: int = RUN_BYTES) -> Iterator[Row | Reject]:
    """Every record of a file once, alone or in what it belongs to; `folder` takes the temporary files of a sort."""
    key = form.layout.kind.key
    if not key:
        yield from (_alone(form, raw) for raw in raws)
        return
    for group in grouped(raws, form.header.places[key], folder, run_bytes):
        yield from _together(form, group)


def _alone(form: Form, raw: Raw) -> Row | Reject:
    taken = form.take(raw)
    if isinstance(taken, Reject):
        return taken
    return _row(form, Assembled(taken.head, (taken,), (), 0))


def _together(form: Form, group: Group) -> Iterator[Row | Reject]:
    """The records of one group, or its rejects: one bad line rejects a whole order, and only itself elsewhere."""
    kind = form.layout.kind
    if group.over:
        yield from (form.reject(raw, "too_many", detail=f"too many rows for one {kind.key}") for raw in group.records)
        return
    found = [form.take(raw) for raw in group.records]
    good = [one for one in found if isinstance(one, Taken)]
    bad = [one for one in found if isinstance(one, Reject)]
    if bad and kind.whole:
        detail = f"line {bad[0].line} of the same order was rejected"
        yield from (one if isinstance(one, Reject) else form.reject(one.raw, "order", detail=detail) for one in found)
        return
    yield from bad
    if good:
        yield from (_row(form, made) for made in _ASSEMBLE[kind.name](good, bool(bad)))


def _row(form: Form, made: Assembled) -> Row:
    first = made.rows[0]
    stamp = form.stamp(first.raw)
    values = made.values
    if values.get("currency") == "":
        values["currency"] = form.layout.place.currency
    return Row(
        line=first.raw.line,
        values=values,
        notes=tuple([note for taken in made.rows for note in taken.notes]) + made.notes,
        sources=tuple([Source(row.raw.line, row.raw.last_line, form.cells(row.raw)) for row in made.rows]),
        source_time=values.get(form.layout.kind.time) or stamp.file_time,
        file_time=stamp.file_time,
        origin_file=stamp.origin_file,
        joined=len(made.rows) - 1 - made.duplicates,
        duplicates=made.duplicates,
    )
