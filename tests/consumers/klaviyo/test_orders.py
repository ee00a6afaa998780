"""Sales and refunds as events: once each, no more identifiers than one, and what they add up to."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from consumers.engine.outcome import Delivered, Misconfigured, Outcome, Rejected, RetryLater, Skipped, Unchanged
from consumers.engine.wire import Json, Request, Response
from consumers.klaviyo.check import pretend
from consumers.klaviyo.orders import orders, split, sums
from tests.consumers.desk import Desk, Thing, account, refund, sale

PRIYA = "au/priya.oconnor@customer.example"


def event(request: Request) -> Json:
    return request.body["data"]["attributes"]


def delivered(outcomes: list[Outcome]) -> Delivered:
    [outcome] = outcomes
    assert isinstance(outcome, Delivered)
    return outcome


def crowd(count: int) -> list[Thing]:
    return [sale("913748", tran_idx=f"T{n}", email=f"p{n}@customer.example") for n in range(count)]


def other_ids(things: list[Thing]) -> list[Thing]:
    return [Thing(one.key, one.topic, one.record, one.content, one.order, one.record["tran_idx"]) for one in things]


@pytest.mark.parametrize(
    ("tran", "changes", "policy"),
    [
        ("913803", {}, "anonymous"),
        ("913804", {}, "not_a_sale"),
        ("913810", {}, "web"),
        ("913748", {"tran_type": "Special Order Update"}, "not_a_sale"),
        ("913748", {"email": ""}, "no_email"),
        ("913748", {"origin": "shopify"}, "origin"),
        ("913748", {"store_code": "WEB"}, "web"),
        ("913748", {"order_number": "w123"}, "web"),
    ],
)
def test_what_is_left_alone_and_why(tran: str, changes: dict[str, Any], policy: str) -> None:
    desk = Desk(account())
    assert desk.send(orders, sale(tran, **changes)) == [Skipped(policy)]
    assert (desk.asked, desk.memory) == ([], {})


def test_a_blank_type_is_a_sale() -> None:
    assert isinstance(Desk(account()).send(orders, sale("913748", tran_type=""))[0], Delivered)


def test_a_correction_is_told_and_not_sent() -> None:
    desk = Desk(account())
    desk.send(orders, sale("913748"))
    totals = desk.profile(PRIYA)["totals"]
    desk.calls()
    assert desk.send(orders, sale("913748", order_total=Decimal("190.00"))) == [Skipped("correction")]
    assert desk.send(orders, sale("913748")) == [Unchanged()]
    assert (desk.calls(), desk.profile(PRIYA)["totals"]) == ([], totals)


def test_returns_that_only_the_refunds_file_has_are_sent_beside_the_sale() -> None:
    desk = Desk(account())
    desk.send(orders, sale("913748"))
    back = [
        {**line, "qty": -line["qty"], "line_value": -line["line_value"]} for line in sale("913748").record["lines"][1:]
    ]
    delivered(desk.send(orders, sale("913748", kind="refund", lines=back)))
    assert [event(request)["metric"]["data"]["attributes"]["name"] for request in desk.asked] == [
        "In-Store Order",
        "In-Store Refund",
    ]
    assert desk.profile(PRIYA)["totals"]["73152"][0] == 13495


def test_a_refunds_file_that_gives_back_goods_of_two_sales_is_two_refunds() -> None:
    desk = Desk(account())
    bought = sale("913801", kind="sale", lines=sale("913748").record["lines"])
    back = [refund("913801", original={"tran_idx": "", "tran_number": docket}) for docket in ("D1", "D2")]
    assert [type(outcome) for outcome in desk.each(orders, bought, *back)] == [Delivered] * 3
    assert [event(request)["unique_id"] for request in desk.asked] == ["ap21-au-913801"] * 2 + ["ap21-au-913801-D2"]
    assert event(desk.asked[2])["value"] == 59.95
    assert desk.profile(PRIYA)["totals"]["73152"][0] == 19490 - 2 * 5995
    assert desk.each(orders, bought, *back) == [Unchanged()] * 3
    changed = refund("913801", original=back[1].record["original"], lines=bought.record["lines"])
    assert desk.one(orders, changed) == Skipped("correction")


def test_a_return_that_did_not_say_where_it_was_sold_is_not_told_twice_by_a_file_that_does() -> None:
    silent, told = refund("913801", original=None), refund("913801", original={"tran_idx": "", "tran_number": "D1"})
    for first, second in ((silent, told), (told, silent)):
        desk = Desk(account())
        desk.each(orders, first, second)
        assert [event(request)["unique_id"] for request in desk.asked] == ["ap21-au-913801"]


def test_an_exchange_whose_returns_the_refunds_file_told_first_is_a_sale_all_the_same() -> None:
    desk = Desk(account())
    exchange = sale("913802")
    back = [line for line in exchange.record["lines"] if line["line_value"] < 0]
    delivered(desk.send(orders, sale("913802", kind="refund", lines=back)))
    delivered(desk.send(orders, exchange))
    assert [event(request)["metric"]["data"]["attributes"]["name"] for request in desk.asked] == [
        "In-Store Refund",
        "In-Store Order",
    ]
    assert desk.profile("au/liam.nguyen@customer.example")["totals"]["80117"][:2] == [1000, 1]


def test_names_of_metrics_are_the_merchants() -> None:
    desk = Desk(account(metrics={"order": "Till Sale"}))
    desk.send(orders, sale("913748"))
    assert event(desk.asked[0])["metric"]["data"]["attributes"]["name"] == "Till Sale"


def test_old_and_bulk_sales_start_no_flows() -> None:
    fresh = datetime(2025, 4, 2, tzinfo=UTC)
    desk = Desk(account(fresh))
    desk.send(orders, sale("913748"))
    desk.send(orders, sale("913805", bulk=True))
    desk.at(datetime(2025, 4, 20, tzinfo=UTC)).send(orders, sale("913802"))
    assert [event(request).get("backfill") for request in desk.asked] == [None, True, True, True]


def test_lines_are_sold_or_back_by_the_sign_of_their_value() -> None:
    def line(value: str, qty: int) -> Json:
        return {"line_value": Decimal(value), "qty": qty}

    sold = [line("10.00", 1), line("0.00", 1), line("-5.00", 1), line("10.00", -1)]
    back = [line("-10.00", -1), line("0.00", -1), line("-5.00", 0)]
    assert split([*sold, *back]) == {"order": sold, "refund": back}
    assert split(back) == {"refund": back}
    assert split([line("-5.00", 1)]) == {"refund": [line("-5.00", 1)]}


def test_a_request_is_filled_with_a_thousand_events_whatever_transactions_they_are_of() -> None:
    exchange = [sale("913802", tran_idx=f"X{n}", email=f"x{n}@customer.example") for n in range(2)]
    desk = Desk(account())
    assert {type(outcome) for outcome in desk.send(orders, *other_ids([*exchange, *crowd(997)]))} == {Delivered}
    groups = [request.body["data"]["attributes"]["events-bulk-create"]["data"] for request in desk.asked]
    assert [len(some) for some in groups] == [998, 1]
    assert sum(len(group["attributes"]["events"]["data"]) for group in groups[0]) == 1000


def test_a_batch_that_is_refused_without_a_name_goes_one_by_one() -> None:
    def answer(request: Request) -> Response:
        if request.endpoint == "event-bulk":
            return Response(400, orjson.dumps({"errors": [{"id": "e", "code": "invalid"}]}))
        bad = request.endpoint == "event" and b"p2@customer" in orjson.dumps(request.body)
        return (
            Response(400, b'{"errors":[{"id":"x","code":"invalid","source":{"pointer":"/data/attributes/time"}}]}')
            if bad
            else pretend(request)
        )

    desk = Desk(account(), answer)
    outcomes = desk.send(orders, *other_ids(crowd(6)))
    assert [type(outcome) for outcome in outcomes] == [Delivered, Delivered, Rejected, Delivered, Delivered, Delivered]
    assert desk.calls() == ["POST /api/event-bulk-create-jobs"] + ["POST /api/events"] * 6


def test_a_named_group_stops_only_itself() -> None:
    def answer(request: Request) -> Response:
        groups = (
            request.body["data"]["attributes"].get("events-bulk-create", {}).get("data", []) if request.body else []
        )
        emails = [group["attributes"]["profile"]["data"]["attributes"]["email"] for group in groups]
        if "p2@customer.example" in emails:
            pointer = f"/data/attributes/events-bulk-create/data/{emails.index('p2@customer.example')}/attributes/x"
            return Response(
                400, orjson.dumps({"errors": [{"id": "e", "code": "invalid", "source": {"pointer": pointer}}]})
            )
        return Response(400) if request.endpoint == "event" else pretend(request)

    desk = Desk(account(), answer)
    outcomes = desk.send(orders, *other_ids(crowd(6)))
    assert [type(outcome) for outcome in outcomes] == [Delivered, Delivered, Rejected, Delivered, Delivered, Delivered]
    assert len(desk.asked) == 3


@pytest.mark.parametrize(("status", "kind"), [(401, Misconfigured), (503, RetryLater), (0, RetryLater)])
def test_trouble_that_is_no_orders_fault_rejects_nothing(status: int, kind: type) -> None:
    for many in (1, 6):
        desk = Desk(account(), lambda _: Response(status))
        assert {type(outcome) for outcome in desk.send(orders, *other_ids(crowd(many)))} == {kind}


def test_half_an_exchange_that_was_refused_is_not_sent_twice() -> None:
    first = iter([Response(202), Response(400)])
    desk = Desk(account(), lambda _: next(first))
    [outcome] = desk.send(orders, sale("913802"))
    assert isinstance(outcome, Rejected)
    desk.answer = pretend
    desk.asked.clear()
    delivered(desk.send(orders, sale("913802")))
    assert [event(request)["metric"]["data"]["attributes"]["name"] for request in desk.asked] == ["In-Store Refund"]


def test_a_gift_card_alone_changes_no_totals() -> None:
    desk = Desk(account())
    assert delivered(desk.send(orders, sale("913805"))).later == ()
    assert delivered(desk.send(orders, sale("913748"))).later[0].part == "totals"


def test_a_sale_for_nothing_is_a_sale_and_a_return_for_nothing_is_none() -> None:
    desk = Desk(account())
    [first, *_] = sale("913748").record["lines"]
    for number, pieces in (("1", 1), ("2", -1)):
        line = {**first, "qty": pieces, "line_value": Decimal(0)}
        desk.send(orders, *other_ids([sale("913748", tran_idx=number, lines=[line])]))
    assert desk.profile(PRIYA)["totals"]["73152"][:2] == [0, 1]


def test_the_primary_store_is_the_one_with_most_orders_then_the_latest() -> None:
    desk = Desk(account())
    for number, store in enumerate(["RUNDLE", "DONCASTER", "RUNDLE", "DONCASTER"]):
        at = datetime(2025, 4, number + 1, tzinfo=UTC)
        thing = sale("913748", tran_idx=str(number), store_code=store, sale_datetime=at)
        desk.send(orders, *other_ids([thing]))
    desk.asked.clear()
    desk.send(sums, Thing(PRIYA, "customers", {}))
    assert desk.asked[0].body["data"]["attributes"]["properties"] == {
        "Total In-Store Order Value": 779.6,
        "In-Store Order Count": 4,
        "Last In-Store Order Date": "2025-04-04T11:00:00+11:00",
        "Primary Store": "DONCASTER",
    }


def test_totals_of_many_go_in_one_job() -> None:
    desk = Desk(account())
    for thing in other_ids(crowd(6)):
        desk.send(orders, thing)
    desk.asked.clear()
    outcomes = desk.send(sums, *(Thing(f"au/p{n}@customer.example", "customers", {}) for n in range(6)))
    assert {type(outcome) for outcome in outcomes} == {Delivered}
    assert desk.calls() == ["POST /api/profile-bulk-import-jobs", "GET /api/profile-bulk-import-jobs/PREVIEW"]
