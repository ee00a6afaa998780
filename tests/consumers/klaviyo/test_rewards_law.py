"""Whatever becomes of rewards: each is issued at most once and ends at most once, and Klaviyo hears the same story."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.engine.wire import Json, Request, Response
from consumers.klaviyo.check import pretend
from consumers.klaviyo.rewards import rewards
from consumers.klaviyo.tiers import tiers
from tests.consumers.desk import Desk, Thing, account
from tests.consumers.klaviyo.exports import event

BEGIN = datetime(2025, 4, 1, 2, tzinfo=UTC)
EXPIRY = "Reward Expired"


class Step(NamedTuple):
    """What happens to an account until its next snapshot, and what the snapshot shows of it."""

    days: int
    touched: bool
    issued: int
    spent: tuple[int, ...]  # of each reward, in dollars
    complete: bool
    hidden: int  # so many rewards are missing from a snapshot that is not complete
    tier: int


STEPS = st.lists(
    st.builds(
        Step,
        st.integers(1, 9),
        st.booleans(),
        st.integers(0, 2),
        st.tuples(*[st.sampled_from([0, 0, 4, 10])] * 4),
        st.sampled_from([True, True, True, False]),
        st.integers(0, 2),
        st.sampled_from([2, 2, 3]),
    ),
    min_size=2,
    max_size=7,
)


class World:
    """One account as AP21 has it: reward -> [what is left, its last day]."""

    def __init__(self, name: int) -> None:
        self.name, self.day, self.made = name, 0, 0
        self.open: dict[str, tuple[Decimal, date]] = {}
        self.updated = BEGIN

    def snapshot(self, step: Step) -> Thing:
        self.day += step.days
        now = BEGIN + timedelta(days=self.day)
        self.updated = now if step.touched else self.updated
        for (name, (left, last)), spent in zip(list(self.open.items()), step.spent, strict=False):
            self.open[name] = (max(left - spent, Decimal(0)), last)
        self.open = {name: kept for name, kept in self.open.items() if kept[0] and kept[1] >= now.date()}
        for _ in range(step.issued):
            self.made += 1
            self.open[f"{self.name}{self.made:03d}"] = (Decimal(10), now.date() + timedelta(days=12))
        shown = list(self.open.items())[0 if step.complete else step.hidden :]
        return self._told(step, shown, now)

    def _told(self, step: Step, shown: Sequence[tuple[str, tuple[Decimal, date]]], now: datetime) -> Thing:
        return event(
            "rewards",
            kind="account",
            origin="apparel21-file",
            account_id=str(self.name),
            email=f"p{self.name}@customer.example",
            tier_id=str(step.tier),
            tier_name=f"T{step.tier}",
            complete=step.complete,
            source_time=self.updated,
            last_updated=self.updated,
            file_time=now,
            line=self.day,  # a later snapshot of an account that AP21 did not touch is newer all the same
            available_points=self.day,
            rewards=[
                {
                    "reward_id": name,
                    "reward_description": "",
                    "reward_total": Decimal(10),
                    "reward_available": left,
                    "reward_created": None,
                    "reward_expiry": last,
                }
                for name, (left, last) in shown
            ],
        )


def history(name: int, steps: Sequence[Step]) -> list[Thing]:
    world = World(name)
    return [world.snapshot(step) for step in steps]


def events(asked: Sequence[Request]) -> list[dict[str, Any]]:
    """Every event that was posted, one by one or in bulk."""
    found: list[dict[str, Any]] = []
    for request in asked:
        if request.endpoint == "event":
            found.append(request.body["data"]["attributes"])
        elif request.endpoint == "event-bulk":
            for group in request.body["data"]["attributes"]["events-bulk-create"]["data"]:
                found += [one["attributes"] for one in group["attributes"]["events"]["data"]]
    return found


def metric(told: Json) -> str:
    return str(told["metric"]["data"]["attributes"]["name"])


def heard(asked: Sequence[Request]) -> dict[str, tuple[str, Json, Json]]:
    """What Klaviyo keeps: of each id the first."""
    kept: dict[str, tuple[str, Json, Json]] = {}
    for told in events(asked):
        kept.setdefault(f"{metric(told)} {told['unique_id']}", (told["time"], told.get("value"), told["properties"]))
    return kept


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_a_reward_is_issued_once_and_ends_once(steps: list[Step]) -> None:
    things, desk = history(7, steps), Desk(account())
    for thing in things:
        desk.send(rewards, thing)
    told = events(desk.asked)
    issued = Counter(one["properties"]["Reward ID"] for one in told if metric(one) == "Reward Issued")
    ended = Counter(
        one["properties"]["Reward ID"]
        for one in told
        if metric(one) == EXPIRY or (metric(one) == "Reward Redeemed" and not one["properties"]["Reward Available"])
    )
    first = next((thing for thing in things if thing.record["complete"]), None)
    known = {reward["reward_id"] for reward in first.record["rewards"]} if first else set()
    seen = {one["reward_id"] for thing in things if thing.record["complete"] for one in thing.record["rewards"]}
    assert issued == Counter(seen - known)
    assert set(ended.values()) <= {1}
    last = next((thing for thing in reversed(things) if thing.record["complete"]), None)
    assert ended.keys() == seen - {one["reward_id"] for one in last.record["rewards"]} if last else not ended


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_the_money_adds_up(steps: list[Step]) -> None:
    """What was redeemed and what lapsed is what was there when first seen, less what is left."""
    things, desk = history(7, steps), Desk(account())
    for thing in things:
        desk.send(rewards, thing)
    complete = [thing for thing in things if thing.record["complete"]]
    began: dict[str, Decimal] = {}
    for at, thing in enumerate(complete):
        for one in thing.record["rewards"]:
            began.setdefault(one["reward_id"], one["reward_available"] if at == 0 else one["reward_total"])
    left = {one["reward_id"]: one["reward_available"] for one in complete[-1].record["rewards"]} if complete else {}
    spent: Counter[str] = Counter()
    for told in events(desk.asked):
        if metric(told) in ("Reward Redeemed", EXPIRY):
            spent[told["properties"]["Reward ID"]] += told["value"]
    assert spent == {name: whole for name, worth in began.items() if (whole := worth - left.get(name, Decimal(0)))}


class Moody:
    """A Klaviyo that takes so many requests, and then none; `taken` are those it took."""

    def __init__(self) -> None:
        self.left, self.taken = 0, list[Request]()

    def __call__(self, request: Request) -> Response:
        self.left -= 1
        if self.left < 0:
            return Response(503)
        self.taken.append(request)
        return pretend(request)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(STEPS, min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(1, 6), st.integers(0, 9), st.integers(0, 4)), max_size=30),
)
def test_klaviyo_hears_the_same_whatever_is_batched_repeated_or_cut_short(
    several: list[list[Step]], disorder: list[tuple[int, int, int]]
) -> None:
    """`disorder`: how many accounts travel together, after how many requests Klaviyo is away, what comes once more."""
    told = [history(10 + name, steps) for name, steps in enumerate(several)]
    plain = Desk(account())
    for things in told:
        for thing in things:
            plain.send(rewards, thing)
    klaviyo = Moody()
    rough = Desk(account(), klaviyo)
    waiting, past = [list(things) for things in told], [list[Thing]() for _ in told]
    turns = iter([*disorder, *[(6, 1_000, 0)] * 200])
    while any(waiting):
        together, limit, again = next(turns)
        klaviyo.left = limit
        lanes = [at for at, things in enumerate(waiting) if things][:together]
        outcomes = rough.send(rewards, *(waiting[at][0] for at in lanes))
        for at, outcome in zip(lanes, outcomes, strict=True):
            if type(outcome).__name__ != "RetryLater":
                past[at].append(waiting[at].pop(0))
        klaviyo.left = 1_000
        repeated = [things[max(0, len(things) - 1 - again)] for things in past if things]
        rough.send(rewards, *repeated[: together - 1])
    assert heard(klaviyo.taken) == heard(plain.asked)


TOLD = st.lists(
    st.tuples(
        st.sampled_from(["earned", "lost", "snapshot"]), st.sampled_from(["", "Silver", "Gold"]), st.integers(0, 9)
    ),
    min_size=1,
    max_size=9,
)


@settings(max_examples=200, deadline=None)
@given(TOLD, st.lists(st.integers(1, 4), max_size=9))
def test_a_loyalty_tier_is_the_newest_and_an_event_only_where_it_changed(
    said: list[tuple[str, str, int]], folded: list[int]
) -> None:
    """Late, repeated, one by one or folded: the profile ends with the newest, and the events are the same."""
    things = [
        event(
            "tiers",
            kind=kind,
            origin="yotpo",
            email="p@customer.example",
            tier_name=name,
            source_time=BEGIN + timedelta(minutes=minute),
            sha256=f"{number:064x}",
        )
        for number, (kind, name, minute) in enumerate(said)
    ]
    plain, rough = Desk(account()), Desk(account())
    for thing in things:
        plain.send(tiers, thing)
    rest, sizes = list(things), iter([*folded, *[9] * 9])
    while rest:
        size = next(sizes)
        rough.send(tiers, rest[:size])
        rest = rest[size:]
    assert heard(rough.asked) == heard(plain.asked)
    last = max(enumerate(things), key=lambda one: (one[1].order, one[0]))[1]
    for desk in (plain, rough):
        wrote = [one.body["data"]["attributes"]["properties"] for one in desk.asked if one.endpoint == "profile-import"]
        assert ((wrote[-1].get("Loyalty Tier") or "") if wrote else "") == last.record["tier_name"]
    names = [told["properties"].get("To", "") for told in events(plain.asked)]
    froms = [told["properties"].get("From", "") for told in events(plain.asked)]
    assert all(before != after for before, after in zip(froms, names, strict=True))
