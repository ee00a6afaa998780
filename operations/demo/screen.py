"""Tell the demo to whoever watches: a line that is alive where a terminal is there, plain lines where not."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from operations import telling

INDENT, LABEL = 2, 10
"""Blanks before the first column, and its letters."""

LIVE_SECONDS, PLAIN_SECONDS = 0.1, 3.0
"""Between two looks at the figures in a terminal, and between two lines of them in a file."""

Figures = Sequence[tuple[str, int | str]]


class Screen:
    """Writes to standard output; `seconds` counts from its making."""

    def __init__(self) -> None:
        self._out = Console(width=None if sys.stdout.isatty() else telling.WIDE, highlight=False)
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the demo has taken so far."""
        return time.monotonic() - self._begun

    def title(self, text: str) -> None:
        """The first line of all."""
        self._print(Text(text, "bold"))

    def act(self, text: str) -> None:
        """Something new begins."""
        self._out.print()
        self._print(Text(text, "bold cyan"))

    def fact(self, label: str, text: str, style: str = "") -> None:
        """Something with a name in front of it."""
        for line in self.lines(label, text, style):
            self._print(line)

    def good(self, text: str) -> None:
        """What was promised was seen."""
        self.fact("✓ seen", text, "green")

    def bad(self, text: str) -> None:
        """What was promised was not seen."""
        self.fact("✗ not seen", text, "bold red")

    def command(self, text: str) -> None:
        """A command whose own output follows; everything said before it is out by then."""
        self.fact("$", text, "bold")
        sys.stdout.flush()

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A small table."""
        telling.table(self._out, "", columns, rows)

    @contextmanager
    def counting(self) -> Iterator[Meter]:
        """Figures that are alive while the context lasts; the last ones stay."""
        meter = Meter(self)
        if not self._out.is_terminal:
            yield meter
            meter.line()
            return
        with Live(get_renderable=meter.render, console=self._out, refresh_per_second=1 / LIVE_SECONDS) as live:
            meter.alive = True
            yield meter
            live.refresh()

    def lines(self, label: str, text: str, style: str = "") -> list[Text]:
        """The label beside the first line, and every line inside the terminal."""
        room = max(30, self._out.width - INDENT - LABEL - 1)
        wrapped = [
            line
            for paragraph in text.splitlines() or [""]
            for line in textwrap.wrap(paragraph, room, break_long_words=False, break_on_hyphens=False) or [""]
        ]
        heads = [label, *[""] * (len(wrapped) - 1)]
        return [
            Text.assemble(" " * INDENT, (f"{head:<{LABEL}} ", style or "dim"), line)
            for head, line in zip(heads, wrapped, strict=True)
        ]

    def _print(self, text: Text) -> None:
        self._out.print(text, soft_wrap=True)


class Meter:
    """The figures of an act as they stand now."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._figures: Figures = ()
        self._told: Figures = ()
        self._told_at = time.monotonic()
        self.alive = False

    def show(self, figures: Figures) -> None:
        """New figures."""
        self._figures = figures
        if not self.alive and time.monotonic() - self._told_at >= PLAIN_SECONDS:
            self.line()

    def line(self) -> None:
        """Say them in a line that stays, unless they were said."""
        if self._figures != self._told:
            self._screen.fact(self._clock(), self._words())
            self._told, self._told_at = self._figures, time.monotonic()

    def render(self) -> Text:
        """As a terminal shows them."""
        return Text("\n").join(self._screen.lines(self._clock(), self._words(), "yellow"))

    def _clock(self) -> str:
        return f"{self._screen.seconds:.1f} s".rjust(LABEL - 2)

    def _words(self) -> str:
        told = (f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}" for name, value in self._figures)
        return ", ".join(told)
