"""Rewards accounts, the loyalty platforms' tiers and redemptions on their way to Klaviyo."""

from __future__ import annotations

from datetime import datetime

import pytest

from consumers.klaviyo.rewards import rewards
from consumers.klaviyo.tiers import tiers
from tests.consumers.klaviyo.exports import Exports, event, golden
from tests.consumers.klaviyo.shop import Desk, account, as_json, word


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
