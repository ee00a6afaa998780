"""Consent in the shop: a change is told, a repetition is not, and nothing older ever overwrites what is newer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.outcome import Delivered, Rejected, Superseded
from consumers.engine.wire import Json, Request, Response
from consumers.shopify.consent import Standing, Wish, due, hear, wishes, written
from consumers.shopify.customers import customers
from tests.consumers.desk import Thing
from tests.consumers.shopify.shop import PRIYA, Desk, by_name, customer, is_customer, polled, refused

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
LIAM = "liam.nguyen@customer.example"


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def wish(yes: bool, hours: float) -> Wish:
    return Wish(yes, at(hours))


@pytest.mark.parametrize(
    ("wanted", "state", "since", "did", "wrote", "told"),
    [
        (True, "NOT_SUBSCRIBED", None, None, None, True),
        (True, "NOT_SUBSCRIBED", 5, None, None, False),
        (True, "SUBSCRIBED", None, None, None, False),
        (True, "PENDING", None, None, None, False),
        (True, "UNSUBSCRIBED", -5, None, None, False),  # a first sight never undoes a no
        (True, "UNSUBSCRIBED", -5, [False, -6], None, True),  # a foreign no, and the yes is later
        (True, "UNSUBSCRIBED", 5, [False, -6], None, False),
        (True, "UNSUBSCRIBED", None, [False, -6], None, False),
        (True, "UNSUBSCRIBED", -6, [False, -6], [False, -6], True),  # our own no
        (True, "UNSUBSCRIBED", 3, [False, -6], [False, -6], False),  # said again in the shop since
        (True, "UNSUBSCRIBED", -5, [True, -6], None, False),  # only repeated
        (True, "INVALID", None, None, None, False),
        (True, "REDACTED", None, [False, -6], None, False),
        (False, "SUBSCRIBED", None, None, None, True),
        (False, "SUBSCRIBED", -5, None, None, True),
        (False, "SUBSCRIBED", 5, None, None, False),
        (False, "SUBSCRIBED", 0, [True, 0], [True, 0], True),  # both are of one row: the no wins
        (False, "PENDING", -5, None, None, True),
        (False, "NOT_SUBSCRIBED", None, None, None, False),
        (False, "UNSUBSCRIBED", -5, [True, -6], None, False),
    ],
)
def test_what_the_shop_is_told(
    wanted: bool, state: str, since: float | None, did: Json, wrote: Json, told: bool
) -> None:
    """`since`, and the times in `did` and `wrote`, are hours before or after the statement."""
    clocked = [said and [said[0], written(at(said[1]))] for said in (did, wrote)]
    standing = Standing(state, None if since is None else at(since))
    assert due(wish(wanted, 0), standing, *clocked) is told


PEOPLE = st.sampled_from(["1", "2", "3"])
SAID = st.tuples(PEOPLE, st.integers(0, 6), st.sampled_from([None, True, False]))


@given(st.lists(SAID, max_size=8), st.randoms(use_true_random=False))
def test_what_is_wished_does_not_depend_on_the_order_of_arrival(
    rows: list[tuple[str, int, bool | None]], chance: Any
) -> None:
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert wishes(heard(rows)) == wishes(heard(shuffled))


def heard(rows: list[tuple[str, int, bool | None]]) -> Any:
    voices: Any = {}
    for person, hour, yes in rows:
        record = {"person_id": person, "source_time": at(hour), "bulk": False, "privacy": None}
        voices = hear(voices, {**record, "email_opt_in": yes, "sms_opt_in": None})
    return voices


@given(st.lists(SAID, min_size=1, max_size=8))
def test_any_no_is_a_no(rows: list[tuple[str, int, bool | None]]) -> None:
    last: dict[str, tuple[int, bool]] = {}
    for person, hour, yes in rows:
        if yes is not None and (person not in last or (hour, not yes) > (last[person][0], not last[person][1])):
            last[person] = (hour, yes)
    found = wishes(heard(rows)).get("email")
    assert (found is None) == (not last)
    assert found is None or found.yes == all(yes for _, yes in last.values())


class Shop:
    """A shop with one customer, who may change their mind on the website; it keeps who said what when."""

    def __init__(self) -> None:
        self.state, self.since, self.undone = "NOT_SUBSCRIBED", at(-100), False

    def on_the_web(self, yes: bool, hour: float) -> None:
        self.state, self.since = ("SUBSCRIBED" if yes else "UNSUBSCRIBED"), at(hour)

    def __call__(self, request: Request) -> Response:
        return by_name(LookupCustomer=self._found, EmailConsent=self._told, UpdateCustomer=done("customerUpdate"),
                       AddTags=done("tagsAdd"), SetMetafields=done("metafieldsSet"))(request)  # fmt: skip

    def _found(self, asked: Json) -> Json:
        if "emailAddress" not in asked["identifier"]:
            return is_customer(None)
        mail = {"emailAddress": LIAM, "marketingState": self.state, "marketingUpdatedAt": written(self.since)}
        return is_customer(customer("7", defaultEmailAddress=mail))

    def _told(self, asked: Json) -> Json:
        said = asked["input"]["emailMarketingConsent"]
        when = datetime.fromisoformat(said["consentUpdatedAt"])
        self.undone = self.undone or (self.state == "UNSUBSCRIBED" and when < self.since)
        self.state, self.since = said["marketingState"], when
        return {"customerEmailMarketingConsentUpdate": {"userErrors": []}}


def done(root: str) -> Any:
    return lambda _: {root: {"userErrors": []}}


def row(hour: float, yes: bool) -> Thing:
    return polled("80117", privacy=not yes, last_updated=at(hour))


@given(st.lists(st.tuples(st.sampled_from(["till", "web", "late"]), st.booleans()), max_size=10))
def test_whatever_happens_an_older_yes_never_undoes_a_no(story: list[tuple[str, bool]]) -> None:
    """Each step is an hour later than the one before; a late row tells of three hours ago."""
    shop = Shop()
    desk = Desk(answer=shop)
    for hour, (where, yes) in enumerate(story):
        if where == "web":
            shop.on_the_web(yes, hour)
        else:
            desk.one(customers, row(hour - 3 if where == "late" else hour, yes))
    assert not shop.undone


def test_a_customers_own_no_stands_while_the_till_only_repeats_its_yes() -> None:
    shop = Shop()
    desk = Desk(answer=shop)
    desk.one(customers, row(0, yes=True))
    assert shop.state == "SUBSCRIBED"
    shop.on_the_web(yes=False, hour=1)
    desk.one(customers, row(2, yes=True))
    assert shop.state == "UNSUBSCRIBED"
    desk.one(customers, row(3, yes=False))
    desk.one(customers, row(4, yes=True))
    assert shop.state == "SUBSCRIBED", "asked again at the till, after the customer's own no"


def test_an_older_row_that_comes_late_brings_its_no_and_nothing_else() -> None:
    """It is the other person's newest statement."""
    desk = Desk()
    desk.one(customers, polled("73180", last_updated=at(5)))
    desk.answer = by_name(LookupCustomer=lambda _: is_customer(customer(
        "1", defaultEmailAddress={"emailAddress": "amy.lee@customer.example", "marketingState": "SUBSCRIBED",
                                  "marketingUpdatedAt": written(at(-9))})), **{
        name: done(root) for name, root in (("UpdateCustomer", "customerUpdate"), ("AddTags", "tagsAdd"),
                                            ("SetMetafields", "metafieldsSet"),
                                            ("EmailConsent", "customerEmailMarketingConsentUpdate"))})  # fmt: skip
    desk.asked.clear()
    outcome = desk.one(customers, polled("91004", last_updated=at(2), firstname="A."))
    assert isinstance(outcome, Delivered)
    assert "EmailConsent" in desk.named()
    assert desk.profile("au/amy.lee@customer.example")["body"]["firstName"] == "Amy"
    assert isinstance(desk.one(customers, polled("91004", last_updated=at(1), firstname="A.")), Superseded)


def test_a_rescued_opt_out_makes_nobody() -> None:
    desk = Desk()
    outcome = desk.one(customers, polled("73152", privacy=True, rescued=True))
    assert desk.named() == ["LookupCustomer"]
    assert getattr(outcome, "policy", "") == "opt_out_only"
    assert not desk.profile(PRIYA).get("id")


def test_a_yes_to_sms_counts_from_the_number_that_it_is_for() -> None:
    """The first row has no number; who gives one later, and still says yes, is asked for."""
    desk = Desk()
    desk.one(customers, polled("73152", mobile=""))
    node = customer("1", defaultEmailAddress={"emailAddress": PRIYA[3:], "marketingState": "SUBSCRIBED"})
    answers = {"UpdateCustomer": "customerUpdate", "AddTags": "tagsAdd", "SetMetafields": "metafieldsSet"}
    desk.answer = by_name(LookupCustomer=lambda asked: is_customer("emailAddress" in asked["identifier"] and node),
                          **{name: done(root) for name, root in answers.items()})  # fmt: skip
    desk.asked.clear()
    desk.one(customers, polled("73152", last_updated=NOON))
    assert desk.named()[-2:] == ["SetMetafields", "SmsConsent"]


MAIL: Json = {"emailAddress": PRIYA[3:], "marketingState": "SUBSCRIBED", "marketingUpdatedAt": "2025-01-01T00:00:00Z"}
NUMBER: Json = {"phoneNumber": "+61400000001", "marketingState": "SUBSCRIBED"}


def found_subscribed(**answers: Any) -> Desk:
    """A shop whose Priya is subscribed to both channels, under a number that the till does not know."""
    theirs = customer("1", defaultEmailAddress=MAIL, defaultPhoneNumber=NUMBER)
    roots = {"UpdateCustomer": "customerUpdate", "AddTags": "tagsAdd", "SetMetafields": "metafieldsSet"}
    told = {name: done(root) for name, root in roots.items()}
    look = {"LookupCustomer": lambda asked: is_customer("emailAddress" in asked["identifier"] and theirs)}
    return Desk(answer=by_name(**{**look, **told, **answers}))


def unsubscribed(desk: Desk) -> list[str]:
    """The channels of which a no was told."""
    told = {"EmailConsent": "emailMarketingConsent", "SmsConsent": "smsMarketingConsent"}
    parts = [(told[one["operation"]], one["variables"]["input"]) for one in desk.said() if one["operation"] in told]
    return [part for part, said in parts if said[part]["marketingState"] == "UNSUBSCRIBED"]


@pytest.mark.parametrize("row", [{"mobile": ""}, {"rescued": True}, {}])
def test_a_no_to_sms_is_for_the_number_that_the_shop_has_whatever_the_tills(row: dict[str, Any]) -> None:
    desk = found_subscribed()
    assert isinstance(desk.one(customers, polled("73152", privacy=True, **row)), Delivered)
    assert unsubscribed(desk) == ["emailMarketingConsent", "smsMarketingConsent"]


@pytest.mark.parametrize(
    ("call", "root"),
    [("UpdateCustomer", "customerUpdate"), ("AddTags", "tagsAdd"), ("SetMetafields", "metafieldsSet")],
)
def test_a_no_goes_through_when_the_rest_is_refused(call: str, root: str) -> None:
    desk = found_subscribed(**{call: lambda _: refused(root, (["firstName"], "cannot contain a link"))})
    assert isinstance(desk.one(customers, polled("73152", privacy=True)), Rejected)
    assert unsubscribed(desk) == ["emailMarketingConsent", "smsMarketingConsent"]
