"""What the programs conclude from what they saw."""

from __future__ import annotations

from bench.ground import Answered, disorder
from bench.measure import Figure, percentile, table
from bench.platform import Windows
from bench.quota import best_possible


def test_a_request_before_the_answer_to_an_earlier_one_is_out_of_order() -> None:
    first = Answered(1.0, 201, 1.5, "au/kim", "2026|1", "a")
    assert disorder([first, Answered(1.6, 201, 2.0, "au/kim", "2026|2", "b")]) == 0
    assert disorder([first, Answered(1.4, 201, 2.0, "au/kim", "2026|2", "b")]) == 1
    assert disorder([first, Answered(1.4, 201, 2.0, "au/lee", "2026|2", "b")]) == 0


def test_older_after_newer_is_out_of_order() -> None:
    newer, older = Answered(1.0, 201, 1.5, "au/kim", "2026|2", "b"), Answered(1.6, 201, 2.0, "au/kim", "2026|1", "a")
    assert disorder([newer, older]) == 1


def test_a_window_begins_with_the_first_request_and_says_how_long_it_lasts() -> None:
    windows = Windows(((1.0, 2), (60.0, 3)))
    assert [windows.wait(now) for now in (10.25, 10.5)] == [0.0, 0.0]
    assert windows.wait(10.75) == 0.5
    assert windows.wait(11.25) == 0.0
    assert windows.wait(12.25) == 58.0
    assert windows.wait(70.25) == 0.0


def test_the_best_possible_takes_every_minute_whole() -> None:
    assert [round(best_possible(count), 1) for count in (75, 700, 1500)] == [1.0, 9.3, 121.3]


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([float(n) for n in range(1, 101)], 0.95) == 95.0
    assert percentile([3.0], 0.5) == 3.0


def test_a_bar_that_is_not_held_is_shown() -> None:
    assert table([Figure("speed", "1/s", "0.1", ">= 10/s", holds=False)]).endswith(
        "| speed | 1/s | 0.1 | >= 10/s | no |\n"
    )
