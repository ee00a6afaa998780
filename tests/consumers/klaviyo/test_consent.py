"""Who may be written to: laws that hold for any history, and the table of KL rules case by case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.klaviyo import consent
from consumers.klaviyo.consent import Due, Said, Speaker, Standing, Voice, hear, may_subscribe, merge, moment, stamp
from consumers.klaviyo.settings import ConsentColumn
from consumers.marketing import CHANNELS
from tests.consumers.desk import account

START = datetime(2025, 1, 1, tzinfo=UTC)


def clock(day: int) -> str:
    return f"{stamp(START + timedelta(days=day))}||"


def at(day: float) -> datetime:
    return START + timedelta(days=day)


Statement = tuple[str, bool, int]
HISTORY = st.lists(
    st.tuples(st.sampled_from(["73180", "91004", "73152"]), st.booleans(), st.integers(0, 30)), max_size=8
)
STANDING = st.builds(
    Standing,
    st.sampled_from(["SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED"]),
    st.none() | st.integers(0, 30).map(lambda day: at(day + 0.5)),
    st.sets(st.sampled_from(["UNSUBSCRIBE", "USER_SUPPRESSED", "HARD_BOUNCE"]), max_size=1).map(frozenset),
)


def heard(voice: Voice, history: list[Statement]) -> Voice:
    """The channel after statements, none of which was carried out."""
    known = set(voice.said)
    for person, yes, day in history:
        voice = hear(voice, Speaker(person, clock(day), person in known), Said(yes))
        known.add(person)
    return voice


def lived(history: list[Statement], standing: Standing, pieces: list[int]) -> tuple[Voice, Standing, list[str]]:
    """The channel after statements that arrive in batches of these sizes, each carried out at once at a Klaviyo that
    stands like this; and what was done."""
    voice, day, done = Voice(), 40.0, list[str]()
    rest, known = list(history), set[str]()
    for size in [*pieces, len(history) or 1]:
        batch, rest = rest[:size], rest[size:]
        for person, yes, said_on in batch:
            voice = hear(voice, Speaker(person, clock(said_on), person in known), Said(yes))
            known.add(person)
        day += 1
        voice, standing = carried_out(voice, standing, at(day), done)
    return voice, standing, done


def carried_out(voice: Voice, standing: Standing, now: datetime, done: list[str]) -> tuple[Voice, Standing]:
    due = voice.due
    if due is None:
        return voice, standing
    voice = consent.seen_there(voice, standing, now)
    if not due.yes:
        done.append("unsubscribe")
        return consent.done(voice, yes=False, at=now), Standing("UNSUBSCRIBED", now, standing.reasons)
    answer = may_subscribe(voice, standing)
    if answer == "subscribe":
        done.append("subscribe")
        return consent.done(voice, yes=True, at=now), Standing("SUBSCRIBED", now)
    if answer == "subscribed":
        return consent.done(voice, yes=True, at=now), standing
    return carried_out(consent.overruled(voice), standing, now, done)


@given(HISTORY, STANDING, st.lists(st.integers(1, 3), max_size=4))
def test_nobody_is_subscribed_after_a_refusal_that_is_newer_than_the_yes(
    history: list[Statement], standing: Standing, pieces: list[int]
) -> None:
    _, _, done = lived(history, standing, pieces)
    if done and done[-1] == "subscribe":
        newest = {person: max((day, not yes) for who, yes, day in history if who == person) for person, _, _ in history}
        assert not any(refused for _, refused in newest.values())
        agreed = max(day for _, yes, day in history if yes)
        assert all(day < agreed for _, yes, day in history if not yes)
        if standing.refused:
            assert standing.since is not None
            assert standing.since < at(agreed)


@given(HISTORY, STANDING, st.lists(st.integers(1, 3), max_size=4))
def test_the_end_does_not_depend_on_how_rows_were_batched(
    history: list[Statement], standing: Standing, pieces: list[int]
) -> None:
    one_by_one = lived(history, standing, [1] * len(history))
    batched = lived(history, standing, pieces)
    assert one_by_one[0].said == batched[0].said
    assert one_by_one[0].refused == batched[0].refused
    assert one_by_one[1].consent == batched[1].consent


@given(HISTORY, HISTORY)
def test_statements_are_the_same_in_any_order_of_arrival(history: list[Statement], more: list[Statement]) -> None:
    forwards, backwards = heard(Voice(), history + more), heard(Voice(), list(reversed(history + more)))
    assert (forwards.said, forwards.refused) == (backwards.said, backwards.refused)
    merged = merge(heard(Voice(), history), heard(Voice(), more))
    assert (merged.said, merged.refused) == (forwards.said, forwards.refused)


@given(HISTORY)
def test_a_repeated_export_asks_for_nothing(history: list[Statement]) -> None:
    voice, _, _ = lived(history, Standing(), [])
    assert heard(voice, history).due is None


@given(HISTORY, st.booleans(), st.text(max_size=3))
def test_memory_forgets_nothing(history: list[Statement], first: bool, list_: str) -> None:
    voice = replace(heard(Voice(), history), due=Due(True, clock(3), first, list_), foreign=clock(1))
    assert consent.load(consent.dump(voice)) == voice


def test_of_many_persons_at_an_address_a_refusal_is_kept() -> None:
    crowd = [(str(number), number != 3, number) for number in range(60)]
    voice = heard(Voice(), crowd)
    assert len(voice.said) <= consent.MOST_PERSONS + 1
    assert voice.wanted is False


ROW: dict[str, Any] = {"privacy": None, "email_opt_in": None, "sms_opt_in": None, "extra": {}}


@pytest.mark.parametrize(
    ("privacy", "email", "sms", "said"),
    [
        (True, True, True, {"email": False, "sms": False}),
        (True, None, None, {"email": False, "sms": False}),
        (False, None, None, {"email": True}),
        (False, False, True, {"email": False, "sms": True}),
        (None, True, None, {"email": True}),
        (None, None, True, {"sms": True}),
        (None, None, None, {}),
        (False, True, False, {"email": True, "sms": False}),
    ],
)
def test_what_a_row_says(privacy: bool | None, email: bool | None, sms: bool | None, said: dict[str, bool]) -> None:
    row = {**ROW, "privacy": privacy, "email_opt_in": email, "sms_opt_in": sms}
    found = consent.statements(row, account().settings)
    assert {channel: word.yes for channel, word in found.items()} == said


def test_a_merchants_own_columns_speak_instead_of_ours() -> None:
    columns = (
        ConsentColumn(column="VIP SMS", yes=("Ja",), no=("Nein",), channel="sms", list="VIPS"),
        ConsentColumn(column="NEWS", channel="email", list="NEWS"),
        ConsentColumn(column="ref1_code", yes=("Yes",), no=("Stop",), channel="email", list="NEWS"),
    )
    settings = account(consent=columns).settings
    row = {
        **ROW,
        "privacy": False,
        "email_opt_in": False,
        "ref1_code": "Yes",
        "extra": {"vip_sms": " ja ", "news": "YES"},
    }
    assert consent.statements(row, settings) == {
        "sms": Said(yes=True, list="VIPS"),
        "email": Said(yes=True, list="NEWS"),
    }
    assert consent.statements({**row, "ref1_code": "Stop"}, settings)["email"] == Said(False, "NEWS")
    assert consent.statements({**row, "privacy": True}, settings) == {
        "email": Said(False, "NEWS"),
        "sms": Said(False, "VIPS"),
    }


BRANDS = tuple(
    ConsentColumn(column=f"{brand}_{channel}", channel=channel, list=brand)
    for brand in ("WATTLE", "BANKSIA")
    for channel in CHANNELS
)


def test_several_lists_of_a_channel_are_several_statements() -> None:
    settings = account(consent=BRANDS).settings
    row = {**ROW, "extra": {"wattle_email": "Yes", "banksia_email": "No", "wattle_sms": "yes"}}
    said = consent.statements(row, settings)
    assert {key: word.yes for key, word in said.items()} == {
        "email/WATTLE": True,
        "email/BANKSIA": False,
        "sms/WATTLE": True,
    }
    refused = consent.statements({**row, "privacy": True}, settings)
    assert {key: word.yes for key, word in refused.items()} == dict.fromkeys(settings.voices, False)


def test_of_several_columns_for_one_channel_and_list_a_no_wins() -> None:
    more = (*BRANDS, ConsentColumn(column="WATTLE NEWS", channel="email", list="WATTLE"))
    settings = account(consent=more).settings
    for cells in ({"wattle_email": "Yes", "wattle_news": "No"}, {"wattle_email": "No", "wattle_news": "Yes"}):
        assert consent.statements({**ROW, "extra": cells}, settings) == {"email/WATTLE": Said(False, "WATTLE")}


def test_beside_columns_of_lists_one_without_a_list_refuses_the_whole_channel() -> None:
    settings = account(consent=(*BRANDS, ConsentColumn(column="MAIL", channel="email"))).settings
    said = consent.statements({**ROW, "extra": {"mail": "No", "wattle_email": "Yes"}}, settings)
    assert {key: word.yes for key, word in said.items()} == {
        "email/WATTLE": False,
        "email/BANKSIA": False,
        "email/Y6nRLr": False,
    }
    assert consent.statements({**ROW, "extra": {"mail": "Yes"}}, settings) == {"email/Y6nRLr": Said(True)}


YES = Voice(said={"1": (True, clock(10))}, due=Due(True, clock(10)))
FIRST = replace(YES, due=Due(True, clock(10), first=True))
OWN_NO = replace(YES, did=False, at=stamp(at(9)), refused=clock(8))


@pytest.mark.parametrize(
    ("voice", "standing", "answer"),
    [
        (FIRST, Standing(), "subscribe"),
        (FIRST, Standing("SUBSCRIBED", at(1)), "subscribed"),
        (FIRST, Standing("UNSUBSCRIBED", at(1)), "unsubscribed"),
        (YES, Standing("UNSUBSCRIBED", at(1)), "subscribe"),
        (YES, Standing("UNSUBSCRIBED", at(11)), "unsubscribed"),
        (YES, Standing("UNSUBSCRIBED", None), "unsubscribed"),
        (YES, Standing("NEVER_SUBSCRIBED", at(1), frozenset({"UNSUBSCRIBE"})), "subscribe"),
        (YES, Standing("NEVER_SUBSCRIBED", at(1), frozenset({"USER_SUPPRESSED"})), "suppressed"),
        (YES, Standing("SUBSCRIBED", at(1), frozenset({"HARD_BOUNCE"})), "suppressed"),
        (YES, Standing("UNSUBSCRIBED", at(1), frozenset({"SPAM_REPORT"})), "suppressed"),
        (OWN_NO, Standing("UNSUBSCRIBED", at(9)), "subscribe"),
        (replace(OWN_NO, due=FIRST.due), Standing("UNSUBSCRIBED", at(9)), "unsubscribed"),
        (replace(OWN_NO, at=stamp(at(20))), Standing("UNSUBSCRIBED", at(20)), "subscribe"),
        (replace(OWN_NO, at=stamp(at(20)), foreign=stamp(at(19))), Standing("UNSUBSCRIBED", at(20)), "unsubscribed"),
        (replace(OWN_NO, refused=clock(12)), Standing("UNSUBSCRIBED", at(9)), "withdrawn"),
    ],
)
def test_a_yes_is_held_against_what_klaviyo_knows(voice: Voice, standing: Standing, answer: str) -> None:
    assert may_subscribe(voice, standing) == answer


def test_a_new_number_is_subscribed_and_the_old_one_left_alone() -> None:
    voice = Voice(said={"1": (True, clock(3))}, did=True, at=stamp(at(4)), phone="+61491570006")
    assert consent.new_number(voice, "+61491570110", "L").due == Due(True, clock(3), first=True, list="L")
    assert consent.new_number(voice, "+61491570006", "L") == voice
    assert consent.new_number(voice, "", "L") == voice


def test_of_two_memories_the_no_is_carried_out() -> None:
    yes, no = Voice(due=Due(True, clock(3))), Voice(due=Due(False, clock(2)))
    assert merge(yes, no).due == merge(no, yes).due == merge(no, Voice()).due == no.due
    assert merge(Voice(), yes).due == yes.due


def test_a_yes_younger_than_two_days_is_live() -> None:
    now, after = at(10), timedelta(hours=48)
    assert not consent.historical(Due(True, clock(9)), now, after)
    assert consent.historical(Due(True, clock(7)), now, after)
    assert consent.historical(Due(True, clock(9), old=True), now, after)
    assert moment("") is None
