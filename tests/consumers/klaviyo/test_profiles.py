"""Customer rows on their way: what is written, what is left alone, and what one refusal does to the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from consumers.engine.outcome import (
    Deferred,
    Delivered,
    Misconfigured,
    Rejected,
    RetryLater,
    Skipped,
    Superseded,
    Unchanged,
)
from consumers.engine.wire import Json, Request, Response
from consumers.klaviyo.check import pretend
from consumers.klaviyo.imports import UNREAD
from consumers.klaviyo.orders import orders
from consumers.klaviyo.plans import consents, profiles
from consumers.klaviyo.sink import takeover
from tests.consumers.desk import NOW, Answer, Desk, Thing, account, customer, sale

PRIYA, LIAM = "au/priya.oconnor@customer.example", "au/liam.nguyen@customer.example"
IMPORT, JOBS = "POST /api/profile-import", "POST /api/profile-bulk-import-jobs"
LOOK, JOIN = "GET /api/profiles", "POST /api/lists/Y6nRLr/relationships/profiles"
SUBSCRIBE = "POST /api/profile-subscription-bulk-create-jobs"
UNSUBSCRIBE = "POST /api/profile-subscription-bulk-delete-jobs"


def later(day: int, hour: int = 9) -> datetime:
    return datetime(2025, 4, day, hour, tzinfo=UTC)


def refuse(status: int, *pointers: str, code: str = "invalid") -> Response:
    errors = [{"id": f"e{n}", "code": code, "source": {"pointer": pointer}} for n, pointer in enumerate(pointers)]
    return Response(status, orjson.dumps({"errors": errors}))


def answering(**said: Response | Sequence[Response]) -> Answer:
    """Klaviyo as `pretend` has it, but for some endpoints: one answer for always, or several for one request each."""
    left = {name: list(one) for name, one in said.items() if not isinstance(one, Response)}

    def answer(request: Request) -> Response:
        name = request.endpoint.replace("-", "_")
        if left.get(name):
            return left[name].pop(0)
        always = said.get(name)
        return always if isinstance(always, Response) else pretend(request)

    return answer


def standing(email: str, consent: str = "SUBSCRIBED", at: str | None = None, **more: Any) -> Json:
    mail = {"marketing": {"consent": consent, "consent_timestamp": at, "suppression": more.pop("suppression", [])}}
    attributes = {"email": email, "phone_number": None, "subscriptions": {"email": mail, "sms": None}, **more}
    return {"type": "profile", "id": f"id-{email}", "attributes": attributes}


def known(*found: Json) -> Response:
    return Response(200, orjson.dumps({"data": found}))


def people(count: int) -> list[Thing]:
    return [customer("80117", f"p{number}@customer.example", person_id=str(number)) for number in range(count)]


def test_the_receipt_names_the_last_call_beside_its_answer() -> None:
    desk = Desk(account())
    [outcome] = desk.send(profiles, customer("73152", last_updated=later(5)))
    assert isinstance(outcome, Delivered)
    assert (outcome.call, outcome.status) == ("POST /api/profile-subscription-bulk-create-jobs", 202)


def test_an_older_row_changes_nothing() -> None:
    desk = Desk(account())
    desk.send(profiles, customer("73152", last_updated=later(5)))
    desk.calls()
    [outcome] = desk.send(profiles, customer("73152", last_updated=later(3), city="Kew"))
    assert isinstance(outcome, Superseded)
    assert desk.calls() == []


def test_an_older_row_still_brings_the_newest_word_on_a_channel() -> None:
    desk = Desk(account())
    desk.send(profiles, customer("73152", last_updated=later(5), privacy=None, email_opt_in=None, sms_opt_in=None))
    desk.calls()
    [outcome] = desk.send(profiles, customer("73152", last_updated=later(3), email_opt_in=False, city="Kew"))
    assert isinstance(outcome, Delivered)
    assert "only its consent was newer" in outcome.note
    assert desk.calls() == [LOOK, UNSUBSCRIBE, SUBSCRIBE]  # no to e-mail, yes to SMS; the profile is left alone


def test_two_persons_at_one_address_are_one_profile_and_the_no_of_either_counts() -> None:
    desk = Desk(account())
    desk.send(profiles, customer("91004"))
    desk.calls()
    [outcome] = desk.send(profiles, customer("73180"))
    assert isinstance(outcome, Delivered)
    assert desk.calls() == [LOOK, UNSUBSCRIBE]  # its own no to SMS; its yes to e-mail is nothing beside the other's no
    [outcome] = desk.send(profiles, customer("73180", last_updated=later(9), privacy=False, email_opt_in=True))
    assert isinstance(outcome, Delivered)
    assert SUBSCRIBE not in desk.calls()


def test_the_same_body_is_sent_once_and_the_newer_row_is_remembered() -> None:
    desk = Desk(account())
    first = customer("73152")
    desk.send(profiles, first)
    desk.calls()
    [outcome] = desk.send(profiles, Thing(first.key, "customers", first.record, "other", "2025-05-01", "73152"))
    assert isinstance(outcome, Unchanged)
    assert desk.profile(PRIYA)["seen"]["73152"] == ["other", "2025-05-01"]
    assert desk.calls() == []


def test_an_opt_out_saved_from_a_bad_row_touches_nothing_else() -> None:
    desk = Desk(account())
    row = customer("73152", rescued=True, privacy=True, firstname="", surname="")
    [outcome] = desk.send(profiles, row)
    assert isinstance(outcome, Delivered)
    assert [desk.asked[1].body["data"]["attributes"], *desk.calls()] == [
        {"email": "priya.oconnor@customer.example"}, LOOK, IMPORT, UNSUBSCRIBE,
    ]  # fmt: skip
    assert "seen" not in desk.profile(PRIYA)
    [corrected] = desk.send(profiles, customer("73152", last_updated=later(2)))
    assert isinstance(corrected, Delivered)
    assert JOIN in desk.calls()


def test_a_yes_in_a_rescued_row_is_not_heard() -> None:
    desk = Desk(account())
    [outcome] = desk.send(profiles, customer("73152", rescued=True, privacy=False))
    assert isinstance(outcome, Unchanged)
    assert desk.calls() == []


def test_an_opt_out_without_address_goes_to_the_last_known_one() -> None:
    desk = Desk(account())
    desk.send(profiles, customer("73152"))
    desk.calls()
    gone: dict[str, Any] = {"email": "", "key_email": "priya.oconnor@customer.example", "last_updated": later(9)}
    [silent] = desk.send(profiles, customer("73152", **gone))
    assert silent == Skipped("no_email", silent.remember if isinstance(silent, Skipped) else {})
    [outcome] = desk.send(profiles, customer("73152", **gone, privacy=True))
    assert isinstance(outcome, Delivered)
    assert desk.calls() == [LOOK, UNSUBSCRIBE]


def test_what_others_tell_of_customers_is_not_for_klaviyo() -> None:
    desk = Desk(account())
    assert desk.send(profiles, customer("73152", origin="shopify")) == [Skipped("origin")]
    assert desk.send(profiles, customer("73152", origin="apparel21-poll")) == [Skipped("origin")]
    assert isinstance(
        Desk(account(polled=True)).send(profiles, customer("73152", origin="apparel21-poll"))[0], Delivered
    )


def test_who_unsubscribed_at_klaviyo_is_not_subscribed_by_a_first_sight() -> None:
    email = "priya.oconnor@customer.example"
    desk = Desk(account(), answering(profiles=known(standing(email, "UNSUBSCRIBED", "2020-01-01T00:00:00+00:00"))))
    [outcome] = desk.send(profiles, customer("73152", sms_opt_in=None))
    assert isinstance(outcome, Delivered)
    assert outcome.note == "email consent not sent: unsubscribed"
    assert desk.calls() == [LOOK, IMPORT]


def test_a_second_yes_within_the_gap_waits_and_goes_when_it_is_over() -> None:
    desk = Desk(account())
    desk.send(profiles, customer("73152", sms_opt_in=None))
    at = NOW + timedelta(minutes=10)
    [outcome] = desk.at(at).send(profiles, customer("73152", sms_opt_in=True, last_updated=later(19)))
    assert isinstance(outcome, Deferred)
    assert (outcome.part, outcome.until) == ("consent", NOW + timedelta(minutes=30))
    assert desk.calls()[5:] == [LOOK, IMPORT]
    assert isinstance(desk.send(consents, customer("73152"))[0], Deferred)
    assert isinstance(desk.at(NOW + timedelta(minutes=31)).send(consents, customer("73152"))[0], Delivered)
    assert desk.calls()[-1] == SUBSCRIBE
    assert isinstance(desk.send(consents, customer("73152"))[0], Unchanged)


def test_a_yes_whose_gap_ends_while_its_plan_is_under_way_is_not_forgotten() -> None:
    """When opt-ins are gathered, a second is missing; while those of others are asked for, it goes by."""
    desk, now = Desk(account()), [NOW]
    desk.account = replace(desk.account, now=lambda: now[0])
    desk.send(profiles, customer("73152", sms_opt_in=None))

    def answer(request: Request) -> Response:
        now[0] += timedelta(seconds=2 if request.endpoint == "subscribe" else 0)
        return pretend(request)

    desk.answer, now[0] = answer, NOW + timedelta(minutes=29, seconds=59)
    second = customer("73152", last_updated=later(19))
    outcomes = desk.send(profiles, second, customer("80117", "kim@customer.example"))
    assert [type(outcome) for outcome in outcomes] == [Deferred, Delivered]
    assert isinstance(desk.send(consents, second)[0], Delivered)
    assert desk.calls()[-1] == SUBSCRIBE


def test_a_no_while_a_yes_waits_goes_at_once_and_ends_the_wait() -> None:
    desk = Desk(account())
    desk.send(profiles, customer("73152", sms_opt_in=None))
    desk.send(profiles, customer("73152", sms_opt_in=True, last_updated=later(18)))
    desk.calls()
    [outcome] = desk.send(profiles, customer("73152", sms_opt_in=False, last_updated=later(19)))
    assert isinstance(outcome, Delivered)
    assert UNSUBSCRIBE in desk.calls()
    assert isinstance(desk.at(NOW + timedelta(hours=1)).send(consents, customer("73152"))[0], Unchanged)


def test_a_yes_to_sms_waits_for_a_number() -> None:
    desk = Desk(account())
    desk.send(profiles, customer("73152", mobile="", email_opt_in=None, privacy=None))
    assert SUBSCRIBE not in desk.calls()
    desk.send(profiles, customer("73152", email_opt_in=None, privacy=None, last_updated=later(9)))
    assert desk.calls()[-1] == SUBSCRIBE


def test_a_profile_that_an_order_made_is_still_new_for_the_list() -> None:
    desk = Desk(account())
    desk.send(orders, sale("913748"))
    email = "priya.oconnor@customer.example"
    desk.answer = answering(profiles=known(standing(email, "NEVER_SUBSCRIBED", created="2025-04-20T00:01:00+00:00")))
    desk.calls()
    desk.send(profiles, customer("73152"))
    assert JOIN in desk.calls()
    other = Desk(account(), answering(profiles=known(standing(email, created="2024-04-20T00:01:00+00:00"))))
    other.send(profiles, customer("73152"))
    assert JOIN not in other.calls()


@pytest.mark.parametrize("odd", [None, "", 7, [], ["x"], {"marketing": []}, {"marketing": {"suppression": ["x"]}}])
def test_whatever_shape_a_profile_has_its_row_goes_on(odd: Json) -> None:
    there = standing(PRIYA.partition("/")[2], created=7, properties=odd, subscriptions={"email": odd, "sms": odd})
    for profile in (there, {**there, "attributes": {**there["attributes"], "subscriptions": odd}}):
        [outcome] = Desk(account(), answering(profiles=known(profile))).send(profiles, customer("73152"))
        assert isinstance(outcome, Delivered)


def test_a_job_error_of_another_shape_refuses_its_row_all_the_same() -> None:
    error = import_error("p1@customer.example", "invalid", "")
    error["attributes"]["source"] = "the profile"
    errors = Response(200, orjson.dumps({"data": [error]}))
    desk = Desk(account(), answering(import_job=job_ended(failed=1), import_errors=errors))
    assert [type(outcome) for outcome in desk.send(profiles, *people(4))] == [Delivered, Rejected, Delivered, Delivered]


def test_a_bulk_row_leaves_an_existing_profile_alone() -> None:
    desk = Desk(account(), answering(profiles=known(standing("priya.oconnor@customer.example"))))
    assert desk.send(profiles, customer("73152", bulk=True)) == [Skipped("bulk_existing")]
    assert desk.calls() == [LOOK]


def test_a_bulk_row_leaves_a_profile_alone_that_we_wrote_ourselves() -> None:
    desk = Desk(account())
    desk.send(profiles, customer("73152"))
    before = desk.profile(PRIYA)
    desk.calls()
    outcome = desk.send(profiles, customer("73152", bulk=True, firstname="Prya"))
    assert (outcome, desk.calls(), desk.profile(PRIYA)) == ([Skipped("bulk_existing")], [], before)


def test_a_refused_row_is_not_lost_behind_a_bulk_row_of_the_same_address() -> None:
    def answer(request: Request) -> Response:
        refused = request.endpoint == "profile-import" and request.body["data"]["attributes"]["first_name"] == "Bad"
        return refuse(400, "/data/attributes/first_name") if refused else pretend(request)

    email = PRIYA.partition("/")[2]
    rows = [customer("60001", email, firstname="Bad"), customer("73152", bulk=True, last_updated=later(19))]
    assert [type(outcome) for outcome in Desk(account(), answer).send(profiles, rows)] == [Rejected]


def test_a_yes_that_must_wait_is_not_forgotten_for_a_bulk_row_behind_it() -> None:
    desk = Desk(account())
    desk.send(profiles, customer("73152", sms_opt_in=None))
    rows = [customer("73152", last_updated=later(18)), customer("73152", bulk=True, last_updated=later(19), city="Kew")]
    [outcome] = desk.at(NOW + timedelta(minutes=10)).send(profiles, rows)
    assert isinstance(outcome, Delivered)
    assert [(one.part, one.after) for one in outcome.later] == [("consent", timedelta(minutes=20))]


def test_after_a_bulk_row_the_daily_one_is_a_first_sight_of_consent() -> None:
    desk = Desk(account())
    desk.send(profiles, customer("73152", bulk=True))
    email = "priya.oconnor@customer.example"
    desk.answer = answering(profiles=known(standing(email, "UNSUBSCRIBED", "2020-01-01T00:00:00+00:00")))
    desk.calls()
    desk.send(profiles, customer("73152"))
    calls = desk.calls()
    assert IMPORT not in calls
    assert JOIN not in calls
    assert "email" not in str(desk.profile(PRIYA)["consent"].get("email", {}).get("did"))


def test_a_number_that_belongs_to_another_profile_is_left_out_and_tried_again() -> None:
    desk = Desk(account(), answering(profile_import=[Response(201), refuse(409, code="duplicate_profile")]))
    [outcome] = desk.send(profiles, customer("73152"))
    assert isinstance(outcome, Delivered)
    assert "mobile number" in outcome.note
    bodies = [request.body["data"]["attributes"] for request in desk.asked if request.endpoint == "profile-import"]
    assert ["phone_number" in body for body in bodies] == [False, True]  # an unknown address goes without, at first
    assert desk.profile(PRIYA)["seen"]["73152"][0] == ""  # the quick path is closed: the next row tries again
    desk.calls()
    desk.at(NOW + timedelta(hours=1)).send(profiles, customer("73152"))
    [again] = [request for request in desk.asked if request.endpoint == "profile-import"]
    assert "phone_number" in again.body["data"]["attributes"]
    assert desk.asked[-1].endpoint == "subscribe"  # the number is theirs now, and so is the yes to SMS that waited


def test_an_opt_out_goes_through_when_the_profile_is_refused() -> None:
    desk = Desk(account(), answering(profile_import=refuse(400, "/data/attributes/email")))
    [outcome] = desk.send(profiles, customer("73160"))
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.message, outcome.request_id) == ("invalid", "email: refused as invalid", "e0")
    assert desk.calls() == [LOOK, IMPORT, UNSUBSCRIBE]
    assert "seen" not in desk.profile("au/zoe.dangelo@customer.example")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, Misconfigured), (403, Misconfigured), (410, Misconfigured), (503, RetryLater), (0, RetryLater)],
)
def test_trouble_that_is_no_rows_fault_rejects_nothing(status: int, kind: type) -> None:
    for endpoint in ("profiles", "profile_import", "list_members", "subscribe"):
        desk = Desk(account(), answering(**{endpoint: refuse(status)}))
        [outcome] = desk.send(profiles, customer("73152"))
        assert isinstance(outcome, kind)
        assert desk.memory == {}


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'{"status": "ok"}', b'{"data": null}'])
def test_an_answer_that_lists_nobody_because_it_is_no_list_subscribes_nobody(body: bytes) -> None:
    """Klaviyo may know this address as unsubscribed: the row goes when it can be read."""
    desk = Desk(account(), answering(profiles=Response(200, body)))
    assert [type(outcome) for outcome in desk.send(profiles, customer("73152"))] == [RetryLater]
    assert (desk.calls(), desk.memory) == ([LOOK], {})


def test_an_unknown_list_is_a_matter_of_settings() -> None:
    desk = Desk(account(), answering(list_members=Response(404)))
    assert isinstance(desk.send(profiles, customer("73152"))[0], Misconfigured)
    desk = Desk(account(), answering(import_job_create=refuse(400, "/data/relationships/lists")))
    assert {type(outcome) for outcome in desk.send(profiles, *people(6))} == {Misconfigured}


def test_a_bad_row_in_a_job_stops_only_itself() -> None:
    def answer(request: Request) -> Response:
        rows = request.body["data"]["attributes"]["profiles"]["data"] if request.endpoint == "import-job-create" else []
        emails = [row["attributes"]["email"] for row in rows]
        if "p3@customer.example" in emails:
            return refuse(400, f"/data/attributes/profiles/data/{emails.index('p3@customer.example')}/attributes/email")
        return pretend(request)

    desk = Desk(account(), answer)
    outcomes = desk.send(profiles, *people(8))
    assert [type(outcome) for outcome in outcomes] == [Delivered] * 3 + [Rejected] + [Delivered] * 4
    assert desk.jobs == ["PREVIEW,"]  # not all rows are in jobs: an heir has to send them again


def test_an_address_that_klaviyo_does_not_look_for_stops_only_its_own_row() -> None:
    def answer(request: Request) -> Response:
        asked = dict(request.query)["filter"] if request.endpoint == "profiles" else ""
        return refuse(400) if "p3@customer.example" in asked else pretend(request)

    desk = Desk(account(), answer)
    outcomes = desk.send(profiles, *people(8))
    assert [type(outcome) for outcome in outcomes] == [Delivered] * 3 + [Rejected] + [Delivered] * 4


def test_a_question_after_many_long_addresses_still_fits_into_a_url() -> None:
    desk = Desk(account())
    rows = [customer("80117", f"{n:064d}@{'wattle' * 3}.customer.example", person_id=str(n)) for n in range(100)]
    assert {type(outcome) for outcome in desk.send(profiles, *rows)} == {Delivered}
    asked = [urlencode(request.query) for request in desk.asked if request.endpoint == "profiles"]
    assert [len(text) < 8_000 for text in asked] == [True, True]
    assert sum(text.count("wattle" * 3) for text in asked) == len(rows)
    short = Desk(account())
    short.send(profiles, *people(100))
    assert short.calls().count(LOOK) == 1


def test_what_a_job_could_not_take_is_told_row_by_row() -> None:
    errors = {"data": [import_error("p1@customer.example", "invalid", "/data/attributes/first_name"),
                       import_error("p2@customer.example", "duplicate_profile", "/data/attributes")]}  # fmt: skip
    done = job_ended(failed=2)
    desk = Desk(account(), answering(import_job=done, import_errors=Response(200, orjson.dumps(errors))))
    outcomes = desk.send(profiles, *people(5))
    assert [type(outcome) for outcome in outcomes] == [Delivered, Rejected, Rejected, Delivered, Delivered]
    mobile = [customer("73152", f"p{n}@customer.example", person_id=str(n)) for n in range(5)]
    well = pretend(Request("GET", "/api/profile-bulk-import-jobs/PREVIEW", "import-job"))
    desk = Desk(account(), answering(import_job=[well, done], import_errors=Response(200, orjson.dumps(errors))))
    outcomes = desk.send(profiles, *mobile)
    assert [type(outcome) for outcome in outcomes] == [Delivered, Rejected, Delivered, Delivered, Delivered]
    assert isinstance(outcomes[2], Delivered)
    assert "without" in outcomes[2].note


@pytest.mark.parametrize("pointer", ["", "/data/attributes", "/data/attributes/phone_number"])
def test_a_job_that_does_not_say_what_is_wrong_is_taken_to_mean_the_number(pointer: str) -> None:
    errors = {"data": [import_error("p1@customer.example", "invalid", pointer)]}
    done, well = job_ended(failed=1), job_ended(failed=0)
    desk = Desk(account(), answering(import_job=[well, done], import_errors=Response(200, orjson.dumps(errors))))
    outcomes = desk.send(profiles, *(customer("73152", f"p{n}@customer.example", person_id=str(n)) for n in range(5)))
    assert {type(outcome) for outcome in outcomes} == {Delivered}
    assert isinstance(outcomes[1], Delivered)
    assert "without" in outcomes[1].note


def job_ended(failed: int) -> Response:
    attributes = {"status": "complete", "failed_count": failed}
    return Response(200, orjson.dumps({"data": {"id": "PREVIEW", "attributes": attributes}}))


def import_error(email: str, code: str, pointer: str) -> Json:
    attributes = {"code": code, "source": {"pointer": pointer}, "original_payload": {"email": email}}
    return {"type": "import-error", "id": f"error-{email}", "attributes": attributes}


def test_a_job_is_watched_ever_less_often_until_it_ends() -> None:
    running = Response(200, orjson.dumps({"data": {"id": "PREVIEW", "attributes": {"status": "processing"}}}))
    desk = Desk(account(), answering(import_job=[running] * 12))
    assert {type(outcome) for outcome in desk.send(profiles, *people(5))} == {Delivered}
    assert desk.naps[:4] == [0.5, 0.75, 1.125, 1.6875]
    assert desk.naps[10:12] == [0.5 * 1.5**10, 30.0]
    assert desk.jobs == ["PREVIEW"]


def test_a_job_that_never_ends_is_given_up_and_told() -> None:
    running = Response(200, orjson.dumps({"data": {"id": "PREVIEW", "attributes": {"status": "processing"}}}))
    desk = Desk(account(), answering(import_job=running))
    outcomes = desk.send(profiles, *people(5))
    assert {type(outcome) for outcome in outcomes} == {RetryLater}
    assert 3600 <= sum(desk.naps) < 3700


def test_a_job_klaviyo_forgot_is_sent_anew() -> None:
    desk = Desk(account(), answering(import_job=Response(404)))
    assert {type(outcome) for outcome in desk.send(profiles, *people(5))} == {RetryLater}
    heir = Desk(account(), answering(import_job=[Response(404)]))
    assert {type(outcome) for outcome in heir.send(profiles, *carried(people(5), "GONE"))} == {Delivered}
    assert JOBS in heir.calls()


def carried(things: Sequence[Thing], job: str) -> list[Thing]:
    return [Thing(one.key, one.topic, one.record, one.content, one.order, one.object, job=job) for one in things]


def test_an_heir_sends_what_stood_beside_the_jobs_of_a_plan() -> None:
    """A row of the bulk folder and a daily one in one lane are no part of the plan's import job."""
    desk, several = Desk(account()), [customer("80117", bulk=True), customer("80117", last_updated=later(2))]
    desk.send(profiles, *people(5), several)
    [job] = desk.jobs
    for rows in (several, several[:1]):  # as many of the lane's rows as the heir has read when it begins
        heir = Desk(account())
        heir.send(profiles, carried(rows, job))
        assert IMPORT in heir.calls()


def test_an_heir_sends_what_could_not_be_looked_for_when_the_job_went() -> None:
    desk = Desk(account(), answering(profiles=[known(), refuse(503)]))
    outcomes = desk.send(profiles, *people(150))  # two questions: the second is not answered
    assert {type(outcome) for outcome in outcomes[:100]} == {Delivered}
    assert {type(outcome) for outcome in outcomes[100:]} == {RetryLater}
    assert desk.jobs == ["PREVIEW,"]


def test_an_heir_does_not_take_for_written_what_a_bulk_row_left_alone() -> None:
    rows = [customer("80117", f"p{n}@customer.example", person_id=str(n), bulk=True) for n in range(5)]
    desk = Desk(account(), answering(profiles=known(standing("p0@customer.example"))))
    assert desk.send(profiles, *rows)[0] == Skipped("bulk_existing")
    assert desk.jobs == ["PREVIEW,"]


@pytest.mark.parametrize("body", [b"", b"null", b'"ok"'])
def test_what_a_job_refused_is_not_taken_as_delivered_where_it_cannot_be_read(body: bytes) -> None:
    desk = Desk(account(), answering(import_job=job_ended(failed=1), import_errors=Response(200, body)))
    assert {getattr(outcome, "reason", "") for outcome in desk.send(profiles, *people(5))} == {UNREAD.reason}


def test_an_heir_watches_the_job_and_sends_nothing_again() -> None:
    desk = Desk(account())
    assert {type(outcome) for outcome in desk.send(profiles, *carried(people(5), "A,B"))} == {Delivered}
    calls = desk.calls()
    assert JOBS not in calls
    assert IMPORT not in calls
    assert {"GET /api/profile-bulk-import-jobs/A", "GET /api/profile-bulk-import-jobs/B"} <= set(calls)


def test_an_heir_of_jobs_that_carry_a_part_waits_and_sends_all() -> None:
    desk = Desk(account())
    desk.send(profiles, *carried(people(5), "A,"))
    calls = desk.calls()
    assert calls.index("GET /api/profile-bulk-import-jobs") < calls.index(JOBS)


@pytest.mark.parametrize("count", [2, 5])
def test_an_heir_sends_whom_klaviyo_does_not_know_without_a_number_first(count: int) -> None:
    """The job that the former owner began carried others: Klaviyo takes an unknown address with a known number for a
    new address of that number's owner."""
    rows = [customer("73152", f"p{n}@customer.example", person_id=str(n)) for n in range(count)]
    desk = Desk(account())
    assert {type(outcome) for outcome in desk.send(profiles, *carried(rows, "A,"))} == {Delivered}
    sent = [one["attributes"] for request in desk.asked for one in imported(request)]
    assert ["phone_number" in one for one in sent] == [False] * count + [True] * count


def imported(request: Request) -> list[Json]:
    """The profiles in a request that writes some."""
    if request.endpoint == "import-job-create":
        return list(request.body["data"]["attributes"]["profiles"]["data"])
    return [request.body["data"]] if request.endpoint == "profile-import" else []


@pytest.mark.parametrize("status", [0, 408, 503])
def test_a_job_that_may_or_may_not_have_been_taken_is_waited_for_before_it_is_repeated(status: int) -> None:
    young = {"data": [{"id": "X", "attributes": {"created_at": "2025-04-19T23:59:00+00:00", "status": "queued"}}]}
    listed = [Response(200, orjson.dumps(young)), Response(200, orjson.dumps({"data": []}))]
    desk = Desk(account(), answering(import_job_create=Response(status), import_jobs=listed))
    assert {type(outcome) for outcome in desk.send(profiles, *people(5))} == {RetryLater}
    assert desk.calls().count("GET /api/profile-bulk-import-jobs") == 2


def test_a_takeover_waits_for_young_jobs_only() -> None:
    def jobs(created: str) -> Response:
        return Response(200, orjson.dumps({"data": [{"id": "X", "attributes": {"created_at": created}}]}))

    desk = Desk(
        account(), answering(import_jobs=[jobs("2025-04-19T23:30:00+00:00"), jobs("2025-04-19T22:30:00+00:00")])
    )
    desk.run(takeover(desk.account))
    assert len(desk.naps) == 1


def test_lists_by_store_travel_in_jobs_of_their_own() -> None:
    desk = Desk(account(lists={"RUNDLE": "Xy12Ab"}))
    stores = ["RUNDLE", "DONCASTER", "RUNDLE", "DONCASTER", "NOWHERE"]
    rows = [customer("80117", f"p{n}@customer.example", joined_store_code=store) for n, store in enumerate(stores)]
    desk.send(profiles, *rows)
    made = [request.body["data"] for request in desk.asked if request.endpoint == "import-job-create"]
    sizes = {job["relationships"]["lists"]["data"][0]["id"]: len(job["attributes"]["profiles"]["data"]) for job in made}
    assert sizes == {"Xy12Ab": 2, "Y6nRLr": 3}


def test_sms_that_is_refused_does_not_stop_consent_by_mail() -> None:
    def answer(request: Request) -> Response:
        if request.endpoint == "subscribe" and b"sms" in orjson.dumps(request.body):
            return refuse(400, "/data/attributes/profiles/data/0/attributes/phone_number")
        return pretend(request)

    desk = Desk(account(), answer)
    [outcome] = desk.send(profiles, customer("73152"))
    assert isinstance(outcome, Delivered)
    assert outcome.note == "SMS consent was refused; e-mail went alone"
    assert desk.calls()[-2:] == [SUBSCRIBE, SUBSCRIBE]


@pytest.mark.parametrize(("number", "kind"), [("0491 570 006", Delivered), ("+61491570006", Rejected)])
def test_a_number_that_klaviyo_refuses_keeps_no_address_from_being_opted_out(number: str, kind: type) -> None:
    """It stands on the profile, and the till has none. What is no number in Klaviyo's form gets no SMS anyway."""

    def answer(request: Request) -> Response:
        if request.endpoint == "unsubscribe" and number.encode() in orjson.dumps(request.body):
            return refuse(400, "/data/attributes/profiles/data/0/attributes/phone_number")
        there = standing(PRIYA.partition("/")[2], phone_number=number)
        return known(there) if request.endpoint == "profiles" else pretend(request)

    desk = Desk(account(), answer)
    [outcome] = desk.send(profiles, customer("73152", mobile="", privacy=True))
    assert isinstance(outcome, kind)
    [last] = desk.asked[-1].body["data"]["attributes"]["profiles"]["data"]
    assert last["attributes"]["subscriptions"] == {"email": {"marketing": {"consent": "UNSUBSCRIBED"}}}
    assert desk.profile(PRIYA)["consent"]["email"]["did"][0] is False


def test_a_profile_that_is_too_large_is_told_and_not_sent() -> None:
    [outcome] = Desk(account()).send(profiles, customer("73152", adrs1="x" * 96_000))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "too_large"
    [in_heirs_hands] = Desk(account()).send(profiles, *carried([customer("73152", adrs1="x" * 96_000)], "A"))
    assert isinstance(in_heirs_hands, Rejected)  # it was in no job


def test_memory_stays_small_at_an_address_of_hundreds() -> None:
    desk = Desk(account())
    for number in range(60):
        desk.send(
            profiles,
            customer(
                "80117", "shop@wattle.example", person_id=str(number), last_updated=later(1) + timedelta(hours=number)
            ),
        )
    assert len(desk.memory["au/shop@wattle.example#profile"]) < 8_000


def test_no_message_holds_personal_data() -> None:
    told: Mapping[str, str] = {}
    desk = Desk(account(), answering(profile_import=refuse(400, "/data/attributes/email")))
    [outcome] = desk.send(profiles, customer("73160"))
    assert isinstance(outcome, Rejected)
    told = {"message": outcome.message, "request": outcome.request_id}
    assert not re.search("zoe|dangelo|491", str(told), re.IGNORECASE)


def test_numbers_follow_in_a_second_job_and_only_then_an_heir_may_rely_on_both() -> None:
    desk = Desk(account())
    rows = [customer("73152", f"p{n}@customer.example", person_id=str(n)) for n in range(5)]
    assert {type(outcome) for outcome in desk.send(profiles, *rows)} == {Delivered}
    assert desk.jobs == ["PREVIEW,", "PREVIEW,PREVIEW"]


def test_who_was_made_by_a_worker_that_did_not_live_to_remember_it_still_joins_the_list() -> None:
    made = standing(
        PRIYA.partition("/")[2], created="2025-04-19T23:59:00+00:00", properties={"AP21 Person ID": "73152"}
    )
    desk = Desk(account(), answering(profiles=known(made)))
    desk.send(profiles, customer("73152"))
    assert JOIN in desk.calls()
