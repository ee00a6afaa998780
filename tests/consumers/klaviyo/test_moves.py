"""A changed address: one profile or two as the rule says, no consent won, totals right."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from consumers.engine.outcome import (
    Delivered,
    Emit,
    Misconfigured,
    Outcome,
    Rejected,
    RetryLater,
    Skipped,
    Superseded,
    Unchanged,
)
from consumers.engine.wire import Json, Request, Response
from consumers.klaviyo.check import pretend
from consumers.klaviyo.moves import arrivals
from consumers.klaviyo.orders import orders, sums
from consumers.klaviyo.plans import consents, profiles
from tests.consumers.desk import NOW, Answer, Desk, Thing, account, customer, sale

OLD, NEW = "priya.oconnor@customer.example", "priya.shah@customer.example"
PATCH, IMPORT = f"PATCH /api/profiles/id-{OLD}", "POST /api/profile-import"
UNSUBSCRIBE = "POST /api/profile-subscription-bulk-delete-jobs"
SUBSCRIBE = "POST /api/profile-subscription-bulk-create-jobs"
WEEK = timedelta(days=7)


def at_klaviyo(*emails: str, refused: str = "", changed: int = 200) -> Answer:
    """A Klaviyo that has these profiles; `refused` is unsubscribed there since 2020."""

    def answer(request: Request) -> Response:
        if request.endpoint == "profiles":
            asked = dict(request.query)["filter"]
            found = [profile(email, email == refused) for email in emails if email in asked]
            return Response(200, orjson.dumps({"data": found}))
        return Response(changed, b"{}") if request.method == "PATCH" else pretend(request)

    return answer


def profile(email: str, refused: bool) -> Json:
    word = "UNSUBSCRIBED" if refused else "SUBSCRIBED"
    mail = {"marketing": {"consent": word, "consent_timestamp": "2020-01-01T00:00:00+00:00", "suppression": []}}
    return {"type": "profile", "id": f"id-{email}", "attributes": {"email": email, "subscriptions": {"email": mail}}}


def moving(**changes: Any) -> Thing:
    when = datetime(2025, 4, 25, tzinfo=UTC)
    return customer("73152", NEW, **{"previous_email": OLD, "key_email": OLD, "last_updated": when, **changes})


def settled(desk: Desk, answer: Answer, **settings: Any) -> Desk:
    """Priya, dealt with a week ago; from now on Klaviyo answers like this."""
    desk.send(profiles, customer("73152"))
    desk.account = account(NOW + WEEK, **settings)
    desk.answer = answer
    desk.calls()
    return desk


def arrive(desk: Desk, outcome: Outcome) -> list[Outcome]:
    """What the old address emitted, at the new one."""
    assert isinstance(outcome, Delivered)
    return [one for emit in outcome.emits for one in desk.send(arrivals, arrived(emit))]


def arrived(emit: Emit) -> Thing:
    assert emit.part == "moved"
    return Thing(emit.key, "customers", orjson.loads(orjson.dumps(emit.value)))


def farewell(desk: Desk, outcome: Outcome) -> None:
    """What is left to do at the old address, once the move is settled."""
    assert isinstance(outcome, Delivered)
    assert "consent" in [later.part for later in outcome.later]
    desk.send(consents, Thing(f"au/{OLD}", "customers", {}))


def entries(request: Request) -> list[Json]:
    found: list[Json] = [one["attributes"] for one in request.body["data"]["attributes"]["profiles"]["data"]]
    return found


def test_a_free_address_is_given_to_the_profile_with_all_its_history() -> None:
    desk = settled(Desk(account()), at_klaviyo(OLD))
    [outcome] = desk.send(profiles, moving())
    assert desk.asked[1].body["data"]["id"] == f"id-{OLD}"
    assert desk.asked[1].body["data"]["attributes"]["email"] == NEW
    assert desk.calls() == ["GET /api/profiles", PATCH]
    arrive(desk, outcome)
    assert desk.calls() == []
    assert set(desk.profile(f"au/{NEW}")["seen"]) == {"73152"}
    assert desk.profile(f"au/{NEW}")["consent"]["email"]["did"][0] is True
    assert desk.profile(f"au/{OLD}")["moved"] == {"73152": NEW}
    again = customer("73152", NEW, previous_email=OLD, last_updated=moving().record["last_updated"])
    assert isinstance(desk.send(profiles, again)[0], Unchanged)


def test_a_no_in_the_same_row_is_carried_out_at_the_new_address() -> None:
    desk = settled(Desk(account()), at_klaviyo(OLD))
    desk.send(profiles, moving(privacy=True))
    assert entries(desk.asked[-1])[0]["email"] == NEW
    assert desk.calls()[-1] == UNSUBSCRIBE


def test_a_poll_moves_somebody_only_where_polls_are_heard() -> None:
    for heard in (False, True):
        desk = settled(Desk(account()), at_klaviyo(OLD), polled=heard)
        [outcome] = desk.send(profiles, moving(origin="apparel21-poll"))
        assert (PATCH in desk.calls()) is heard
        assert isinstance(outcome, Delivered if heard else Skipped)


def test_an_address_that_exists_gets_the_row_and_the_old_one_is_unsubscribed() -> None:
    desk = settled(Desk(account()), at_klaviyo(OLD, NEW))
    [outcome] = desk.send(profiles, moving())
    assert UNSUBSCRIBE not in [f"{request.method} {request.path}" for request in desk.asked]
    farewell(desk, outcome)
    last = desk.asked[-1]
    assert entries(last) == [{"email": OLD, "subscriptions": {"email": {"marketing": {"consent": "UNSUBSCRIBED"}}}}]
    calls = desk.calls()
    assert PATCH not in calls
    assert IMPORT in calls
    arrive(desk, outcome)
    assert desk.profile(f"au/{NEW}")["consent"]["email"]["did"][0] is True


def test_an_address_that_somebody_else_holds_is_left_as_it_is() -> None:
    desk = Desk(account())
    desk.send(profiles, customer("60001", OLD))
    desk = settled(desk, at_klaviyo(OLD))
    [outcome] = desk.send(profiles, moving())
    calls = desk.calls()
    assert PATCH not in calls
    assert UNSUBSCRIBE not in calls
    assert set(desk.profile(f"au/{OLD}")["seen"]) == {"60001"}
    arrive(desk, outcome)
    assert set(desk.profile(f"au/{NEW}")["seen"]) == {"73152"}


def test_a_move_that_is_begun_anew_takes_no_step_of_ours_for_a_refusal() -> None:
    """The worker was killed before it could settle the move: all that Klaviyo has seen of it is the new profile."""
    desk = settled(Desk(account()), at_klaviyo(OLD, NEW))
    memory = dict(desk.memory)
    desk.send(profiles, moving())
    first = desk.calls()
    desk.memory = memory
    desk.send(profiles, moving())
    assert desk.calls() == first
    assert UNSUBSCRIBE not in first


@pytest.mark.parametrize("there", [(OLD,), (OLD, NEW)])
def test_a_refusal_at_the_old_address_travels(there: tuple[str, ...]) -> None:
    desk = Desk(account(), at_klaviyo(*there, refused=OLD))
    desk.send(profiles, moving(sms_opt_in=None, mobile=""))
    assert SUBSCRIBE not in desk.calls()


def test_a_refusal_at_the_old_address_is_carried_out_at_a_new_profile() -> None:
    desk = Desk(account(), at_klaviyo(OLD, NEW, refused=OLD))
    [outcome] = desk.send(profiles, moving(sms_opt_in=None, mobile=""))
    farewell(desk, outcome)
    told = [entry["email"] for request in desk.asked if request.endpoint == "unsubscribe" for entry in entries(request)]
    assert told == [NEW, OLD]


def test_a_refusal_seen_at_a_move_outweighs_an_older_yes_though_our_own_covers_it() -> None:
    """Priya follows the link in a mail on the 24th; the no of her row of the 22nd is carried out on the 27th, and hides
    that at Klaviyo from the yes of the 23rd, which comes last."""
    at, refused = {"here": OLD}, {"here": "2025-04-24T00:00:00+00:00"}

    def answer(request: Request) -> Response:
        if request.endpoint == "profiles":
            found = profile(at["here"], refused=True)
            found["attributes"]["subscriptions"]["email"]["marketing"]["consent_timestamp"] = refused["here"]
            listed = at["here"] in dict(request.query)["filter"]
            return Response(200, orjson.dumps({"data": [found] if listed else []}))
        if request.method == "PATCH":
            at["here"] = NEW
        if request.endpoint == "unsubscribe":
            refused["here"] = (NOW + WEEK).isoformat()
        return pretend(request)

    desk = settled(Desk(account()), answer)
    arrive(desk, desk.send(profiles, moving(privacy=True, last_updated=datetime(2025, 4, 22, tzinfo=UTC)))[0])
    assert UNSUBSCRIBE in desk.calls()
    yes = customer("73152", NEW, previous_email=OLD, last_updated=datetime(2025, 4, 23, tzinfo=UTC), sms_opt_in=None)
    [outcome] = desk.send(profiles, yes)
    assert isinstance(outcome, Delivered)
    assert outcome.note == "email consent not sent: unsubscribed"
    assert SUBSCRIBE not in desk.calls()


def test_in_an_account_of_several_brands_a_profile_stays_where_the_others_know_it() -> None:
    """The other brand's no would go to the old address, and its mail to the new one."""
    desk = settled(Desk(account()), at_klaviyo(OLD))
    desk.account = replace(desk.account, shared=lambda: True)
    [outcome] = desk.send(profiles, moving())
    assert PATCH not in desk.calls()
    farewell(desk, outcome)
    assert entries(desk.asked[-1])[0]["email"] == OLD


def test_left_means_that_the_old_profile_stays_as_it_is() -> None:
    desk = settled(Desk(account()), at_klaviyo(OLD), email_change="leave")
    desk.send(profiles, moving())
    told = [entry["email"] for request in desk.asked if request.endpoint == "unsubscribe" for entry in entries(request)]
    assert OLD not in told
    assert PATCH not in desk.calls()


def test_a_later_row_of_a_person_never_met_heeds_the_former_address() -> None:
    desk = Desk(account(), at_klaviyo(OLD, refused=OLD))
    [outcome] = desk.send(profiles, customer("73152", NEW, previous_email=OLD, sms_opt_in=None))
    assert isinstance(outcome, Delivered)
    assert outcome.note == "email consent not sent: refused at the former address"
    assert SUBSCRIBE not in desk.calls()


@pytest.mark.parametrize("there", [(OLD,), (OLD, NEW)])
def test_a_bulk_row_that_moves_somebody_changes_no_profile_and_no_consent(there: tuple[str, ...]) -> None:
    desk = settled(Desk(account()), at_klaviyo(*there))
    [outcome] = desk.send(profiles, moving(bulk=True, mobile="+61491570110"))
    arrive(desk, outcome)
    assert isinstance(outcome, Delivered)
    assert outcome.later == ()
    written = [request for request in desk.asked if request.method != "GET"]
    new = [request.body["data"]["attributes"]["email"] for request in written]
    assert [request.endpoint for request in written] == ["profile-import"] * len(written)  # nobody joins a list
    assert set(new) == {NEW} - set(there)
    assert desk.profile(f"au/{OLD}")["moved"] == {"73152": NEW}


def test_after_a_bulk_row_moved_somebody_the_daily_one_is_a_first_sight_of_consent() -> None:
    desk = settled(Desk(account()), at_klaviyo(OLD))
    arrive(desk, desk.send(profiles, moving(bulk=True, sms_opt_in=None))[0])
    desk.answer = at_klaviyo(OLD, NEW, refused=NEW)
    desk.calls()
    daily = customer("73152", NEW, previous_email=OLD, last_updated=datetime(2025, 4, 26, tzinfo=UTC), sms_opt_in=None)
    [outcome] = desk.send(profiles, daily)
    assert isinstance(outcome, Delivered)
    assert outcome.note == "email consent not sent: unsubscribed"
    assert SUBSCRIBE not in desk.calls()


def test_who_is_known_by_a_bulk_row_alone_is_a_first_sight_also_where_the_next_row_moves_them() -> None:
    desk = Desk(account())
    desk.send(profiles, customer("73152", bulk=True))
    desk.answer = at_klaviyo(OLD, refused=OLD)
    [outcome] = desk.send(profiles, moving(sms_opt_in=None, mobile=""))
    assert isinstance(outcome, Delivered)
    assert outcome.note == "email consent not sent: unsubscribed"
    assert SUBSCRIBE not in desk.calls()


def test_a_refusal_travels_also_where_a_bulk_row_tells_of_the_move() -> None:
    desk = Desk(account(), at_klaviyo(OLD, NEW, refused=OLD))
    [outcome] = desk.send(profiles, moving(bulk=True))
    assert UNSUBSCRIBE not in desk.calls()
    arrive(desk, outcome)
    assert [entry["email"] for entry in entries(desk.asked[-1])] == [NEW]


def test_totals_move_with_their_person_and_late_orders_follow() -> None:
    desk = Desk(account())
    desk.send(profiles, customer("60001", OLD))
    desk.send(orders, sale("913748"))
    desk.send(orders, sale("913802", email=OLD, person_id="60001"))
    [outcome] = desk.send(profiles, moving())
    arrive(desk, outcome)
    [late] = desk.send(orders, sale("913801"))
    assert desk.asked[-1].body["data"]["attributes"]["profile"]["data"]["attributes"] == {"email": NEW}
    arrive(desk, late)
    assert {person: entry[0] for person, entry in desk.profile(f"au/{OLD}")["totals"].items()} == {"60001": 1000}
    assert {person: entry[0] for person, entry in desk.profile(f"au/{NEW}")["totals"].items()} == {"73152": 13495}
    desk.asked.clear()
    desk.send(sums, Thing(f"au/{NEW}", "customers", {}))
    assert desk.asked[-1].body["data"]["attributes"]["properties"]["Total In-Store Order Value"] == 134.95


@pytest.mark.parametrize(("others", "left"), [(["913802"], 10), ([], 0)])
def test_who_leaves_a_shared_address_takes_their_part_of_its_sum(others: list[str], left: float) -> None:
    desk = Desk(account())
    desk.send(profiles, customer("60001", OLD))
    for thing in (sale("913748"), *(sale(one, email=OLD, person_id="60001") for one in others)):
        desk.send(orders, thing)
    [outcome] = desk.send(profiles, moving())
    assert isinstance(outcome, Delivered)
    assert [later.part for later in outcome.later] == ["totals"]
    desk.send(sums, Thing(f"au/{OLD}", "customers", {}))
    assert desk.asked[-1].body["data"]["attributes"]["properties"]["Total In-Store Order Value"] == left


def test_an_address_that_nobody_has_any_more_keeps_no_sum() -> None:
    desk = settled(Desk(account()), at_klaviyo(OLD, NEW))
    desk.send(orders, sale("913748"))
    [outcome] = desk.send(profiles, moving())
    assert isinstance(outcome, Delivered)
    assert [later.part for later in outcome.later] == ["consent", "totals"]
    desk.send(sums, Thing(f"au/{OLD}", "customers", {}))
    told = desk.asked[-1].body["data"]["attributes"]
    assert told["properties"] == {"Total In-Store Order Value": 0, "In-Store Order Count": 0}
    assert told["email"] == OLD


def test_a_profile_that_goes_along_is_told_what_its_own_person_bought() -> None:
    desk, last = Desk(account(), at_klaviyo(OLD, NEW)), "lee@customer.example"
    desk.send(profiles, customer("60001", OLD))
    desk.send(orders, sale("913748"))
    desk.send(profiles, moving())
    desk.answer = at_klaviyo(OLD)
    when = datetime(2025, 4, 26, tzinfo=UTC)
    [outcome] = desk.send(profiles, customer("60001", last, previous_email=OLD, key_email=OLD, last_updated=when))
    assert PATCH in desk.calls()
    arrive(desk, outcome)
    desk.send(sums, Thing(f"au/{last}", "customers", {}))
    assert desk.asked[-1].body["data"]["attributes"]["properties"]["Total In-Store Order Value"] == 0


def test_a_sum_of_nothing_is_told_also_where_somebody_else_arrives_meanwhile() -> None:
    desk = settled(Desk(account()), at_klaviyo(OLD, NEW))
    desk.send(orders, sale("913748"))
    desk.send(profiles, moving())
    arrival = {"person": "60001", "memory": {"seen": {"60001": ["", "2026"]}}}
    desk.send(arrivals, Thing(f"au/{OLD}", "customers", arrival))
    desk.send(sums, Thing(f"au/{OLD}", "customers", {}))
    assert desk.asked[-1].body["data"]["attributes"]["properties"]["Total In-Store Order Value"] == 0


def test_a_person_may_come_back() -> None:
    desk = settled(Desk(account()), at_klaviyo(OLD))
    arrive(desk, desk.send(profiles, moving())[0])
    desk.answer = at_klaviyo(NEW)
    later = datetime(2025, 4, 26, tzinfo=UTC)
    back = customer("73152", OLD, previous_email=NEW, key_email=NEW, last_updated=later)
    arrive(desk, desk.send(profiles, back)[0])
    assert "moved" not in desk.profile(f"au/{OLD}")
    desk.send(orders, sale("913748"))
    assert desk.asked[-1].body["data"]["attributes"]["profile"]["data"]["attributes"] == {"email": OLD}


def test_the_same_farewell_twice_is_one_move() -> None:
    desk = settled(Desk(account()), at_klaviyo(OLD))
    desk.send(profiles, [moving(), moving()])
    desk.calls()
    assert desk.send(profiles, moving()) == [Unchanged(remember={"profile": desk.profile(f"au/{OLD}")})]
    assert desk.calls() == []


@pytest.mark.parametrize("together", [True, False])
def test_an_old_row_of_who_has_left_brings_no_profile_back(together: bool) -> None:
    desk = settled(Desk(account()), at_klaviyo(OLD))
    late = customer("73152", last_updated=datetime(2025, 4, 24, tzinfo=UTC), privacy=None, email_opt_in=True)
    outcomes = desk.send(profiles, [moving(), late]) if together else desk.each(profiles, moving(), late)
    assert desk.calls() == ["GET /api/profiles", PATCH]
    assert isinstance(outcomes[-1], Delivered if together else Superseded)
    assert desk.profile(f"au/{OLD}")["moved"] == {"73152": NEW}


def test_a_no_in_an_old_row_of_who_has_left_follows_them() -> None:
    desk = settled(Desk(account()), at_klaviyo(OLD))
    arrive(desk, desk.send(profiles, moving(sms_opt_in=None))[0])
    late = customer("73152", last_updated=datetime(2025, 4, 24, tzinfo=UTC), email_opt_in=None, sms_opt_in=False)
    desk.calls()
    [outcome] = desk.send(profiles, late)
    assert desk.calls() == []
    arrive(desk, outcome)
    assert entries(desk.asked[-1])[0]["email"] == NEW
    assert desk.asked[-1].endpoint == "unsubscribe"


def test_what_follows_somebody_to_an_address_they_have_left_again_follows_on() -> None:
    desk, last = settled(Desk(account()), at_klaviyo(OLD)), "priya@customer.example"
    desk.send(orders, sale("913748"))
    [first] = desk.send(profiles, moving())
    desk.answer = at_klaviyo(NEW)
    when = datetime(2025, 4, 26, tzinfo=UTC)
    again = customer("73152", last, previous_email=NEW, key_email=NEW, last_updated=when)
    [second] = desk.send(profiles, again)
    arrive(desk, second)
    [at_new] = arrive(desk, first)
    assert isinstance(at_new, Delivered)
    assert [emit.key for emit in at_new.emits] == [f"au/{last}"]
    arrive(desk, at_new)
    assert desk.profile(f"au/{last}")["totals"]["73152"][0] == 19490
    assert desk.profile(f"au/{NEW}")["moved"] == {"73152": last}
    assert "totals" not in desk.profile(f"au/{NEW}")


def test_news_that_comes_again_from_the_dead_letters_counts_once() -> None:
    desk = settled(Desk(account()), at_klaviyo(OLD))
    desk.send(orders, sale("913748"))
    [outcome] = desk.send(profiles, moving())
    assert isinstance(outcome, Delivered)
    [news] = outcome.emits
    no = {"said": {"73152": [False, moving().order]}, "refused": moving().order}
    refused = replace(news, value={**news.value, "memory": {**news.value["memory"], "consent": {"email": no}}})
    desk.answer = lambda request: Response(400) if request.endpoint == "unsubscribe" else pretend(request)
    assert [type(one) for one in desk.send(arrivals, arrived(refused))] == [Rejected]
    desk.answer = pretend
    assert [type(one) for one in desk.send(arrivals, arrived(refused))] == [Delivered]
    assert desk.profile(f"au/{NEW}")["totals"]["73152"][0] == 19490


def test_who_stays_at_an_address_is_looked_at_again() -> None:
    """The profile says what the one who left said last: name, number and all."""
    desk = Desk(account())
    stays = customer("60001", OLD, mobile="")
    desk.each(profiles, stays, customer("73152", last_updated=datetime(2025, 4, 24, tzinfo=UTC)), moving())
    assert desk.profile(f"au/{OLD}")["seen"]["60001"][0] == ""
    desk.asked.clear()
    later = customer("60001", OLD, mobile="")
    desk.send(profiles, later)
    assert [
        request.body["data"]["attributes"]["properties"]["AP21 Person ID"]
        for request in desk.asked
        if request.endpoint == "profile-import"
    ] == ["60001"]


def test_a_late_farewell_moves_nobody() -> None:
    desk = settled(Desk(account()), at_klaviyo(OLD))
    desk.send(profiles, customer("73152", last_updated=datetime(2025, 4, 26, tzinfo=UTC)))
    desk.calls()
    desk.send(profiles, moving())
    assert PATCH not in desk.calls()
    assert "moved" not in desk.profile(f"au/{OLD}")


def test_a_rename_that_klaviyo_refuses_becomes_a_second_profile() -> None:
    desk = settled(Desk(account()), at_klaviyo(OLD, changed=409))
    [outcome] = desk.send(profiles, moving())
    calls = desk.calls()
    assert calls.count(PATCH) == 2  # with the number, and without
    assert IMPORT in calls
    assert isinstance(outcome, Delivered)


def test_consent_that_must_wait_behind_a_move_waits_as_long_as_the_merchant_says() -> None:
    days = [datetime(2025, 4, day, tzinfo=UTC) for day in (26, 27)]
    desk = Desk(account(subscribe_gap=timedelta(minutes=5)), at_klaviyo())
    desk.send(profiles, customer("60001", OLD))
    desk.send(profiles, customer("60001", OLD, privacy=True, last_updated=days[0]))
    desk.account = account(NOW + timedelta(minutes=1), subscribe_gap=timedelta(minutes=5))
    [outcome] = desk.send(profiles, [moving(), customer("60001", OLD, last_updated=days[1])])
    assert isinstance(outcome, Delivered)
    assert len(outcome.emits) == 1
    assert [later.after for later in outcome.later] == [timedelta(minutes=4)]


@pytest.mark.parametrize(("status", "kind"), [(503, RetryLater), (403, Misconfigured), (400, Rejected)])
def test_a_move_that_fails_moves_nothing(status: int, kind: type) -> None:
    desk = settled(Desk(account()), at_klaviyo(OLD, changed=status))
    before = desk.profile(f"au/{OLD}")
    [outcome] = desk.send(profiles, moving())
    assert isinstance(outcome, kind)
    assert desk.profile(f"au/{OLD}") == before


@pytest.mark.parametrize("refused", ["profiles", "profile", "profile-import"])
def test_a_no_in_a_move_that_klaviyo_refuses_is_carried_out_where_the_person_is(refused: str) -> None:
    there = (OLD,) if refused == "profile" else (OLD, NEW)

    def answer(request: Request) -> Response:
        about_new = NEW.encode() in orjson.dumps([request.query, request.body])
        return Response(400) if request.endpoint == refused and about_new else at_klaviyo(*there)(request)

    desk = settled(Desk(account()), answer)
    [outcome] = desk.send(profiles, moving(privacy=True, sms_opt_in=None))
    assert isinstance(outcome, Rejected)
    last = desk.asked[-1]
    assert (last.endpoint, entries(last)[0]["email"]) == ("unsubscribe", OLD)
    assert desk.profile(f"au/{OLD}")["consent"]["email"]["did"][0] is False
    assert "moved" not in desk.profile(f"au/{OLD}")
    desk.answer = at_klaviyo(OLD, refused=OLD)
    [redriven] = desk.send(profiles, moving(privacy=True, sms_opt_in=None))
    assert isinstance(redriven, Delivered)


def test_rows_of_several_kinds_in_one_lane_go_one_after_the_other() -> None:
    desk = Desk(account(), at_klaviyo(OLD))
    rows = [customer("73152", bulk=True), customer("73152"), moving()]
    [outcome] = desk.send(profiles, rows)
    assert isinstance(outcome, Delivered)
    assert [emit.key for emit in outcome.emits] == [f"au/{NEW}"]
    assert PATCH in desk.calls()
