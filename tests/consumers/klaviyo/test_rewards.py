"""Rewards accounts, the loyalty platforms' tiers and redemptions on their way to Klaviyo."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from consumers.engine.outcome import Delivered, Rejected, Unchanged
from consumers.engine.wire import Response
from consumers.klaviyo.check import pretend
from consumers.klaviyo.luggage import unpacked
from consumers.klaviyo.plans import profiles
from consumers.klaviyo.rewards import rewards
from consumers.klaviyo.tiers import tiers
from tests.consumers.desk import NOW, Desk, Thing, account, as_json, customer, word
from tests.consumers.klaviyo.exports import Exports, event, golden
from tests.consumers.klaviyo.test_moves import OLD as PRIYA
from tests.consumers.klaviyo.test_moves import at_klaviyo, moving


def test_snapshots_ask_for_exactly_this() -> None:
    case = golden("rewards")
    exports, desk = Exports().tiers(), Desk(account(**case["settings"]))
    for step in case["steps"]:
        desk.at(datetime.fromisoformat(step["now"]))
        things = exports.rewards(step["file"], step["rows"])
        outcomes = [outcome for thing in things for outcome in desk.send(rewards, thing)]
        assert [word(outcome) for outcome in outcomes] == step["outcomes"], step["why"]
        assert [as_json(request) for request in desk.asked] == step["requests"], step["why"]
        desk.asked.clear()


def test_gift_cards_ask_for_nothing() -> None:
    case = golden("gift_cards")
    desk = Desk(account(datetime.fromisoformat(case["now"]), **case["settings"]))
    for step in case["steps"]:
        things = Exports().step(step)
        assert [word(outcome) for thing in things for outcome in desk.send(rewards, thing)] == step["outcomes"]
        assert desk.asked == step["requests"]
        assert not any("4711" in str(thing.record) for thing in things)


@pytest.mark.parametrize(("name", "topic"), [("loyalty_tiers", "tiers"), ("redemptions", "rewards")])
def test_what_loyalty_platforms_say_asks_for_exactly_this(name: str, topic: str) -> None:
    case = golden(name)
    desk = Desk(account(datetime.fromisoformat(case["now"]), **case["settings"]))
    for step in case["steps"]:
        outcomes = desk.send(tiers if topic == "tiers" else rewards, event(topic, **step["record"]))
        assert [word(outcome) for outcome in outcomes] == step["outcomes"]
        assert [as_json(request) for request in desk.asked] == step["requests"]
        desk.asked.clear()


NEW = "priya.shah@customer.example"


@pytest.mark.parametrize("renamed", [True, False])
def test_what_is_known_of_rewards_goes_along_to_a_new_address(renamed: bool) -> None:
    """At the old address is the memory, at the new one the change."""
    first, _, second, *_ = golden("rewards")["steps"]
    exports, desk = Exports().tiers(), Desk(account(NOW))
    desk.send(profiles, customer("73152"))
    desk.send(rewards, exports.rewards(first["file"], first["rows"])[0])
    desk.answer = at_klaviyo(PRIYA) if renamed else at_klaviyo(PRIYA, NEW)
    [moved] = desk.send(profiles, moving())
    assert isinstance(moved, Delivered)
    [luggage] = [emit for emit in moved.emits if emit.topic == "rewards"]
    told = Thing(luggage.key, "rewards", orjson.loads(orjson.dumps(luggage.value)))
    assert isinstance(desk.send(unpacked, told)[0], Delivered)
    assert isinstance(desk.send(unpacked, told)[0], Unchanged)
    desk.asked.clear()
    [again] = exports.rewards("rewards_20250402T061500Z.csv", [row.replace(PRIYA, NEW) for row in first["rows"]][:2])
    desk.send(rewards, again)
    assert desk.calls() == ["POST /api/profile-import"]
    [snapshot, _] = exports.rewards(second["file"], [row.replace(PRIYA, NEW) for row in second["rows"]])
    desk.send(rewards, snapshot)
    names = [request.body["data"]["attributes"].get("unique_id") for request in desk.asked]
    assert names[1:] == ["ap21-au-reward-163910-redeemed-12.50", "ap21-au-reward-164500-issued"]


def test_a_snapshot_on_its_way_to_an_address_that_was_left_finds_its_person() -> None:
    first, _, second, *_ = golden("rewards")["steps"]
    exports, desk = Exports().tiers(), Desk(account(NOW))
    desk.send(profiles, customer("73152"))
    desk.send(rewards, exports.rewards(first["file"], first["rows"])[0])
    desk.answer = at_klaviyo(PRIYA)
    desk.send(profiles, moving())
    desk.asked.clear()
    desk.send(rewards, exports.rewards(second["file"], second["rows"])[0])
    told = [request.body["data"]["attributes"] for request in desk.asked]
    assert {one["profile"]["data"]["attributes"]["email"] for one in told} == {NEW}


def test_what_is_sent_makes_a_profile_that_is_still_new_when_its_customer_comes() -> None:
    desk = Desk(account(NOW))
    [step, *_] = golden("rewards")["steps"]
    desk.send(rewards, Exports().rewards(step["file"], step["rows"])[0])
    assert desk.profile(f"au/{PRIYA}") == {"made": "2025-04-20T00:00:00.000000Z"}


def test_rewards_of_the_bulk_folder_are_remembered_and_not_told() -> None:
    first, _, second, *_ = golden("rewards")["steps"]
    exports, desk = Exports().tiers(), Desk(account(NOW))
    [loaded, *_] = exports.rewards(first["file"], first["rows"], "bulk")
    assert [word(outcome) for outcome in desk.send(rewards, loaded)] == ["skipped bulk"]
    assert desk.asked == []
    desk.send(rewards, exports.rewards(second["file"], second["rows"])[0])
    assert desk.calls() == ["POST /api/profile-import", "POST /api/events", "POST /api/events"]


def test_who_was_opened_in_a_snapshot_that_was_not_complete_is_news_in_the_next() -> None:
    exports, desk = Exports(), Desk(account(NOW))
    exports.rewards("rewards_20250401T061500Z.csv", golden("rewards")["steps"][0]["rows"])
    zoe = "22900,73160,zoe.dangelo@customer.example,1,Wattle Club,2,Silver,2025-04-08,,2025-04-08,0,10.00,300.00,Gold"
    welcome = f"{zoe},600.00,164510,Welcome,10.00,10.00,2025-04-08T06:00:00,2025-07-08"
    [cut] = exports.rewards("rewards_20250410T061500Z.csv", [f"{welcome},2025-04-08T06:00:00", f"{zoe},1"])
    assert (cut.record["complete"], cut.record["newly_joined"]) == (False, True)
    desk.send(rewards, cut)
    assert desk.calls() == ["POST /api/profile-import"]
    [whole] = exports.rewards("rewards_20250411T061500Z.csv", [f"{welcome},2025-04-09T06:00:00"])
    desk.send(rewards, whole)
    assert [name for request in desk.asked if (name := request.body["data"]["attributes"].get("unique_id"))] == [
        "ap21-au-reward-164510-issued"
    ]


def test_a_refused_event_is_a_dead_letter_and_the_next_snapshot_tells_it_again() -> None:
    first, _, second, *_ = golden("rewards")["steps"]
    exports, desk = Exports().tiers(), Desk(account(NOW))
    desk.send(rewards, exports.rewards(first["file"], first["rows"])[0])
    desk.answer = lambda request: Response(400) if request.endpoint == "event" else pretend(request)
    snapshot = exports.rewards(second["file"], second["rows"])[0]
    assert [type(outcome) for outcome in desk.send(rewards, snapshot)] == [Rejected]
    desk.answer = pretend
    desk.asked.clear()
    desk.send(rewards, snapshot)
    assert desk.calls() == ["POST /api/profile-import", "POST /api/events", "POST /api/events"]


def test_old_snapshots_start_no_flows_and_fresh_ones_do() -> None:
    first, _, second, *_ = golden("rewards")["steps"]
    for days, backfill in ((6, None), (8, True)):
        exports, desk = Exports().tiers(), Desk(account(datetime(2025, 4, 10, tzinfo=UTC) + timedelta(days=days)))
        for step in (first, second):
            desk.send(rewards, exports.rewards(step["file"], step["rows"])[0])
        told = [request.body["data"]["attributes"] for request in desk.asked if request.endpoint == "event"]
        assert [one.get("backfill") for one in told] == [backfill] * 2


def test_an_heir_asks_for_the_job_instead_of_sending_the_accounts_again() -> None:
    desk = Desk(account(NOW))
    rows = [f"22{n},7{n},p{n}@customer.example,1,Wattle Club,2,Silver,,,2024-01-01" for n in range(5)]
    things = Exports().rewards("rewards_20250401T061500Z.csv", [f"{row}{',' * 12}2025-04-01T02:00:00" for row in rows])
    assert {word(outcome) for outcome in desk.send(rewards, *things)} == {"delivered"}
    made = desk.calls()
    assert [call.partition(" ")[0] for call in made] == ["POST", "GET"]
    heir = Desk(account(NOW))
    outcomes = heir.send(rewards, *(replace(thing, job=desk.jobs[-1]) for thing in things))
    assert {word(outcome) for outcome in outcomes} == {"delivered"}
    assert heir.calls() == made[1:]
    assert heir.memory == desk.memory


@pytest.mark.parametrize(
    ("kind", "former", "now"), [("earned", "Silver", "Gold"), ("earned", "", "Silver"), ("lost", "", "")]
)
def test_a_tier_is_told_though_its_customer_was_first_seen_by_a_look(kind: str, former: str, now: str) -> None:
    """Two tiers earned within seconds: read afresh, the first webhook finds the second tier already, which is a state
    and no news."""
    desk, who = Desk(account(NOW)), {"email": PRIYA, "origin": "yotpo"}
    seen = now or "Gold"
    desk.send(tiers, event("tiers", kind="snapshot", tier_name=seen, source_time="2026-06-17T02:10:00Z", **who))
    desk.asked.clear()
    told = {"kind": kind, "tier_name": now, "old_tier_name": former, "source_time": "2026-06-17T02:10:05Z"}
    desk.send(tiers, event("tiers", sha256="d4" * 32, **told, **who))
    assert [request.body["data"]["attributes"]["properties"].get("To", "") for request in desk.asked[-1:]] == [now]
    assert desk.asked[-1].endpoint == "event"


def test_what_a_loyalty_platform_says_of_an_address_that_was_left_finds_its_person() -> None:
    desk = Desk(account(NOW))
    desk.send(profiles, customer("73152"))
    desk.answer = at_klaviyo(PRIYA)
    desk.send(profiles, moving())
    desk.asked.clear()
    desk.send(tiers, event("tiers", **golden("loyalty_tiers")["steps"][0]["record"]))
    desk.send(rewards, event("rewards", **golden("redemptions")["steps"][0]["record"]))
    told = [request.body["data"]["attributes"] for request in desk.asked]
    assert [one["email"] if "email" in one else one["profile"]["data"]["attributes"]["email"] for one in told] == [
        NEW
    ] * 3
    assert "made" not in desk.profile(f"au/{PRIYA}")
