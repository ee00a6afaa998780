"""Consent on its way round, over random histories: nobody is subscribed who said no, and the traffic comes to rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.consumers.town import Branch, Brand, Town, Voice

EMAIL, SMS = Voice("email"), Voice("sms")
LISTED = [Voice(channel, brand) for brand in ("WATTLE", "BANKSIA") for channel in ("email", "sms")]
HERS, THEIRS = "kim@customer.example", "lee@customer.example"
ADDRESSES = (HERS, THEIRS)


def field(voice: Voice) -> str:
    return f"{voice.list} {voice.channel}".strip().capitalize()


def by_cards(voices: list[Voice], online: list[Voice]) -> Brand:
    """A brand that keeps each voice in a field of a card, and exports it in a column of that name."""
    columns = [
        {"column": field(v), "yes": ("true",), "no": ("false",), "channel": v.channel, "list": v.list} for v in voices
    ]
    places = [{"channel": v.channel, "card": "Consent", "field": field(v)} for v in online]
    return Brand("au", {voice: field(voice) for voice in voices}, {"consent": columns}, places)


def by_flag(name: str, list_: str) -> Brand:
    """A brand with persons of its own, whose privacy flag is all there is."""
    columns = [{"column": "PRIVACY", "yes": ("No",), "no": ("Yes",), "channel": "email", "list": list_}]
    klaviyo = {"consent": columns} if list_ else {"list": "Y6nRLr"}
    return Brand(name, {Voice("email", list_): ""}, klaviyo, [{"channel": "email", "privacy": True}])


SET_UPS = {
    1: [by_flag("au", "")],
    2: [by_cards([EMAIL, SMS], [EMAIL, SMS])],
    3: [by_cards(LISTED, LISTED[:2])],
    4: [by_flag("wattle", "WATTLE"), by_flag("banksia", "BANKSIA")],
}

number, truth = st.integers(0, 3), st.booleans()
STEP = st.one_of(
    st.tuples(st.just("till"), number, number, number, truth),
    st.tuples(st.just("edit"), number, number),
    st.tuples(st.just("move"), number, number, st.sampled_from(ADDRESSES)),
    st.tuples(st.just("export"), number),
    st.tuples(st.just("deliver"), number, number, truth),
    st.tuples(st.just("consume"), number, truth),
    st.tuples(st.just("nightly"), number, truth),
    st.tuples(st.just("link"), st.sampled_from(ADDRESSES), st.sampled_from(["email", "sms"])),
    st.tuples(st.just("website"), number, st.sampled_from(ADDRESSES), st.sampled_from(["email", "sms"]), truth),
    st.tuples(st.just("webhook"), number, number, truth),
    st.tuples(st.just("wait"), st.sampled_from([31, 3000])),
)
HISTORY = st.lists(STEP, min_size=3, max_size=24)


def take(town: Town, step: Any) -> None:
    """One event of a history; nine minutes go by."""
    town.tick(9)
    name, *told = step
    branch = town.branches[told[0] % len(town.branches)] if isinstance(told[0], int) else town.branches[0]
    works: dict[str, Callable[..., None]] = {
        "till": lambda _, who, which, yes: branch.at_till(who, _voice(branch, which), yes),
        "edit": lambda _, who: branch.edit(who),
        "move": lambda _, who, email: branch.move(who, email),
        "export": lambda _: branch.export(),
        "deliver": lambda _, which, again: branch.deliver(which, again=again),
        "consume": lambda _, together: branch.consume(together=together),
        "nightly": lambda _, together: nightly(town, together),
        "link": town.link,
        "website": lambda _, email, channel, yes: branch.online(email, channel, yes),
        "webhook": lambda _, which, again: branch.hook(which, again=again),
        "wait": town.tick,
    }
    works[name](*told)


def _voice(branch: Branch, which: int) -> Voice:
    voices = list(branch.brand.fields)
    return voices[which % len(voices)]


def nightly(town: Town, together: bool) -> None:
    """A full export of every branch arrives and is delivered, after all that is still under way."""
    for branch in town.branches:
        while branch.exports:
            branch.deliver(0, again=False)
        branch.export()
        branch.deliver(0, again=False)
        branch.consume(together=together)


def opened(set_up: int) -> Town:
    """The world of a set-up: somebody at each address, and a second person at the first one whom the website does not
    see."""
    town = Town(SET_UPS[set_up])
    for branch in town.branches:
        branch.arrive(HERS)
        branch.arrive(THEIRS)
        branch.arrive(HERS, web=False)
    return town


def lawful(town: Town) -> None:
    if not any(branch.queue for branch in town.branches):
        wrong = list(town.wrongs())
        assert not wrong, wrong


@pytest.mark.parametrize("set_up", SET_UPS)
@settings(max_examples=150, deadline=None)
@given(history=HISTORY)
def test_nobody_is_subscribed_who_said_no_and_the_traffic_comes_to_rest(set_up: int, history: list[Any]) -> None:
    town = opened(set_up)
    for step in history:
        take(town, step)
        lawful(town)
    for branch in town.branches:
        while branch.hooks:
            branch.hook(0, again=False)
    for _ in range(8):
        town.tick(60)
        nightly(town, together=True)
        lawful(town)
    before = len(town.writes)
    for _ in range(2):
        town.tick(60)
        nightly(town, together=False)
    note(f"{town.writes}")
    assert town.writes[before:] == []
