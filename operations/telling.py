"""Tell people and programs what was found: JSON, tables, and a sentence where Kafka does not answer."""

from __future__ import annotations

import contextlib
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import click
import orjson
from confluent_kafka import KafkaException
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

WIDE = 180
INDENT = "    "
LIGHT: dict[str, Any] = {"show_edge": False, "padding": (0, 1, 0, 0), "header_style": "bold"}


def json(value: Any) -> None:
    """Print a value for a program."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def console() -> Console:
    """Where tables go: as wide as the terminal, or wide enough for a file."""
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)


def table(out: Console, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table, or a list where the terminal is too narrow for a table that breaks no word.

    Numbers stand to the right, zero and nothing stay empty.
    """
    listed = [list(row) for row in rows]
    made = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", **LIGHT)
    need = 2 * len(columns) - 1
    for place, column in enumerate(columns):
        cells = [cell(row[place]) for row in listed]
        folds = any(" " in told for told in cells)
        numbers = all(isinstance(row[place], int | float | None) for row in listed)
        made.add_column(column, justify="right" if numbers else "left", overflow="fold", no_wrap=not folds)
        need += max(len(part) for told in (column, *cells) for part in (told.split() if folds else [told]) or [""])
    for row in listed:
        made.add_row(*(Text(cell(value)) for value in row))
    if need <= out.width:
        out.print(made)
    else:
        lines = (line for row in listed for line in _in_words(columns, row, out.width))
        out.print(Text(title, "bold"), *map(Text, lines), sep="\n")
    out.print()


def _in_words(columns: Sequence[str], row: Sequence[object], width: int) -> list[str]:
    """A row as a list has it: what it is about, then each column that holds something.

    >>> _in_words(("group", "connection", "delivered", "dead"), ("klaviyo", "au", 1250, 0), 40)
    ['klaviyo; connection: au; delivered:', '    1,250']
    """
    pairs = [(column, told) for column, value in zip(columns, row, strict=True) if (told := cell(value))]
    parts = [value if column == columns[0] else f"{column}: {value}" for column, value in pairs]
    indent = "" if cell(row[0]) else INDENT  # it belongs to the row above
    return textwrap.wrap(
        "; ".join(parts), width, initial_indent=indent, subsequent_indent=INDENT, break_on_hyphens=False
    )


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
