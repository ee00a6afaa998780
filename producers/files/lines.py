"""Cut a file into physical lines without ever holding a long one: 100 MB without a line end cost one chunk."""

import codecs
from collections import deque
from collections.abc import Iterator
from functools import partial
from io import BufferedReader, RawIOBase, TextIOWrapper
from itertools import chain
from typing import BinaryIO, cast

CHUNK = 1 << 20
"""A line or a record of this many characters is longer than any broker would take as a record."""

_TOO_LONG = "x" * 70_000  # longer than a cell may be, so that the CSV parser itself says what is wrong, in any state
_ENDS = ("\n", "\r")


class Lines:
    """The physical lines of a file: LF, CRLF and lone CR end one, in any mixture.

    A file with the mark of UTF-16 is decoded; everything else is passed through as Latin-1, byte for byte, because
    what a row is written in is decided row by row. `number` counts lines from 1, `offset` characters; `kept` holds
    the lines of the record in progress, which `began` at such an offset, and `plain` says that they were ASCII without
    NUL.
    """

    def __init__(self, stream: BinaryIO, encoding: str = "") -> None:
        """Walk `stream`, whose text is in `encoding` if given; the mark of UTF-8 or UTF-16 at its start counts more."""
        mark, whole = _look_ahead(stream)
        self.marked = mark.startswith(codecs.BOM_UTF8)
        wide = mark.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        self.wide = wide or not (self.marked or keeps_ascii(encoding))
        self.number = 0
        self.kept: list[str] = []
        self.plain = True
        self.nul_padding = 0
        whole.read(3 if self.marked else 0)
        self.start = 3 if self.marked else 2 if wide else 0
        self.offset = self.began = 0
        text = "utf-16" if wide else encoding if self.wide else "latin-1"
        self._text = TextIOWrapper(whole, encoding=text, errors="replace", newline="")
        self._again: deque[str] = deque()

    def first(self) -> str:
        """The first line that is not blank, still unread, or ""; to be called before the lines are walked."""
        for line in iter(partial(self._text.readline, CHUNK), ""):
            if line.strip(" \t\r\n"):
                self._again.append(line)
                return line
            self.number += 1
            self.offset += len(line)
        return ""

    def __iter__(self) -> Iterator[str]:
        for line in chain(self._read_again(), iter(partial(self._text.readline, CHUNK), "")):
            self.number += 1
            self.offset += len(line)
            taken = line if line[-1] in _ENDS else self._unended(line)
            if not taken:
                return
            if not taken.isascii() or "\0" in taken:
                self.plain = False
            self.kept.append(taken if taken is not _TOO_LONG else line[: CHUNK >> 4])
            yield taken if self.offset - self.began < CHUNK else _TOO_LONG

    def begin(self) -> None:
        """A record begins with the next line."""
        self.kept.clear()
        self.began = self.offset
        self.plain = True

    def _read_again(self) -> Iterator[str]:
        while self._again:
            yield self._again.popleft()

    @property
    def all_kept(self) -> bool:
        """Is every character of the record in progress kept? Of a line that is too long only the beginning is."""
        return sum(map(len, self.kept)) == self.offset - self.began

    def go_back(self, lines: int) -> None:
        """The last lines that were kept come again, to whoever walks the lines anew."""
        again = self.kept[-lines:]
        self._again.extendleft(reversed(again))
        self.number -= lines
        self.offset -= sum(map(len, again))

    def byte_offset(self, characters: int) -> int:
        """Where in the file the character is that has so many before it (beyond the BMP: at least there)."""
        return self.start + characters * (2 if self.wide else 1)

    def _unended(self, line: str) -> str:
        """The last line of the file without the NULs after it, or what stands for a line without an end in sight."""
        only_nul = True
        skipped = 0
        rest = line if len(line) == CHUNK else ""
        while rest and rest[-1] not in _ENDS:
            rest = self._text.readline(CHUNK)
            skipped += len(rest)
            only_nul = only_nul and not rest.strip("\0")
        bare = line.rstrip("\0")
        if not only_nul or len(bare) == CHUNK:
            self.offset += skipped
            return _TOO_LONG
        padding = len(line) - len(bare)
        self.offset -= padding
        self.nul_padding += padding + skipped
        return bare


def keeps_ascii(encoding: str) -> bool:
    """Whether bytes below 128 mean in an encoding what they mean in ASCII and nothing else; "" = not said.

    >>> keeps_ascii("windows-1252"), keeps_ascii("utf-16-le"), keeps_ascii("shift_jis")
    (True, False, False)
    """
    name = codecs.lookup(encoding or "utf-8").name
    return name == "utf-8" or name.startswith(("cp125", "iso8859", "ascii", "mac-", "koi8"))


def _look_ahead(stream: BinaryIO) -> tuple[bytes, BufferedReader]:
    """The first bytes, still unread."""
    whole = stream if isinstance(stream, BufferedReader) else BufferedReader(cast("RawIOBase", stream))
    return whole.peek(4)[:4], whole
