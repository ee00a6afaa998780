"""What is a record, what is a broken one, and what its letters are written in."""

import io
import tracemalloc
from collections.abc import Iterator
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.files.broken import CELL_LIMIT
from producers.files.lines import CHUNK, Lines
from producers.files.records import Raw, letters, original, records


def read(content: bytes, delimiter: str = ",", forced: str | None = None) -> list[Raw]:
    return list(walk(io.BytesIO(content), delimiter, forced))


def walk(stream: BinaryIO, delimiter: str = ",", forced: str | None = None) -> Iterator[Raw]:
    return records(Lines(stream), delimiter, forced)


def test_lines_are_physical_and_blank_ones_are_no_rows() -> None:
    found = read(b'a,b\n\n"1\r\n2",x\n   \n3,4')
    assert [(raw.line, raw.last_line, raw.cells) for raw in found] == [
        (1, 1, ["a", "b"]),
        (3, 4, ["1\r\n2", "x"]),
        (6, 6, ["3", "4"]),
    ]


def test_f09_mixed_newlines_and_lone_carriage_returns_end_a_line() -> None:
    assert [raw.cells for raw in read(b"a,b\rc,d\r\ne,f\ng,h\r")] == [["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"]]


def test_a_quote_inside_a_bare_cell_is_text() -> None:
    assert read(b"Men's 12\" belt,5\n")[0].cells == ["Men's 12\" belt", "5"]


def test_text_after_a_closing_quote_is_a_fault_and_the_next_line_is_fine() -> None:
    first, second = read(b'"Level 2" x,5\n6,7\n')
    assert (first.line, first.rule, first.cells) == (1, "quote", ["Level 2 x", "5"])
    assert (second.line, second.rule, second.cells) == (2, "", ["6", "7"])


def test_f02_a_file_that_ends_inside_a_quote_keeps_the_rows_before() -> None:
    good, broken = read(b'1,2\n3,"never\nends\n')
    assert good.cells == ["1", "2"]
    assert (broken.line, broken.last_line, broken.rule) == (2, 3, "quote")
    assert "opened in line 2" in broken.detail


def test_a_cell_may_have_64_kib_and_not_one_more() -> None:
    whole, over, after = read(b"x" * CELL_LIMIT + b",1\n" + b"x" * (CELL_LIMIT + 1) + b",1\n1,2\n")
    assert (whole.rule, over.rule, over.line, after.cells) == ("", "too_long", 2, ["1", "2"])


class Endless(io.RawIOBase):
    """A file whose second line has a hundred million letters and which nobody holds."""

    def __init__(self) -> None:
        self.left = [b"a,b\n", *[b"x" * 1_000_000] * 100, b"\n1,2\n"]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        if not self.left:
            return 0
        part = self.left[0][: len(buffer)]
        self.left[0] = self.left[0][len(part) :]
        if not self.left[0]:
            del self.left[0]
        buffer[: len(part)] = part
        return len(part)


def test_f10_a_line_of_100_mb_is_one_fault_and_memory_stays_flat() -> None:
    tracemalloc.start()
    header, long, after = walk(Endless())  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (header.cells, long.rule, long.line, after.cells, after.line) == (["a", "b"], "too_long", 2, ["1", "2"], 3)
    assert peak < 12 * CHUNK


def test_f09_letters_are_utf8_or_else_windows_1252_row_by_row() -> None:
    utf8, windows = read("Zoë,D’Angelo\n".encode() + "Zoë,D’Angelo\n".encode("windows-1252"))
    assert (utf8.encoding, letters(utf8)) == ("utf-8", ["Zoë", "D’Angelo"])
    assert (windows.encoding, letters(windows)) == ("windows-1252", ["Zoë", "D’Angelo"])


def test_f09_a_byte_that_means_nothing_is_named_with_its_place() -> None:
    _, bad = read(b"\xef\xbb\xbfab\nZo\x81\n")
    assert (bad.rule, bad.detail) == ("encoding", "0x81, byte 8 of the file, counted from 0")


def test_a_forced_encoding_is_the_only_one() -> None:
    assert letters(read("Zoë,1\n".encode(), forced="windows-1252")[0]) == ["ZoÃ«", "1"]
    assert read(b"Zo\xeb,1\n", forced="utf-8")[0].rule == "encoding"


def test_f09_utf16_and_byte_order_marks_are_read_right() -> None:
    for content in ("a,Zoë\r\n1,2\r\n".encode("utf-16"), "a,Zoë\r\n1,2\r\n".encode("utf-8-sig")):
        assert [letters(raw) for raw in read(content)] == [["a", "Zoë"], ["1", "2"]]
    assert read("a,Zoë\n".encode("utf-16") + b"\xd8")[1].rule == "encoding"


def test_f09_a_nul_spoils_its_row_only() -> None:
    first, bad, last = read(b"a,b\n1,\x002\n3,4\n")
    assert (first.rule, bad.rule, bad.detail, last.rule) == ("", "nul", "byte 6 of the file, counted from 0", "")


def test_f09_nul_padding_at_the_end_is_counted_and_the_rows_before_are_kept() -> None:
    for content, size in ((b"a,b\n1,2\n", 4096), (b"a,b\n1,2", 3 * CHUNK)):
        lines = Lines(io.BytesIO(content + b"\0" * size))
        assert [raw.cells for raw in records(lines, ",", None)] == [["a", "b"], ["1", "2"]]
        assert lines.nul_padding == size


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.lists(st.lists(TEXT, min_size=2), min_size=1))
def test_what_a_careful_writer_wrote_is_read_back(rows: list[list[str]]) -> None:
    written = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\r\n" for row in rows)
    found = read(written.encode())
    assert [letters(raw) for raw in found] == rows
    assert [list(original(raw)) for raw in found] == rows


@given(st.binary())
def test_any_bytes_are_read_or_named_as_faults_and_cells_keep_their_bytes(content: bytes) -> None:
    for raw in read(content):
        assert 1 <= raw.line <= raw.last_line
        if not raw.rule:
            assert all(isinstance(cell, str) for cell in letters(raw))
        if raw.encoding != "utf-16":
            kept = [cell.encode("utf-8", "surrogateescape") for cell in original(raw)]
            assert kept == [cell.encode("latin-1") for cell in raw.cells]


def told(found: list[Raw]) -> list[tuple[int, int, str]]:
    return [(raw.line, raw.last_line, raw.rule) for raw in found]


@pytest.mark.parametrize(
    ("after", "last"),
    [(b"3,4,5\n6,7,8\n", 4), (b'3,"four",5\n6,7,8\n', 4), (b'3,"four\nfive",5\n', 4), (b"3,4,5\n" * 30_000, 30_002)],
    ids=["to the end", "to another quote", "a row of two lines", "for more than a cell may have"],
)
def test_a_quote_that_is_never_closed_takes_no_whole_row_with_it(after: bytes, last: int) -> None:
    _, broken, *rows = read(b'a,b,c\n1,"two,3\n' + after)
    assert (broken.line, broken.last_line, broken.rule, broken.cells) == (2, 2, "quote", ["1", "two,3\n"])
    assert broken.detail == "the quote opened in line 2 is not closed; reading goes on in line 3"
    assert {raw.rule for raw in rows} == {""}
    assert (rows[0].line, rows[-1].last_line) == (3, last)


def test_the_tail_of_a_quoted_cell_is_no_row() -> None:
    assert told(read(b'a,b\n"7 Smith\nRear"x,2\n3,4\n')) == [(1, 1, ""), (2, 3, "quote"), (4, 4, "")]


def test_an_endless_quoted_cell_is_one_fault_and_memory_stays_flat() -> None:
    content = io.BytesIO(b'a,b,c\n1,"' + b"x\n" * 100_000 + b'",3\n4,5,6\n')
    tracemalloc.start()
    _, long, after = walk(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (long.line, long.last_line, long.rule, after.cells) == (2, 100_002, "too_long", ["4", "5", "6"])
    assert peak < 6 * CHUNK


@pytest.mark.parametrize(("end", "last"), [(b"", 100_001), (b"4,5,6\n", 100_001), (b'4,"five",6\n', 100_001)])
def test_an_endless_cell_that_nothing_closes_ends_before_the_next_row(end: bytes, last: int) -> None:
    _, long, *rows = read(b'a,b,c\n1,"' + b"x\n" * 100_000 + end)
    assert (long.line, long.last_line, long.rule) == (2, last, "quote")
    assert f"opened in line 2 is not closed within {CELL_LIMIT} characters, up to line {last}" in long.detail
    assert [raw.line for raw in rows] == [last + 1] * bool(end)


def test_a_record_of_endless_cells_is_one_fault() -> None:
    _, long, *rows = read(b'a,b,c\n1,"x' + b'\n","x' * 300_000 + b"\n4,5,6\n")
    assert (long.line, long.rule, [raw.cells for raw in rows]) == (2, "quote", [["4", "5", "6"]])


def test_the_line_where_the_quote_opens_is_named() -> None:
    _, broken = read(b'a,b,c\n"one\nand a half","two\nand more')
    assert "the quote opened in line 3 is never closed; the file ends in line 4" in broken.detail


CELLS = st.text(alphabet='ab,"\n', max_size=8)


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=12), st.integers(0, 12), st.text('ab"', max_size=4))
def test_a_stray_quote_costs_no_row_before_it_and_the_file_is_read_to_its_end(
    rows: list[list[str]], at: int, rest: str
) -> None:
    whole = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows]
    stray = f'1,"{rest}\n'
    found = read("".join(["a,b,c\n", *whole[:at], stray, *whole[at:], "7,8,9\n7,8,9\n"]).encode())
    assert [raw.cells for raw in found[1 : 1 + len(whole[:at])]] == rows[:at]
    assert found[-1].cells == ["7", "8", "9"]
