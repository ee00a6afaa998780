"""Changed persons: what each becomes, where a look begins, and what is no news."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.apparel21.changed import Known, load_known, opinions
from consumers.apparel21.people import zone_of
from consumers.apparel21.poll import POLL, Place, after, first_place
from consumers.apparel21.settings import ConsentPlace
from consumers.apparel21.xml import load
from consumers.engine.outcome import Misconfigured, RetryLater
from consumers.engine.wire import Request, Response
from consumers.polls import Look, Told
from tests.consumers.apparel21.counter import GOLDEN, NOW, account
from tests.consumers.polling import Watcher

BODY = (GOLDEN / "priya.xml").read_text("utf-8")
STAMP, LATER = "1/04/2025 4:05:11 PM", "1/04/2025 4:06:11 PM"
NOBODY = Response(404, b"<AP21Error><ErrorCode>5008</ErrorCode></AP21Error>")
PRIYA = "priya.oconnor@customer.example"
MELBOURNE = zone_of(account())


def priya(at: str = STAMP, **texts: str) -> str:
    """Priya, changed at this time; `texts` replaces what stands in her record."""
    body = BODY.replace(STAMP, at)
    for old, new in texts.items():
        body = body.replace(*{"city": ("Melbourne", new), "email": (PRIYA, new), "flag": (">False<", f">{new}<"),
                              "expiry": ("2026-03-31", new)}[old])  # fmt: skip
    return body


def listing(*persons: str, total: int = 0) -> Response:
    said = f' TotalRows="{total}"' if total else ""
    return Response(200, f"<Persons{said}>{''.join(persons)}</Persons>".encode())


class Tills:
    """Answers of an Apparel21 whose persons a test changes."""

    def __init__(self, *persons: str) -> None:
        self.persons = persons

    def __call__(self, request: Request) -> Response:
        if request.path != "/Persons/":
            return Response(200, self.persons[0].encode())
        return listing(*self.persons) if self.persons else NOBODY


def watcher(*persons: str, **settings: Any) -> Watcher:
    return Watcher(POLL, account(**settings), Tills(*persons))


def test_a_person_has_the_fields_of_the_customers_file() -> None:
    (record,) = watcher(priya()).records()
    file = {
        "person_id": "73152", "person_code": "OCONPR00", "firstname": "Priya", "surname": "O'Connor",
        "adrs1": "Level 2, 21 Bourke St", "city": "Melbourne", "state": "VIC", "postcode": "3000",
        "country": "AUSTRALIA", "mobile": "+61491570006", "email": PRIYA, "dob": date(1990, 2, 14), "privacy": False,
        "retail_rep": False, "loyalty_name": "Club Member", "loyalty_expiry": date(2026, 3, 31),
    }  # fmt: skip
    assert {name: record[name] for name in file} == file
    at = datetime(2025, 4, 1, 5, 5, 11, tzinfo=UTC)
    assert (record["source_time"], record["last_updated"], record["origin"]) == (at, at, "apparel21-poll")
    assert (record["previous_email"], record["sha256"], record["connection"]) == (None, "", "au")


def test_the_first_look_goes_back_seven_days() -> None:
    tills = watcher()
    tills.look()
    (request,) = tills.asked
    since = datetime.fromisoformat(dict(request.query)["updatedAfter"]).replace(tzinfo=MELBOURNE)
    assert NOW - since == timedelta(days=7)
    assert dict(request.query)["startRow"] == "1"


def test_a_person_with_the_same_stamp_is_passed_over_and_with_the_same_content_is_no_news() -> None:
    tills = watcher(priya())
    assert len(tills.records()) == 1
    again = tills.look()
    assert isinstance(again, Look)
    assert again.read == ()
    tills.answer = Tills(priya("2/04/2025 9:00:00 AM"))  # a tier that we wrote
    echo = tills.look()
    assert isinstance(echo, Look)
    assert [one.none for one in echo.read] == ["unchanged"]
    assert tills.records() == []


def test_who_changes_again_in_the_second_in_which_we_looked_is_told_again() -> None:
    """Time stamps know no parts of a second."""
    tills = watcher(priya())
    (first,) = tills.records()
    tills.answer = Tills(priya(city="Kew"))
    (second,) = tills.records()
    assert second["city"] == "Kew"
    assert second["source_time"] > first["source_time"]
    assert tills.records() == []


def test_who_was_erased_is_not_told_again_for_the_same_time_stamp() -> None:
    tills = watcher(priya())
    tills.look()
    tills.memory["person/73152"] = STAMP  # what an erasure leaves
    assert tills.records() == []


def test_loyalty_fields_are_our_own_writing_where_tiers_are_kept_there() -> None:
    tills = watcher(priya(), tier=("loyalty",), loyalty={"types": {"Gold": 30872}})
    (record,) = tills.records()
    assert (record["loyalty_name"], record["loyalty_expiry"]) == ("", None)
    tills.answer = Tills(priya("2/04/2025 9:00:00 AM", expiry="2027-03-31"))
    assert tills.records() == []


def test_a_changed_address_goes_under_the_old_one_and_then_under_the_new() -> None:
    tills = watcher(priya())
    tills.look()
    tills.answer = Tills(priya("2/04/2025 9:00:00 AM", email="new@customer.example"))
    moved = tills.look()
    tills.answer = Tills(priya("3/04/2025 9:00:00 AM", email="new@customer.example", city="Kew"))
    later = tills.look()
    assert isinstance(moved, Look)
    assert isinstance(later, Look)
    told = [
        (event.tail, event.record["email"], event.record["previous_email"]) for event in (*moved.events, *later.events)
    ]
    assert told == [(PRIYA, "new@customer.example", PRIYA), ("new@customer.example", "new@customer.example", PRIYA)]


@pytest.mark.parametrize("email", ["", "none", "not an address"])
def test_who_has_no_address_goes_by_the_person(email: str) -> None:
    look = watcher(priya(email=email)).look()
    assert isinstance(look, Look)
    assert [(event.tail, event.record["email"]) for event in look.events] == [("person:73152", "")]


CARDS = (
    {"channel": "email", "card": "Loyalty", "field": "Email opt in"},
    {"channel": "sms", "reference": 1321, "yes": 1, "no": 20411},
)


def test_consent_is_read_where_the_merchant_keeps_it() -> None:
    """Custom data is not in the list, so the person is read; a privacy flag that nobody goes by is no yes."""
    tills = watcher(priya(), consent=CARDS)
    (record,) = tills.records()
    assert (record["privacy"], record["email_opt_in"], record["sms_opt_in"]) == (None, True, False)
    assert [request.path for request in tills.asked] == ["/Persons/", "/Persons/73152"]
    (refused,) = watcher(priya(flag="True"), consent=CARDS).records()
    assert refused["privacy"] is True


@given(st.lists(st.sampled_from(["true", "false", ""]), min_size=1, max_size=4))
def test_of_several_brands_any_no_is_a_no(said: list[str]) -> None:
    fields = "".join(f'<Field Name="{n}">{text}</Field>' for n, text in enumerate(said))
    cards = f'<Card Name="C"><Fields>{fields}</Fields></Card>'
    person = load(f"<Person><CustomData><Cards>{cards}</Cards></CustomData></Person>".encode())
    assert person is not None
    places = [ConsentPlace(channel="sms", card="C", field=str(n)) for n in range(len(said))]
    expected = False if "false" in said else True if "true" in said else None
    assert opinions(places, person) == {"privacy": None, "email_opt_in": None, "sms_opt_in": expected}


def test_who_cannot_be_seen_any_more_makes_no_event() -> None:
    def answer(request: Request) -> Response:
        return listing(priya()) if request.path == "/Persons/" else NOBODY

    tills = Watcher(POLL, account(consent=CARDS), answer)
    assert tills.look() == Look((Told(none="not_visible"),), tills.position)


# -- sweeps ---------------------------------------------------------------------------------------------------------


def crowd(count: int) -> list[str]:
    return [f"<Person><Id>{n}</Id><UpdateTimeStamp>{STAMP}</UpdateTimeStamp></Person>" for n in range(1, count + 1)]


class Pages:
    """An Apparel21 that pages, or gives everything at once, or says no total."""

    def __init__(self, count: int, *, pages: bool = True, total: bool = True) -> None:
        self.count, self.pages, self.total = count, pages, total

    def __call__(self, request: Request) -> Response:
        start = int(dict(request.query)["startRow"])
        part = crowd(self.count)[start - 1 : start + 99] if self.pages else crowd(self.count)
        return listing(*part, total=self.count if self.total else 0) if part else NOBODY


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 420), st.booleans(), st.booleans())
def test_however_a_server_pages_everybody_is_read_once(count: int, pages: bool, total: bool) -> None:
    tills = Watcher(POLL, account(), Pages(count, pages=pages, total=total))
    ids = [int(record["person_id"]) for record in tills.records()]
    assert sorted(ids) == list(range(1, count + 1))
    assert tills.position["newest"] == first_place(NOW, MELBOURNE).newest
    assert len(tills.asked) <= 1 + count / 80


def test_who_changes_while_pages_are_read_moves_nobody_out_of_sight() -> None:
    """The one who changes goes to the end of the list, and everybody behind moves up by one."""
    tills = Watcher(POLL, account(), Pages(150))
    tills.look()

    def moved(request: Request) -> Response:
        start = int(dict(request.query)["startRow"])
        everybody = [one for one in crowd(150) if "<Id>5</Id>" not in one]
        return listing(*everybody[start - 1 : start + 99], total=150)

    tills.answer = moved
    tills.look()
    assert {f"person/{n}" for n in range(1, 151)} == tills.memory.keys()


@pytest.mark.parametrize("total", [True, False])
def test_a_crowd_that_changes_while_pages_are_read_moves_nobody_out_of_sight(total: bool) -> None:
    """Everybody of the first page but one goes to the end of the list: those behind come before the row asked next."""
    tills = Watcher(POLL, account(), Pages(250, total=total))
    tills.look()

    def moved(request: Request) -> Response:
        start, everybody = int(dict(request.query)["startRow"]), crowd(250)
        now = [*everybody[99:], *(one.replace(STAMP, LATER) for one in everybody[:99])]
        return listing(*now[start - 1 : start + 99], total=250 if total else 0)

    tills.answer = moved
    while tills.position["since"]:
        tills.look()
    assert {f"person/{n}" for n in range(1, 251)} == tills.memory.keys()


def test_a_stamp_from_a_far_future_hides_nobody() -> None:
    tills = watcher(priya("1/01/2099 9:00:00 AM"))
    tills.look()
    assert tills.position["newest"] < "2025-04-22"


NEWEST = datetime(2025, 4, 1, 16, 0, tzinfo=MELBOURNE)


def window(passed: timedelta, newest: datetime = NEWEST) -> timedelta:
    """How long before the newest change a look begins, so long after it was noticed."""
    place = Place(newest.replace(tzinfo=None).isoformat(), newest.astimezone(UTC).isoformat())
    since = datetime.fromisoformat(after(place, newest.astimezone(UTC) + passed, MELBOURNE))
    return newest.replace(tzinfo=None) - since


def test_the_overlap_is_needed_only_while_a_late_change_may_still_come() -> None:
    spans = [window(timedelta(minutes=minutes)) for minutes in (0, 2, 5, 60 * 24 * 3)]
    assert spans == [timedelta(minutes=5), timedelta(minutes=3), timedelta(seconds=1), timedelta(seconds=1)]


def test_the_hour_that_comes_twice_is_read_twice() -> None:
    """On 6 April 2025 clocks in Melbourne went from three back to two."""
    late = datetime(2025, 4, 6, 2, 59, tzinfo=MELBOURNE)
    assert window(timedelta(minutes=10), late) == timedelta(hours=1, seconds=1)
    assert window(timedelta(days=2), late) == timedelta(hours=1, seconds=1)  # nobody looked meanwhile
    assert window(timedelta(minutes=10), late + timedelta(hours=5)) == timedelta(seconds=1)


def test_an_hour_that_is_skipped_hides_nobody() -> None:
    """On 5 October 2025 clocks in Melbourne went from two on to three."""
    late = datetime(2025, 10, 5, 1, 58, tzinfo=MELBOURNE)
    assert window(timedelta(minutes=10), late) == timedelta(seconds=1)


def test_a_change_in_the_hour_that_comes_twice_is_newer_than_the_one_before() -> None:
    tills = watcher(priya("6/04/2025 2:50:00 AM"))
    (first,) = tills.records()
    tills.answer = Tills(priya("6/04/2025 2:10:00 AM", city="Kew"))
    (second,) = tills.records()
    assert second["source_time"] > first["source_time"]


# -- what goes wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        Response(0, b"timed out"),
        Response(503, b"<html>busy</html>"),
        Response(404, b"<html>no such page</html>"),
        Response(200, b"<html>"),
        Response(200, b"<!DOCTYPE x [<!ENTITY a 'b'>]><Persons>&a;</Persons>"),
    ],
)
def test_a_look_without_a_proper_answer_keeps_the_position(answer: Response) -> None:
    tills = Watcher(POLL, account(), lambda _: answer, position=Place("2025-04-01T16:05:11", NOW.isoformat())._asdict())
    before = dict(tills.position)
    assert isinstance(tills.look(), RetryLater)
    assert tills.position == before


@pytest.mark.parametrize("odd", [b"\x0b", b"&#x1F;", b"&#11;", b"&#x0;", b"\x00"])
def test_a_character_that_no_document_may_hold_keeps_nobody_out(odd: bytes) -> None:
    """A till's keyboard, or a paste; the server writes it as it is."""
    zoe = BODY.encode().replace(b"Priya</Firstname>", b"Zo" + odd + "ë</Firstname>".encode())
    tills = Watcher(POLL, account(), lambda _: Response(200, b"<Persons>" + zoe + b"</Persons>"))
    assert [record["firstname"] for record in tills.records()] == ["Zoë"]


def test_a_wrong_password_needs_a_person() -> None:
    assert isinstance(Watcher(POLL, account(), lambda _: Response(401)).look(), Misconfigured)


def test_an_empty_404_is_nobody() -> None:
    assert watcher().records() == []
    assert Watcher(POLL, account(), lambda _: Response(404)).records() == []


@given(st.builds(Known, *[st.text(st.characters(exclude_characters="\x1f"), min_size=1) for _ in range(5)]))
def test_what_is_remembered_of_a_person_comes_back(known: Known) -> None:
    assert load_known(known.dump()) == known
