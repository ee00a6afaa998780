"""Records that share a key meet, in a fixed amount of memory and always in the same order."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from producers.files.records import Raw
from producers.files.sorting import GROUP_LIMIT, grouped

KEYS = st.one_of(st.sampled_from(["9", "10", "", " 9 ", "a\tb", "a\nb", "é"]), st.text(max_size=5))


@given(st.lists(KEYS, max_size=60), st.sampled_from([1, 300, 1 << 20]))
def test_groups_hold_every_record_once_in_the_order_of_the_file(keys: list[str], run_bytes: int) -> None:
    source = [Raw(number, number, [key, f"row {number}"]) for number, key in enumerate(keys, start=2)]
    with TemporaryDirectory() as folder:
        found = list(grouped(source, 0, Path(folder), run_bytes))
        assert not list(Path(folder).iterdir())
    assert sorted(raw for group in found for raw in group.records) == sorted(source)
    for group in found:
        assert len({raw.cells[0].strip() for raw in group.records}) == 1
        assert [raw.line for raw in group.records] == sorted(raw.line for raw in group.records)
    named = [group.records[0].cells[0].strip() for group in found if group.records[0].cells[0].strip()]
    assert len(named) == len(set(named))


def test_the_order_does_not_depend_on_the_size_of_a_run(tmp_path: Path) -> None:
    source = [Raw(line, line, [str(line * 7919 % 101)]) for line in range(2, 2000)]
    expected = list(grouped(source, 0, tmp_path))
    assert list(grouped(source, 0, tmp_path, run_bytes=1000)) == expected
    assert [int(group.records[0].cells[0]) for group in expected] == list(range(101))


def test_a_row_without_the_cell_stands_alone(tmp_path: Path) -> None:
    source = [Raw(2, 2, []), Raw(3, 3, ["", "x"]), Raw(4, 4, ["  "])]
    assert [group.records for group in grouped(source, 0, tmp_path)] == [[raw] for raw in source]


def test_a_transaction_of_a_million_lines_comes_in_parts(tmp_path: Path) -> None:
    source = [Raw(line, line, ["1"]) for line in range(2, 2 * GROUP_LIMIT + 10)]
    parts = list(grouped(source, 0, tmp_path))
    assert all(part.over for part in parts)
    assert [raw for part in parts for raw in part.records] == source
    assert max(len(part.records) for part in parts) <= GROUP_LIMIT + 1
