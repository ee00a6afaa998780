"""Members: one account for each address, never older over newer, nothing emptied, and an account that moves along."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumers.clearer.customers import customers, moved
from consumers.engine.outcome import (
    Delivered,
    Emit,
    Misconfigured,
    Rejected,
    RetryLater,
    Skipped,
    Superseded,
    Unchanged,
)
from consumers.engine.wire import Response
from consumers.members import MOVED
from tests.consumers.clearer.shop import PRIYA, Desk, Thing, account, customer, shopify, word

LATER = datetime(2025, 5, 1, tzinfo=UTC)
NEW = "priya.shah@customer.example"


def later(person: str, days: int = 0, **changes: Any) -> Thing:
    return customer(person, last_updated=LATER + timedelta(days=days), **changes)


def leaves(**changes: Any) -> Thing:
    return later("73152", email=NEW, previous_email=PRIYA[3:], key_email=PRIYA[3:], **changes)


def arrived(emit: Emit) -> Thing:
    assert emit.part == MOVED
    return Thing(emit.key, emit.topic, emit.value)


@pytest.mark.parametrize(
    ("changes", "policy"),
    [
        ({"email": ""}, "no_email"),
        ({"origin": "yotpo"}, "origin"),
        ({"rescued": True}, "opt_out_only"),
        ({"origin": "shopify"}, "no_shopify_id"),
    ],
)
def test_who_is_left_alone_and_why(changes: dict[str, Any], policy: str) -> None:
    desk = Desk(account())
    assert desk.send(customers, customer("73152", **changes)) == [Skipped(policy)]
    assert (desk.asked, desk.memory) == ([], {})


def test_a_polled_person_goes_and_staff_may_be_members() -> None:
    desk = Desk(account())
    outcomes = desk.send(customers, customer("73152", origin="apparel21-poll"), customer("60001"))
    assert {type(outcome) for outcome in outcomes} == {Delivered}


def test_an_older_row_changes_nothing_and_a_newer_one_does() -> None:
    desk = Desk(account())
    desk.send(customers, later("73152", firstname="Pia"))
    assert desk.send(customers, customer("73152")) == [Superseded()]
    assert isinstance(desk.send(customers, later("73152", 1, firstname="Priya"))[0], Delivered)
    assert [request.body["firstName"] for request in desk.asked] == ["Pia", "Priya"]


def test_what_is_empty_never_overwrites_whatever_put_means() -> None:
    desk = Desk(account())
    desk.send(customers, customer("73152"))
    assert isinstance(desk.send(customers, later("73152", dob=None))[0], Unchanged)
    desk.send(customers, later("73152", 1, dob=None, firstname="Pia"))
    assert desk.asked[-1].body["birthdayDay"] == 14


def test_rows_that_come_together_end_as_if_they_had_come_one_by_one() -> None:
    rows = [customer("73152"), later("73152", firstname="Pia"), later("73152", 1, dob=None, surname="Shah")]
    together, one_by_one = Desk(account()), Desk(account())
    assert [word(outcome) for outcome in together.send(customers, rows)] == ["delivered"]
    one_by_one.send(customers, *rows)
    assert len(together.asked) == 1
    assert together.asked[-1].body == one_by_one.asked[-1].body
    assert together.memory == one_by_one.memory


def test_the_quick_path_knows_who_was_sent_and_nobody_who_waits() -> None:
    for shop, tables in ((False, "v1"), (True, "")):
        desk = Desk(account(shopify=shop))
        desk.send(customers, customer("73152"))
        memory = desk.kept(PRIYA, "profile")
        assert (memory["tables"], memory["seen"]["73152"][0]) == (tables, customer("73152").content)


def test_a_person_who_is_asked_for_goes_again() -> None:
    desk = Desk(account())
    desk.send(customers, customer("73152"))
    assert isinstance(desk.send(customers, replace(customer("73152"), forced=True))[0], Delivered)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Rejected), (422, Rejected), (401, Misconfigured), (403, Misconfigured), (500, RetryLater)],
)
def test_a_refusal_is_remembered_by_nobody(status: int, kind: type) -> None:
    desk = Desk(account(), lambda _: Response(status))
    assert isinstance(desk.send(customers, customer("73152"))[0], kind)
    assert desk.memory == {}


def test_other_tables_begin_anew() -> None:
    desk = Desk(account())
    desk.send(customers, customer("73152"))
    desk.account = replace(desk.account, version="v2")
    desk.send(customers, later("73152", dob=None))
    assert "birthdayDay" not in desk.asked[-1].body


def test_an_account_moves_along_with_its_person() -> None:
    desk = Desk(account())
    desk.send(customers, customer("73152"))
    [gone] = desk.send(customers, leaves())
    assert isinstance(gone, Delivered)
    assert len(desk.asked) == 1  # the new address asks, after everything that came before
    [emit] = gone.emits
    assert (emit.topic, emit.key) == ("customers", f"au/{NEW}")
    assert isinstance(desk.send(moved, arrived(emit))[0], Delivered)
    assert (desk.asked[-1].path, desk.asked[-1].body["email"]) == ("/v1/customers/73152", NEW)
    assert desk.asked[-1].body["birthdayDay"] == 14
    assert isinstance(desk.send(customers, later("73152", email=NEW, previous_email=PRIYA[3:]))[0], Unchanged)


def test_a_row_at_the_new_address_may_be_there_first() -> None:
    desk = Desk(account())
    desk.send(customers, customer("73152"))
    [gone] = desk.send(customers, leaves())
    assert isinstance(gone, Delivered)
    desk.send(customers, later("73152", email=NEW, previous_email=PRIYA[3:]))
    assert isinstance(desk.send(moved, arrived(gone.emits[0]))[0], Unchanged)
    assert [request.path for request in desk.asked] == ["/v1/customers/73152"] * 2


def test_an_account_with_a_shop_moves_with_the_id_of_the_shop() -> None:
    desk = Desk(account(shopify=True))
    desk.send(customers, customer("73152"), shopify("73152", "771"))
    [gone] = desk.send(customers, leaves())
    assert isinstance(gone, Delivered)
    waiting = desk.send(customers, later("73152", email=NEW, previous_email=PRIYA[3:], firstname="Pia"))
    assert [word(outcome) for outcome in waiting] == ["skipped no_shopify_id"]
    assert isinstance(desk.send(moved, arrived(gone.emits[0]))[0], Delivered)
    assert (desk.asked[-1].path, desk.asked[-1].body["firstName"]) == ("/v1/customers/771", "Pia")


def test_who_leaves_a_shared_address_begins_an_account_of_their_own() -> None:
    desk = Desk(account())
    amy = "amy.lee@customer.example"
    desk.send(customers, customer("73180"), customer("91004"))
    away = later("91004", email="amy2@customer.example", previous_email=amy, key_email=amy)
    [gone] = desk.send(customers, away)
    assert isinstance(gone, Delivered)
    desk.send(moved, arrived(gone.emits[0]))
    assert [request.path for request in desk.asked] == ["/v1/customers/73180", "/v1/customers/91004"]
    assert isinstance(desk.send(customers, later("73180", 1))[0], Unchanged)


def test_who_comes_to_an_address_that_has_an_account_shares_it() -> None:
    desk = Desk(account())
    desk.send(customers, customer("73152"), customer("80117", NEW))
    [gone] = desk.send(customers, leaves())
    assert isinstance(gone, Delivered)
    desk.asked.clear()
    assert isinstance(desk.send(moved, arrived(gone.emits[0]))[0], Unchanged)
    assert desk.asked == []


def test_who_comes_back_is_not_gone_any_more() -> None:
    desk = Desk(account())
    desk.send(customers, customer("73152"), leaves())
    assert desk.kept(PRIYA, "profile")["moved"] == {"73152": {"to": NEW, "id": "73152"}}
    desk.send(customers, later("73152", 1))
    assert desk.kept(PRIYA, "profile")["moved"] == {}
    assert desk.asked[-1].body["email"] == PRIYA[3:]
