"""Send many rows in one request although one bad row refuses them all: strip the rows that are blamed, halve where
nobody is, and send the rest again, so that a bad row stops only itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple, TypeVar

from consumers.engine.wire import Plan, Request, Response, ask_all

T = TypeVar("T")


class Verdict(NamedTuple):
    """The answer that settled a row, and the row's place in the request that got this answer."""

    response: Response
    place: int


Blame = Callable[[Response], Collection[int] | None]
"""What an answer says about its rows. None: it settles them all. Places: these rows are refused, the others may go
again; nobody named, or only places that do not exist: somebody among them is bad."""


def isolate(
    batches: Sequence[Sequence[T]],
    make: Callable[[Sequence[T]], Request],
    blame: Blame,
    heard: Callable[[Sequence[Response]], Plan[None]] | None = None,
) -> Plan[list[Verdict]]:
    """One verdict for each row of all batches, in order. Requests that do not depend on each other travel side by side.

    A row that is blamed, or refused when it went alone, has the refusal as its verdict. `heard` is run with the answers
    of each round, before anything else is asked.
    """
    rows = [row for batch in batches for row in batch]
    verdicts: dict[int, Verdict] = {}
    waiting = list(_places(batches))
    while waiting:
        answers = yield from ask_all([make([rows[place] for place in part]) for part in waiting])
        if heard:
            yield from heard(answers)
        parts, waiting = waiting, []
        for part, response in zip(parts, answers, strict=True):
            settled, again = _sort_out(part, blame(response))
            verdicts.update({part[index]: Verdict(response, index) for index in settled})
            waiting += again
    return [verdicts[place] for place in range(len(rows))]


def _places(batches: Sequence[Sequence[T]]) -> Iterator[Sequence[int]]:
    begin = 0
    for batch in batches:
        if batch:
            yield range(begin, begin + len(batch))
        begin += len(batch)


def _sort_out(part: Sequence[int], blamed: Collection[int] | None) -> tuple[Collection[int], list[Sequence[int]]]:
    """Which indexes of a request are settled by its answer, and what goes again."""
    if blamed is None or len(part) == 1:
        return range(len(part)), []
    guilty = {index for index in blamed if 0 <= index < len(part)}
    if guilty:
        rest = [place for index, place in enumerate(part) if index not in guilty]
        return guilty, [rest] if rest else []
    middle = len(part) // 2
    return (), [part[:middle], part[middle:]]


def chunks(rows: Sequence[T], count: int, size: Callable[[T], int] = lambda _: 0, most: int = 0) -> Iterator[list[T]]:
    """Cut rows into batches of at most `count` rows and `most` bytes, as `size` measures them; a huge row goes alone.

    >>> list(chunks(["aa", "b", "cccc", "d"], 3, len, 4)), list(chunks(["aa", "b", "cccc", "d"], 3))
    ([['aa', 'b'], ['cccc'], ['d']], [['aa', 'b', 'cccc'], ['d']])
    """
    batch: list[T] = []
    weight = 0
    for row in rows:
        bytes_ = size(row)
        if batch and (len(batch) == count or weight + bytes_ > most):
            yield batch
            batch, weight = [], 0
        batch.append(row)
        weight += bytes_
    if batch:
        yield batch
