"""The rows of one order become one record, wherever they stand; one bad row rejects them all."""

import io
import random
import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.files.layouts import Place, layout
from producers.files.reader import read
from producers.files.records import Raw
from producers.files.sorting import GROUP_LIMIT, grouped
from producers.files.values import Note, Reject
from tests.producers.files.reading import MADE, SALE, outcome, reading, rules

REFUND = "TRAN_IDX,SALE_DATETIME,EMAIL,QTY,LINE_VALUE,LINE_SEQ,ORIG_TRAN_IDX,ORIG_TRAN_NUMBER\n"
REWARD = "ACCOUNT_ID,PERIDX,LAST_UPDATED,REWARD_ID,REWARD_AVAILABLE\n"


def sale(tran: str, value: str = "5.00", quantity: str = "1", seq: str = "", original: str = "") -> str:
    return f"{tran},D{tran},2025-03-01T10:00:00,7,{quantity},{value},{seq},{original}\n"


def test_rows_of_one_order_need_not_be_neighbours() -> None:
    rows, _ = outcome("orders", SALE + sale("10", "1.00") + sale("9", "2.00") + sale("10", "3.00"))
    assert [(row.values["tran_idx"], row.line, row.sources[-1].last_line, row.joined) for row in rows] == [
        ("9", 3, 3, 0),
        ("10", 2, 4, 1),
    ]
    assert [line["line_value"] for line in rows[1].values["lines"]] == [Decimal("1.00"), Decimal("3.00")]


def test_one_bad_line_rejects_the_whole_order_and_no_other() -> None:
    bad = sale("1", "much")
    rows, rejects = outcome("orders", SALE + sale("1") + bad + sale("2") + sale("1"))
    assert [row.values["tran_idx"] for row in rows] == ["2"]
    assert rules(rejects) == [(2, "", "order"), (3, "LINE_VALUE", "money"), (5, "", "order")]
    assert rejects[0].detail == "line 3 of the same order was rejected"
    assert rejects[0].cells[0] == "1"


def test_a_row_of_the_wrong_length_still_rejects_its_order() -> None:
    rows, rejects = outcome("orders", SALE + sale("1") + "1,D1\n" + '1,"D1"x\n')
    assert not rows
    assert rules(rejects) == [(2, "", "order"), (3, "", "row_length"), (4, "", "quote")]


def test_an_order_that_is_turned_down_later_gives_every_row_back() -> None:
    rows, _ = outcome("orders", SALE + sale("1", "5") + sale("1", "6"))
    assert [(one.line, one.rule, one.cells[5]) for one in rows[0].turned_down("too_large")] == [
        (2, "too_large", "5"),
        (3, "too_large", "6"),
    ]


def test_rows_without_a_transaction_are_rejected_alone() -> None:
    _, rejects = outcome("orders", SALE + sale("") + sale(""))
    assert rules(rejects) == [(2, "TRAN_IDX", "empty"), (3, "TRAN_IDX", "empty")]


def test_the_same_line_twice_counts_once_and_the_later_one_stands() -> None:
    rows, _ = outcome("orders", SALE + sale("1", "5", seq="1") + sale("1", "6", seq="2") + sale("1", "7", seq="1"))
    assert [line["line_value"] for line in rows[0].values["lines"]] == [Decimal("7.00"), Decimal("6.00")]
    assert (rows[0].joined, rows[0].duplicates) == (1, 1)


def test_the_lines_of_an_order_in_another_order_are_the_same_order() -> None:
    lines = [sale("1", "5", seq="2"), sale("1", "6", seq="10"), sale("1", "7", seq="1")]
    one, _ = outcome("orders", SALE + "".join(lines))
    other, _ = outcome("orders", SALE + "".join(reversed(lines)))
    assert one[0].values == other[0].values


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ([("5", "1")], "sale"),
        ([("-5", "-1")], "refund"),
        ([("-5", "-1"), ("9", "1")], "sale"),
        ([("0", "1")], "sale"),
        ([("0", "-1")], "refund"),
        ([("-5", "1")], "refund"),
    ],
)
def test_an_order_without_a_positive_line_is_a_refund(lines: list[tuple[str, str]], kind: str) -> None:
    rows, _ = outcome("orders", SALE + "".join(sale("1", value, quantity) for value, quantity in lines))
    assert rows[0].values["kind"] == kind


def test_a_return_names_its_sale_where_there_is_only_one() -> None:
    content = SALE + sale("1", "-5", "-1", "1", "D7") + sale("1", "-5", "-1", "2", "D7")
    content += sale("2", "-5", "-1", "1", "D7") + sale("2", "-5", "-1", "2", "D8")
    one, two = outcome("orders", content)[0]
    assert one.values["original"] == {"tran_idx": "", "tran_number": "D7", "key": "", "loyalty": None}
    assert two.values["original"] is None


def test_a_refunds_file_has_a_record_for_each_sale_that_goods_came_back_from() -> None:
    row = "1,2025-03-01,kim@customer.example,-1,-5,{},{},{}\n"
    content = (
        REFUND
        + row.format(1, "70", "D70")
        + row.format(2, "80", "D80")
        + row.format(3, "70", "D70")
        + row.format(4, "", "")
    )
    rows, _ = outcome("refunds", content)
    originals = [(row.values["original"] or {}).get("tran_number") for row in rows]
    assert [(name, row.line, row.joined) for name, row in zip(originals, rows, strict=True)] == [
        (None, 5, 0),
        ("D70", 2, 1),
        ("D80", 3, 0),
    ]


def test_totals_are_checked_and_the_lines_decide() -> None:
    header = SALE.strip() + ",ORDER_TOTAL,ORDER_TAX,TAX_PERCENT\n"
    rows, _ = outcome("orders", header + sale("1", "110.00").strip() + ",100.00,10.00,10\n")
    assert rows[0].notes == (Note(2, "ORDER_TOTAL", "100.00 is not 110.00", "total"),)


def test_columns_of_the_order_that_differ_between_its_rows_are_noted() -> None:
    rows, _ = outcome("orders", SALE + sale("1") + sale("1").replace("D1,", "D2,"))
    assert rows[0].values["tran_number"] == "D1"
    assert rows[0].notes == (Note(3, "TRAN_NUMBER", "D2", "differs"),)


def test_a_rejected_row_of_an_account_leaves_the_rest_and_says_so() -> None:
    content = REWARD + "1,7,2025-03-01,A,5\n1,7,2025-03-01,B!,5\n2,8,2025-03-01,,\n1,7,2025-03-01,C,5\n"
    rows, rejects = outcome("rewards", content)
    assert rules(rejects) == [(3, "REWARD_ID", "id")]
    assert [(row.values["account_id"], row.values["complete"]) for row in rows] == [("1", False), ("2", True)]
    assert [one["reward_id"] for one in rows[0].values["rewards"]] == ["A", "C"]


def test_an_account_with_an_amount_nobody_can_read_is_not_complete() -> None:
    rows, _ = outcome("rewards", REWARD + "1,7,2025-03-01,A,lots\n")
    assert rows[0].values["complete"] is False
    assert rows[0].notes == (Note(2, "REWARD_AVAILABLE", "lots", "money"),)


def test_a_transaction_of_thousands_of_lines_is_rejected() -> None:
    rows, rejects = outcome("orders", SALE + sale("1") * (GROUP_LIMIT + 5) + sale("2"))
    assert [row.values["tran_idx"] for row in rows] == ["2"]
    assert Counter(reject.rule for reject in rejects) == {"too_many": GROUP_LIMIT + 5}


@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.sampled_from(["1.00", "-2.00", "x"]), st.sampled_from(["", "1", "2"])),
        max_size=25,
    )
)
def test_every_row_is_in_one_record_or_one_reject(lines: list[tuple[int, str, str]]) -> None:
    rows, rejects = outcome("orders", SALE + "".join(sale(str(tran), value, seq=seq) for tran, value, seq in lines))
    assert sum(1 + row.joined + row.duplicates for row in rows) + len(rejects) == len(lines)
    assert sorted(reject.line for reject in rejects) == [
        number
        for number, (tran, _, _) in enumerate(lines, start=2)
        if any(t == tran and value == "x" for t, value, _ in lines)
    ]
    assert all(len(row.values["lines"]) == 1 + row.joined for row in rows)


@given(st.randoms(use_true_random=False))
def test_the_order_of_a_files_rows_does_not_change_its_orders(chance: random.Random) -> None:
    lines = [sale(str(tran), f"{seq}.00", seq=str(seq)) for tran in range(1, 6) for seq in range(1, 4)]
    expected = {row.values["tran_idx"]: row.joined for row in outcome("orders", SALE + "".join(lines))[0]}
    chance.shuffle(lines)
    rows, _ = outcome("orders", SALE + "".join(lines))
    assert {row.values["tran_idx"]: row.joined for row in rows} == expected
    assert [int(row.values["tran_idx"]) for row in rows] == [1, 2, 3, 4, 5]


class Long(io.RawIOBase):
    """A file of many rows that exists only as far as somebody has read it."""

    def __init__(self, header: str, row: str, count: int) -> None:
        self._row, self._number, self._count = row, 0, count
        self._ready = header.encode()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while len(self._ready) < len(buffer) and self._number < self._count:
            self._number += 1
            self._ready += self._row.format(self._number).encode()
        part = self._ready[: len(buffer)]
        self._ready = self._ready[len(part) :]
        buffer[: len(part)] = part
        return len(part)


def test_f11_memory_does_not_grow_with_the_number_of_rows() -> None:
    peaks = []
    for count in (2_000, 20_000):
        tracemalloc.start()
        stream = Long("PERIDX,EMAIL,PRIVACY\n", "{},kim@customer.example,No\n", count)
        found = read(stream, layout("customers", Place()), MADE)  # type: ignore[arg-type]
        assert sum(1 for _ in found.rows) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 100_000


def test_f11_a_sort_holds_one_run_at_a_time(tmp_path: Path) -> None:
    peaks = []
    for count in (2_000, 20_000):
        tracemalloc.start()
        source = (Raw(line, line, [str(line * 7919 % count // 2), "x" * 100]) for line in range(count))
        assert sum(len(group.records) for group in grouped(source, 0, tmp_path, run_bytes=100_000)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2_500_000, "one buffer of 64 kB for each further run"


def test_f11_whoever_was_interrupted_skips_what_was_done(tmp_path: Path) -> None:
    content = SALE + "".join(sale(str(number % 7), "x" if number % 7 == 3 else "1") for number in range(50))
    whole = list(reading("orders", content).rows)
    again = read(io.BytesIO(content.encode()), layout("orders", Place()), MADE, tmp_path).rows
    done = [next(again) for _ in range(9)]
    assert [*done, *again] == whole
    assert any(isinstance(one, Reject) for one in whole)
    assert not list(tmp_path.iterdir())


def test_a_sale_is_true_when_it_was_rung_up() -> None:
    rows, _ = outcome("orders", SALE + sale("1"))
    assert rows[0].source_time == datetime(2025, 2, 28, 23, tzinfo=UTC)


def test_f09_a_cell_that_cannot_be_read_is_named_with_its_column() -> None:
    odd = b"1,D1,2025-03-01T10:00:00,7,1,5.00,1,\x81\n2,D\x002,2025-03-01T10:00:00,7,1,5.00,1,\n"
    _, rejects = outcome("orders", SALE.encode() + odd)
    assert rules(rejects) == [(2, "ORIG_TRAN_NUMBER", "encoding"), (3, "TRAN_NUMBER", "nul")]
    assert rejects[1].value == "D\0002"
