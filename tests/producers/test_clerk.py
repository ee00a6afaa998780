"""Rows of a file become messages with the right key, and every row is accounted for."""

from __future__ import annotations

from datetime import timedelta

from tests.producers.desks import CUSTOMER, LINE, REFUND, Shop, Told, example

MONDAY, TUESDAY = "customers_20250401T060000Z.csv", "customers_20250402T060000Z.csv"
SALES, MORE = "orders_20250401T063000Z.csv", "orders_20250402T063000Z.csv"
KIM = "kim@customer.example"


def test_example_customers_go_under_their_addresses() -> None:
    told = Shop().file(MONDAY, example("customers"))
    assert told.keys == [
        "au/priya.oconnor@customer.example",
        "au/zoe.dangelo@customer.example",
        "au/person:73171",
        "au/person:73172",
        "au/amy.lee@customer.example",
        "au/amy.lee@customer.example",
        "au/liam.nguyen@customer.example",
        "au/kim@wattle.example",
    ]
    assert (told.page.rows, told.page.accepted, told.page.records, told.page.gap) == (8, 8, 8, 0)


def test_example_orders_are_one_record_each_and_know_their_buyers() -> None:
    shop = Shop()
    shop.file(MONDAY, example("customers"))
    told = shop.file(SALES, example("orders"))
    by_docket = {record["tran_number"]: (key, record) for _, key, record in told.events}
    assert by_docket["D11300004742"][0] == "au/tran:913803"
    assert by_docket["D11300004711"][1]["staff"] is False
    assert by_docket["D11300004740"][1]["original"] == {
        "tran_idx": "913748",
        "tran_number": "D11300004711",
        "key": "au/priya.oconnor@customer.example",
        "loyalty": True,
    }
    assert (told.page.rows, told.page.records, told.page.lines_joined, told.page.gap) == (9, 7, 2, 0)


def test_refunds_that_the_orders_file_told_of_already_make_no_record() -> None:
    shop = Shop()
    shop.file(SALES, example("orders"))
    told = shop.file("refunds_20250401T064500Z.csv", example("refunds"))
    assert (told.events, dict(told.page.none), told.page.gap) == ([], {"duplicate": 1}, 0)


def test_returns_that_a_refunds_file_told_of_are_passed_over_in_an_orders_file() -> None:
    shop = Shop()
    refund = f"{REFUND}\n9,D9,2025-03-31T10:00:00,1,{KIM},-1,-10.00,5,D5\n"
    assert shop.file("refunds_20250401T064500Z.csv", refund).page.records == 1
    told = shop.file(SALES, f"{LINE}\n9,D9,2025-03-31T10:00:00,1,{KIM},TEE,-1,-10.00,D5\n")
    assert dict(told.page.none) == {"duplicate": 1}


def test_an_unchanged_re_export_makes_no_event_and_a_correction_goes_under_the_first_address() -> None:
    shop = Shop()
    sale = f"{LINE}\n7,D7,2025-04-01T10:00:00,1,{KIM},TEE,1,10.00,\n"
    assert shop.file(SALES, sale).keys == [f"au/{KIM}"]
    again = shop.file(MORE, sale)
    assert (again.events, dict(again.page.none), again.page.gap) == ([], {"unchanged": 1}, 0)
    corrected = shop.file("orders_20250403T063000Z.csv", sale.replace("10.00", "9.00").replace("kim@", "other@"))
    assert corrected.keys == [f"au/{KIM}"]
    assert corrected.events[0][2]["email"] == KIM


def test_an_anonymous_sale_that_gets_a_person_later_is_sent_under_their_address() -> None:
    shop = Shop()
    assert shop.file(SALES, f"{LINE}\n7,D7,2025-04-01T10:00:00,,,TEE,1,10.00,\n").keys == ["au/tran:7"]
    assert shop.file(MORE, f"{LINE}\n7,D7,2025-04-01T10:00:00,1,{KIM},TEE,1,10.00,\n").keys == [f"au/{KIM}"]


def test_an_order_waits_for_its_person_and_is_counted_where_it_came_from() -> None:
    shop = Shop()
    waiting = shop.file(SALES, f"{LINE}\n7,D7,2025-04-01T10:00:00,1,,TEE,1,10.00,\n")
    assert (waiting.events, dict(waiting.page.none), waiting.page.gap) == ([], {"waiting": 1}, 0)
    told = shop.file(TUESDAY, f"{CUSTOMER}\n1,{KIM},No,2025-04-01T09:00:00,Yes\n")
    assert [(topic, key) for topic, key, _ in told.events] == [("customers", f"au/{KIM}"), ("orders", f"au/{KIM}")]
    order = told.events[1][2]
    assert (order["email"], order["staff"], order["file"], order["sha256"]) == (KIM, True, SALES, f"sha of {SALES}")
    page = shop.page(SALES)
    assert (page.records, dict(page.none), dict(page.topics), page.gap) == (1, {}, {"orders": 1}, 0)


def test_an_order_whose_person_never_comes_goes_out_after_seven_days() -> None:
    shop = Shop()
    shop.file(SALES, f"{LINE}\n7,D7,2025-04-01T10:00:00,1,,TEE,1,10.00,\n")
    assert shop.wait(timedelta(days=6)).events == []
    assert shop.wait(timedelta(days=1)).keys == ["au/person:1"]
    assert shop.page(SALES).gap == 0
    assert list(shop.memory.waiting()) == []


def test_an_order_of_a_person_known_to_have_no_address_does_not_wait() -> None:
    shop = Shop()
    shop.file(MONDAY, f"{CUSTOMER}\n1,,No,2025-04-01T09:00:00,No\n")
    assert shop.file(SALES, f"{LINE}\n7,D7,2025-04-01T10:00:00,1,,TEE,1,10.00,\n").keys == ["au/person:1"]


def test_a_newer_export_of_a_waiting_order_takes_its_place() -> None:
    shop = Shop()
    sale = f"{LINE}\n7,D7,2025-04-01T10:00:00,1,,TEE,1,10.00,\n"
    shop.file(SALES, sale)
    shop.file(MORE, sale.replace("10.00", "9.00"))
    told = shop.file(TUESDAY, f"{CUSTOMER}\n1,{KIM},No,2025-04-01T09:00:00,No\n")
    assert [record["file"] for topic, _, record in told.events if topic == "orders"] == [MORE]
    assert (dict(shop.page(SALES).none), shop.page(SALES).gap, shop.page(MORE).gap) == ({"replaced": 1}, 0, 0)


def test_a_changed_address_goes_under_the_old_key_and_later_rows_under_the_new_one() -> None:
    shop = Shop()
    shop.file(MONDAY, f"{CUSTOMER}\n1,{KIM},No,2025-04-01T09:00:00,No\n")
    moved = shop.file(TUESDAY, f"{CUSTOMER}\n1,new@customer.example,No,2025-04-02T09:00:00,No\n")
    later = shop.file(
        "customers_20250403T060000Z.csv", f"{CUSTOMER}\n1,new@customer.example,No,2025-04-02T09:00:00,No\n"
    )
    said = [(told.keys[0], told.events[0][2]["email"], told.events[0][2]["previous_email"]) for told in (moved, later)]
    assert said == [
        (f"au/{KIM}", "new@customer.example", KIM),
        ("au/new@customer.example", "new@customer.example", KIM),
    ]


def test_f17_yesterdays_file_after_todays_moves_nobody_back() -> None:
    shop = Shop()
    shop.file(MONDAY, f"{CUSTOMER}\n1,{KIM},No,2025-04-01T09:00:00,No\n")
    shop.file("customers_20250403T060000Z.csv", f"{CUSTOMER}\n1,new@customer.example,No,2025-04-03T09:00:00,No\n")
    late = shop.file(TUESDAY, f"{CUSTOMER}\n1,{KIM},No,2025-04-02T09:00:00,No\n")
    assert late.keys == [f"au/{KIM}"]
    assert shop.memory.person("1").email == "new@customer.example"
    assert shop.file(MORE, f"{LINE}\n7,D7,2025-04-01T10:00:00,1,,TEE,1,10.00,\n").keys == ["au/new@customer.example"]


def test_a_clear_opt_out_goes_through_when_its_row_is_rejected() -> None:
    shop = Shop()
    shop.file(MONDAY, f"{CUSTOMER}\n1,{KIM},No,2025-04-01T09:00:00,No\n")
    told = shop.file(TUESDAY, f"{CUSTOMER}\n1,kim at customer,Yes,2025-04-02T09:00:00,No\n")
    (event,) = told.events
    assert (event[1], event[2]["email"], event[2]["rescued"], event[2]["privacy"]) == (f"au/{KIM}", KIM, True, True)
    page = told.page
    assert (page.rows, page.rejected, page.records, page.rescued, dict(page.topics), page.gap) == (
        1,
        1,
        0,
        1,
        {"customers": 1},
        0,
    )


def test_an_account_is_a_record_and_its_tier_another() -> None:
    shop = Shop()
    shop.file(MONDAY, example("customers"))
    told = shop.file("rewards_20250401T061500Z.csv", example("rewards"))
    assert [topic for topic, _, _ in told.events] == ["rewards", "tiers"] * 3
    assert told.keys[-1] == "au/person:73171"
    assert (told.page.records, told.page.lines_joined, dict(told.page.topics)) == (3, 1, {"rewards": 3, "tiers": 3})
    assert told.page.gap == 0


def test_definitions_of_tiers_make_no_event_and_say_so() -> None:
    told = Shop().file("tiers_20250401T055500Z.csv", example("tiers"))
    assert (told.events, dict(told.page.none), told.page.gap) == ([], {"definition": 2}, 0)


def test_a_gift_card_goes_under_its_number() -> None:
    told = Shop().file("giftcards_20250401T055500Z.csv", f"VOUCHER_NUMBER,EMAIL,AVAILABLE_AMOUNT\n6321,{KIM},50.00\n")
    assert (told.keys, told.events[0][2]["kind"]) == (["au/voucher:6321"], "gift_card")


def test_f21_an_order_larger_than_the_broker_takes_is_rejected_whole() -> None:
    shop = Shop(largest=2_000)
    lines = "".join(f"7,D7,2025-04-01T10:00:00,1,{KIM},STYLE{n},1,10.00,\n" for n in range(100))
    told = shop.file(SALES, f"{LINE}\n{lines}8,D8,2025-04-01T10:00:00,1,{KIM},TEE,1,10.00,\n")
    assert [record["tran_idx"] for _, _, record in told.events] == ["8"]
    assert {reject.rule for reject in told.rejects} == {"too_large"}
    assert (len(told.rejects), told.page.rows, told.page.rejected, told.page.gap) == (100, 101, 100, 0)


REWARD = "ACCOUNT_ID,EMAIL,PROGRAM_ID,TIER_ID,JOIN_DATE,LAST_UPDATED"


def standing(told: Told) -> list[tuple[int | None, bool]]:
    """Of each account: the place of its tier in the ladder, and whether it is new."""
    return [(one["tier_sequence"], one["newly_joined"]) for topic, _, one in told.events if topic == "rewards"]


def accounts(*rows: str) -> str:
    return "\n".join([REWARD, *rows, ""])


def test_an_account_says_where_its_tier_stands_in_the_ladder() -> None:
    shop = Shop()
    rows = accounts("1,a@customer.example,1,3,2024-01-01,2025-04-01", "2,b@customer.example,1,9,2024-01-01,2025-04-01")
    assert standing(shop.file("rewards_20250401T050000Z.csv", rows)) == [(None, False), (None, False)]
    shop.file("tiers_20250401T055500Z.csv", example("tiers"))
    assert standing(shop.file("rewards_20250401T061500Z.csv", rows)) == [(2, False), (None, False)]
    shop.file("tiers_20250301T055500Z.csv", example("tiers").replace("Gold,2,", "Gold,7,"))
    assert standing(shop.file("rewards_20250402T061500Z.csv", rows)) == [(2, False), (None, False)]
    shop.file("tiers_20250403T055500Z.csv", example("tiers").replace("Gold,2,", "Gold,7,"))
    assert standing(shop.file("rewards_20250403T061500Z.csv", rows)) == [(7, False), (None, False)]


def test_an_account_is_new_that_was_opened_since_the_snapshot_before() -> None:
    """Also when the file is read in two goes; and a file of corrected rows is no snapshot of its own."""
    shop = Shop()
    old, young = "1,a@customer.example,1,2,2024-01-01,2025-04-01", "2,b@customer.example,1,2,2025-04-10,2025-04-10"
    assert standing(shop.file("rewards_20250401T061500Z.csv", accounts(old, young))) == [(None, False)] * 2
    for _ in range(2):
        told = shop.file("rewards_20250410T061500Z.csv", accounts(old, young))
        assert standing(told) == [(None, False), (None, True)]
    corrected = f"{REWARD},REJECT_FILE\n{young},rewards_20250410T061500Z.csv\n"
    assert standing(shop.file("rewards_20250412T000000Z.csv", corrected)) == [(None, True)]
    assert standing(shop.file("rewards_20250411T061500Z.csv", accounts(young))) == [(None, True)]
    assert standing(shop.file("rewards_20250412T061500Z.csv", accounts(young))) == [(None, True)]
    assert standing(shop.file("rewards_20250413T061500Z.csv", accounts(young))) == [(None, False)]


def test_an_account_that_was_opened_before_the_first_snapshot_is_never_new() -> None:
    shop = Shop()
    before, on = "1,a@customer.example,1,2,2025-03-31,2025-04-01", "2,b@customer.example,1,2,2025-04-01,2025-04-01"
    shop.file("rewards_20250401T061500Z.csv", accounts("3,c@customer.example,1,2,2024-01-01,2025-04-01"))
    told = shop.file("rewards_20250401T091500Z.csv", accounts(before, on))
    assert standing(told) == [(None, False), (None, True)]
