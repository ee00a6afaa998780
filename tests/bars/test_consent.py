"""Consent after the first load: one story of four exports, and what each person in it was, and was not, asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from sandbox.klaviyo.server import KlaviyoServer
from tests.bars.shop_floor import Floor, customer, customers, state_of

YES: dict[str, object] = {"PRIVACY": "No", "EMAIL_OPT_IN": "Yes", "SMS_OPT_IN": "Yes"}
FRESH = f"{datetime.now(ZoneInfo('Australia/Melbourne')) - timedelta(minutes=20):%Y-%m-%dT%H:%M:%S}"
FRESHER = f"{datetime.now(ZoneInfo('Australia/Melbourne')) - timedelta(minutes=10):%Y-%m-%dT%H:%M:%S}"
OLD = "2025-05-01T09:00:00"
GAP = timedelta(minutes=30)
"""Between two subscribe calls for a person, as the setting `subscribe_gap` has it by default."""

ONE_CHANNEL, BACK_AGAIN, REFUSED_THERE, SHARED, GONE_THERE, RESCUED, JUST_NOW, LONG_AGO, NO_MAIL = range(1, 10)
OTHER_AT_SHARED = 40


class Call(NamedTuple):
    """A person's part in a subscribe (yes) or unsubscribe call; `at` is its consented_at."""

    yes: bool
    email: str
    channels: frozenset[str]
    historical: bool = False
    at: str = ""


@dataclass
class Step:
    """What a step of the story led to: consent calls, and everybody's consent after it."""

    calls: list[Call]
    states: dict[str, dict[str, str]]
    waiting: int

    def of(self, person: int) -> list[Call]:
        return [call for call in self.calls if call.email == mail(person)]


def mail(person: int) -> str:
    return f"p{person}@customer.example"


def row(person: int, **cells: object) -> dict[str, object]:
    number = SHARED if person == OTHER_AT_SHARED else person
    return customer(person, MOBILE=f"04915701{number:02d}", **cells)


def first_load() -> list[dict[str, object]]:
    yes = (ONE_CHANNEL, BACK_AGAIN, REFUSED_THERE, SHARED, GONE_THERE, RESCUED, NO_MAIL)
    return [*(row(person, **YES) for person in yes), row(JUST_NOW), row(LONG_AGO)]


def changes() -> list[dict[str, object]]:
    return [
        row(ONE_CHANNEL, **{**YES, "SMS_OPT_IN": "No"}, LAST_UPDATED=FRESH),
        row(BACK_AGAIN, PRIVACY="Yes", LAST_UPDATED=FRESH),
        row(REFUSED_THERE, **YES, CITY="Kew", LAST_UPDATED=FRESH),
        row(OTHER_AT_SHARED, PRIVACY="Yes", EMAIL=mail(SHARED), LAST_UPDATED=FRESH),
        row(GONE_THERE, **YES, CITY="Kew", LAST_UPDATED=FRESH),
        row(RESCUED, PRIVACY="Yes", EMAIL_OPT_IN="perhaps", LAST_UPDATED=FRESH),
        row(JUST_NOW, **YES, LAST_UPDATED=FRESH),
        row(LONG_AGO, **YES, LAST_UPDATED=OLD),
        row(NO_MAIL, PRIVACY="Yes", EMAIL="", LAST_UPDATED=FRESH),
    ]


def changes_back() -> list[dict[str, object]]:
    return [row(BACK_AGAIN, **YES, LAST_UPDATED=FRESHER), row(SHARED, **YES, CITY="Kew", LAST_UPDATED=FRESHER)]


@pytest.fixture(scope="module")
def story(floor_of_all: Floor, account_of_all: KlaviyoServer) -> list[Step]:
    """First load; the next day's export; a third one minutes later; and after the gap."""
    floor, klaviyo = floor_of_all, account_of_all
    refusal = "2024-06-01T00:00:00Z"
    klaviyo.seed(
        attributes={"email": mail(REFUSED_THERE)},
        consents={"email": {"state": "UNSUBSCRIBED", "at": refusal}},
        suppressions={"UNSUBSCRIBE": refusal},
    )
    steps = [tell(floor, klaviyo, "customers_20250402T060000Z.csv", first_load())]
    klaviyo.seed(
        attributes={"email": mail(GONE_THERE)},
        consents={"email": {"state": "UNSUBSCRIBED", "at": datetime.now(ZoneInfo("UTC")).isoformat()}},
    )
    steps.append(tell(floor, klaviyo, "customers_20250403T060000Z.csv", changes()))
    steps.append(tell(floor, klaviyo, "customers_20250403T061000Z.csv", changes_back()))
    klaviyo.advance(GAP.total_seconds())
    steps.append(tell(floor, klaviyo, "", [], ahead=GAP))
    return steps


def tell(
    floor: Floor, klaviyo: KlaviyoServer, name: str, rows: list[dict[str, object]], ahead: timedelta = timedelta(0)
) -> Step:
    """What comes of a file; `ahead`: by a clock that is so far ahead."""
    before = len(klaviyo.requests())
    if name:
        floor.drop(name, customers(rows))
        floor.produce()
    floor.consume(ahead)
    calls = [call for line in klaviyo.requests()[before:] for call in calls_of(line)]
    states = {mail(person): state_of(klaviyo, mail(person)) for person in range(1, 10)}
    return Step(calls, states, floor.books()["customers"]["waiting"])


def calls_of(line: dict[str, Any]) -> list[Call]:
    if "/api/profile-subscription-bulk-" not in line["path"] or line["method"] != "POST":
        return []
    attributes = json.loads(line["body"])["data"]["attributes"]
    return [
        Call(
            "create" in line["path"],
            who.get("email", ""),
            frozenset(said),
            bool(attributes.get("historical_import")),
            time_of(said),
        )
        for who, said in (
            (one["attributes"], one["attributes"]["subscriptions"]) for one in attributes["profiles"]["data"]
        )
    ]


def time_of(said: dict[str, Any]) -> str:
    """The times of all channels, which are one in this story."""
    (at,) = {kinds["marketing"].get("consented_at", "") for kinds in said.values()}
    return str(at)


BOTH = frozenset({"email", "sms"})


def test_the_first_load_is_a_historical_import_dated_as_said(story: list[Step]) -> None:
    (call,) = story[0].of(ONE_CHANNEL)
    assert (call.yes, call.channels, call.historical) == (True, BOTH, True)
    assert datetime.fromisoformat(call.at) == datetime.fromisoformat("2025-04-01T09:00:00+11:00")


def test_a_refusal_at_klaviyo_is_never_undone_at_first_sight_nor_by_repeating_the_yes(story: list[Step]) -> None:
    assert all("email" not in call.channels for step in story for call in step.of(REFUSED_THERE))
    assert [step.states[mail(REFUSED_THERE)]["email"] for step in story] == ["UNSUBSCRIBED"] * 4


def test_a_later_refusal_at_klaviyo_stays_when_the_export_repeats_its_yes(story: list[Step]) -> None:
    assert story[1].of(GONE_THERE) == []
    assert story[3].states[mail(GONE_THERE)]["email"] == "UNSUBSCRIBED"


def test_an_opt_out_of_one_channel_leaves_the_other_alone(story: list[Step]) -> None:
    assert story[1].of(ONE_CHANNEL) == [Call(yes=False, email=mail(ONE_CHANNEL), channels=frozenset({"sms"}))]
    assert story[3].states[mail(ONE_CHANNEL)] == {"email": "SUBSCRIBED", "sms": "UNSUBSCRIBED"}


def test_an_opt_in_soon_after_waits_for_the_gap_and_goes_in_the_live_form(story: list[Step]) -> None:
    assert story[1].of(BACK_AGAIN) == [Call(yes=False, email=mail(BACK_AGAIN), channels=BOTH)]
    assert (story[2].of(BACK_AGAIN), story[2].waiting) == ([], 1)
    assert story[3].of(BACK_AGAIN) == [Call(yes=True, email=mail(BACK_AGAIN), channels=BOTH)]
    assert story[3].states[mail(BACK_AGAIN)] == {"email": "SUBSCRIBED", "sms": "SUBSCRIBED"}
    assert story[3].waiting == 0


def test_of_two_persons_at_one_address_any_no_is_a_no(story: list[Step]) -> None:
    assert [call.yes for call in story[1].of(SHARED)] == [False]
    assert story[2].of(SHARED) == []
    assert story[3].states[mail(SHARED)]["email"] == "UNSUBSCRIBED"


def test_the_opt_out_of_a_rejected_row_is_rescued(story: list[Step], floor_of_all: Floor) -> None:
    assert story[1].of(RESCUED) == [Call(yes=False, email=mail(RESCUED), channels=BOTH)]
    page = next(page for page in floor_of_all.audit()["files"] if page["rejected"])
    assert (page["rejected"], page["rescued"]) == (1, 1)


def test_a_fresh_yes_is_live_and_an_old_one_historical(story: list[Step]) -> None:
    assert story[0].of(JUST_NOW) == story[0].of(LONG_AGO) == []
    assert story[1].of(JUST_NOW) == [Call(yes=True, email=mail(JUST_NOW), channels=BOTH)]
    (call,) = story[1].of(LONG_AGO)
    assert (call.yes, call.historical) == (True, True)
    assert datetime.fromisoformat(call.at) == datetime.fromisoformat(f"{OLD}+10:00")


def test_an_opt_out_without_an_address_reaches_the_last_known_one(story: list[Step]) -> None:
    assert [(call.yes, call.channels) for call in story[1].of(NO_MAIL)] == [(False, BOTH)]
    assert story[3].states[mail(NO_MAIL)]["email"] == "UNSUBSCRIBED"


def test_nobody_was_subscribed_twice_within_the_gap(story: list[Step], account_of_all: KlaviyoServer) -> None:
    assert "subscribes_too_soon" not in account_of_all.counts()["tallies"]
    assert len(story[3].calls) == 1
