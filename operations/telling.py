"""Tell people and programs what was found: JSON, tables, and a sentence where Kafka does not answer."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import click
import orjson
from confluent_kafka import KafkaException
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

WIDE = 180


def json(value: Any) -> None:
    """Print a value for a program."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def console() -> Console:
    """Where tables go: as wide as the terminal, or wide enough for a file."""
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)


def table(out: Console, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers stand to the right, zero and nothing stay empty."""
    listed = [list(row) for row in rows]
    made = Table(title=title, title_justify="left", header_style="bold")
    for place, column in enumerate(columns):
        numbers = all(isinstance(row[place], int | float | None) for row in listed)
        made.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in listed:
        made.add_row(*(Text(cell(value)) for value in row))
    out.print(made)


def cell(value: object) -> str:
    """A value as a table shows it.

    >>> cell(0), cell(12000), cell(None), cell("au")
    ('', '12,000', '', 'au')
    """
    if isinstance(value, int):
        return f"{value:,}" if value else ""
    return "" if value is None else str(value)


def span(seconds: float | None) -> str:
    """A time span in its two largest units, "" for none.

    >>> span(75.2), span(90_000), span(None)
    ('1m 15s', '1d 1h', '')
    """
    if seconds is None:
        return ""
    left, parts = int(timedelta(seconds=seconds).total_seconds()), []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        if left >= size:
            parts.append(f"{left // size}{unit}")
            left %= size
    return " ".join(parts[:2]) or "0s"


@contextlib.contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere; call what it gives with how much is done."""
    if not sys.stdout.isatty():
        yield lambda _: None
        return
    with Progress() as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)


@contextlib.contextmanager
def kafka_answers() -> Iterator[None]:
    """A command that cannot ask Kafka ends with code 1 and a sentence."""
    try:
        yield
    except KafkaException as error:
        told = f"Kafka does not answer: {error.args[0].str()}; `tillstream check` says where to look"
        raise click.ClickException(told) from error
