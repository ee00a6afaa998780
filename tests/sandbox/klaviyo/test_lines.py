"""The ten things that the real Klaviyo enforces and its OpenAPI document does not say, one test each."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from sandbox.klaviyo.server import KlaviyoServer
from tests.sandbox.klaviyo.conftest import HEADERS, Api, event, no, pointers, yes

KIM, LEE = "kim@customer.example", "lee@customer.example"
MOBILE = "+61491570006"
IMPORT = "/api/profile-bulk-import-jobs"


def knock(url: str, **changed: str) -> int:
    """The status of an ordinary upsert with some headers changed; an empty text leaves one out."""
    headers = {name: value for name, value in {**HEADERS, **changed}.items() if value}
    body = json.dumps({"data": {"type": "profile", "attributes": {"email": KIM}}})
    return httpx.post(f"{url}/api/profile-import", content=body, headers=headers, trust_env=False).status_code


def test_line_01_scheme_revision_and_content_type_must_be_right(klaviyo: KlaviyoServer) -> None:
    assert knock(klaviyo.url) == 201
    assert knock(klaviyo.url, Authorization="") == 401
    assert knock(klaviyo.url, Authorization="Bearer pk_made_up") == 401
    assert knock(klaviyo.url, revision="") == 400
    assert knock(klaviyo.url, **{"Content-Type": "application/json"}) == 415
    klaviyo.settings(keys=["pk_other"])
    assert knock(klaviyo.url) == 401


def test_line_02_counts_are_limited(api: Api) -> None:
    people = [{"email": f"p{number}@customer.example"} for number in range(10_001)]
    assert api.load(*people[:10_000]).status_code == 202
    assert api.load(*people).status_code == 400
    assert api.subscribe(*(yes(person["email"]) for person in people[:1000])).status_code == 202
    assert api.subscribe(*(yes(person["email"]) for person in people[:1001])).status_code == 400
    assert api.unsubscribe(*(no(person["email"]) for person in people[:100])).status_code == 202
    assert api.unsubscribe(*(no(person["email"]) for person in people[:101])).status_code == 400
    assert api.suppress(*(person["email"] for person in people[:100])).status_code == 202
    assert api.suppress(*(person["email"] for person in people[:101])).status_code == 400


def test_line_02_sizes_are_limited(api: Api) -> None:
    assert api.load({"email": KIM, "properties": {"Note": "x" * 5_000_000}}).status_code == 413
    assert pointers(api.load({"email": LEE}, {"email": KIM, "properties": {"Note": "x" * 100_000}})) == [
        "/data/attributes/profiles/data/1"
    ]
    assert api.upsert(email=KIM, properties={"Note": "x" * 100_000}).status_code == 413
    assert api.event(properties={f"p{number}": 1 for number in range(400)}).status_code == 202
    assert api.event(properties={f"p{number}": 1 for number in range(401)}).status_code == 400
    assert api.events(*(event(KIM, unique_id=str(number)) for number in range(1000))).status_code == 202
    assert api.events(*(event(KIM, unique_id=str(number)) for number in range(1001))).status_code == 400


def test_line_03_one_bad_address_refuses_the_whole_request(api: Api, klaviyo: KlaviyoServer) -> None:
    refused = api.load({"email": KIM}, {"email": "lee@customer"}, {"email": LEE, "phone_number": "0491 570 006"})
    assert refused.status_code == 400
    assert pointers(refused) == [
        "/data/attributes/profiles/data/1/attributes/email",
        "/data/attributes/profiles/data/2/attributes/phone_number",
    ]
    refused = api.subscribe(yes(KIM), {**yes(LEE), "first_name": "Lee"}, yes("nobody"))
    assert pointers(refused) == [
        "/data/attributes/profiles/data/1/attributes/first_name",
        "/data/attributes/profiles/data/2/attributes/email",
    ]
    refused = api.events(event(KIM), event("nobody"))
    assert pointers(refused) == ["/data/attributes/events-bulk-create/data/1/attributes/profile/data/attributes/email"]
    assert (klaviyo.profiles(), klaviyo.events()) == ([], [])


def test_line_04_two_profiles_are_a_conflict_that_names_the_other(api: Api, klaviyo: KlaviyoServer) -> None:
    kim = api.upsert(email=KIM).json()["data"]["id"]
    lee = api.upsert(email=LEE, phone_number=MOBILE).json()["data"]["id"]
    conflict = api.upsert(email=KIM, phone_number=MOBILE)
    assert conflict.status_code == 409
    (error,) = conflict.json()["errors"]
    assert (error["code"], error["meta"]) == ("duplicate_profile", {"duplicate_profile_id": lee})
    change = {"data": {"type": "profile", "id": kim, "attributes": {"email": LEE}}}
    assert api.post(f"/api/profiles/{kim}", change, "PATCH").json()["errors"][0]["meta"] == {
        "duplicate_profile_id": lee
    }
    assert "phone_number" not in klaviyo.profile(KIM)["attributes"]


def test_line_05_windows_are_fixed_and_only_success_tells_what_is_left(api: Api, klaviyo: KlaviyoServer) -> None:
    first = api.get("/api/accounts")
    assert (first.headers["ratelimit-limit"], first.headers["ratelimit-remaining"]) == ("15", "14")
    assert 1 <= int(first.headers["ratelimit-reset"]) <= 60
    refused: list[httpx.Response] = []
    while len(refused) < 2:  # one a second is not
        answer = api.get("/api/accounts")
        refused += [answer] if answer.status_code == 429 else []
    assert all(answer.headers["retry-after"] == "1" for answer in refused)
    assert not any(name.startswith("ratelimit") for answer in refused for name in answer.headers)
    assert api.get("/api/lists").status_code == 200
    assert klaviyo.counts()["throttled"] == len(refused)
    klaviyo.settings(limits=False)
    assert {api.get("/api/accounts").status_code for _ in range(20)} == {200}


def test_line_06_only_imports_and_suppressions_have_a_job(api: Api) -> None:
    api.upsert(email=KIM)
    gone = {"type": "profile", "attributes": {"email": KIM}}
    erase = {"data": {"type": "data-privacy-deletion-job", "attributes": {"profile": {"data": gone}}}}
    silent = [
        api.event(),
        api.events(event(KIM)),
        api.subscribe(yes(KIM)),
        api.unsubscribe(no(KIM)),
        api.post("/api/data-privacy-deletion-jobs", erase),
    ]
    assert [(answer.status_code, answer.content) for answer in silent] == [(202, b"")] * 5
    for answer in (api.load({"email": KIM}), api.suppress(KIM)):
        data = answer.json()["data"]
        assert answer.status_code == 202
        assert api.get(f"/api/{data['type']}s/{data['id']}").json()["data"]["attributes"]["status"] == "complete"


def test_line_07_import_jobs_run_their_course_and_fail_late(api: Api, klaviyo: KlaviyoServer) -> None:
    api.upsert(email=KIM)
    api.upsert(email=LEE, phone_number=MOBILE)
    klaviyo.settings(job_time=600)
    job = api.load({"email": KIM, "phone_number": MOBILE}, {"email": LEE, "first_name": "Lee"}).json()["data"]
    seen = [job["attributes"]["status"], status(api, job["id"])]
    for _ in range(3):
        klaviyo.advance(300)
        seen.append(status(api, job["id"]))
    assert seen[0] == "queued"
    assert [state for state in ("queued", "processing", "complete") if state in seen] == list(dict.fromkeys(seen))
    assert seen[-1] == "complete"
    done = api.get(f"{IMPORT}/{job['id']}").json()["data"]["attributes"]
    assert (done["total_count"], done["completed_count"], done["failed_count"]) == (2, 1, 1)
    (error,) = api.get(f"{IMPORT}/{job['id']}/import-errors").json()["data"]
    assert error["attributes"]["original_payload"] == {"email": KIM, "phone_number": MOBILE}
    assert error["attributes"]["code"] == "duplicate_profile"


def test_line_07_a_later_job_may_end_first(api: Api, klaviyo: KlaviyoServer) -> None:
    klaviyo.settings(job_time=600)
    jobs = [api.load({"email": KIM, "first_name": f"Kim {number}"}).json()["data"]["id"] for number in range(8)]
    klaviyo.advance(1000)
    ends = [api.get(f"{IMPORT}/{job}").json()["data"]["attributes"]["completed_at"] for job in jobs]
    assert klaviyo.profile(KIM)["attributes"]["first_name"] != "Kim 7"
    assert all(ends)


def test_line_08_a_unique_id_counts_once_per_person_and_metric(api: Api, klaviyo: KlaviyoServer) -> None:
    for _ in range(2):
        api.event(KIM, unique_id="ap21-au-913748", value=194.9)
    api.event(KIM, unique_id="ap21-au-913748", metric="In-Store Refund")
    api.event(LEE, unique_id="ap21-au-913748")
    api.events(event(KIM, unique_id="ap21-au-913748"), event(KIM, unique_id="ap21-au-913749"))
    assert len(klaviyo.events()) == 4
    assert klaviyo.counts()["tallies"]["duplicate_events"] == 2
    assert api.events(event(KIM, unique_id="twice"), event(KIM, unique_id="twice")).status_code == 400


def test_line_08_test_domains_and_empty_properties_are_dropped(api: Api, klaviyo: KlaviyoServer) -> None:
    assert api.event("kim@example.com").status_code == 202
    api.event(KIM, properties={"Discount": 0, "Note": "", "Staff": None, "Gift": False, "Pieces": 2})
    (kept,) = klaviyo.events()
    assert kept["properties"] == {"Gift": False, "Pieces": 2}
    assert klaviyo.counts()["tallies"] == {"events_of_test_domains": 1}


def test_line_09_null_clears_one_by_one_and_is_passed_over_in_bulk(api: Api, klaviyo: KlaviyoServer) -> None:
    full: dict[str, Any] = {
        "email": KIM,
        "first_name": "Kim",
        "location": {"city": "Kew"},
        "properties": {"Tier": "Gold"},
    }
    nulls: dict[str, Any] = {"email": KIM, "first_name": None, "location": {"city": None}, "properties": {"Tier": None}}
    api.upsert(**full)
    api.load(nulls)
    kept = klaviyo.profile(KIM)
    assert (kept["attributes"]["first_name"], kept["location"], kept["properties"]) == (
        "Kim",
        {"city": "Kew"},
        {"Tier": "Gold"},
    )
    api.upsert(**nulls)
    cleared = klaviyo.profile(KIM)
    assert (cleared["attributes"], cleared["location"], cleared["properties"]) == ({"email": KIM}, {}, {})


def test_line_10_subscribing_lifts_what_people_said_and_keeps_what_bounced(api: Api, klaviyo: KlaviyoServer) -> None:
    past = "2026-01-01T00:00:00Z"
    reasons = ("UNSUBSCRIBE", "SPAM_COMPLAINT", "USER_SUPPRESSED", "HARD_BOUNCE", "INVALID_EMAIL")
    klaviyo.seed(
        attributes={"email": KIM},
        consents={"email": {"state": "UNSUBSCRIBED", "at": past}},
        suppressions=dict.fromkeys(reasons, past),
    )
    assert api.subscribe(yes(KIM), roll="Y6nRLr").status_code == 202
    kim = klaviyo.profile(KIM)
    assert kim["consents"]["email"]["state"] == "SUBSCRIBED"
    assert sorted(kim["suppressions"]) == ["HARD_BOUNCE", "INVALID_EMAIL"]
    assert kim["lists"] == ["Y6nRLr"]


def test_line_10_a_second_subscribe_within_thirty_minutes_is_ignored(api: Api, klaviyo: KlaviyoServer) -> None:
    api.subscribe(yes(KIM))
    api.unsubscribe(no(KIM))
    api.subscribe(yes(KIM))
    assert klaviyo.profile(KIM)["consents"]["email"]["state"] == "UNSUBSCRIBED"
    klaviyo.advance(30 * 60)
    api.subscribe(yes(KIM))
    assert klaviyo.profile(KIM)["consents"]["email"]["state"] == "SUBSCRIBED"
    assert klaviyo.counts()["tallies"]["subscribes_too_soon"] == 1


@pytest.mark.parametrize(
    ("historical", "consented_at", "status"),
    [
        (True, "2025-08-14T02:31:00Z", 202),
        (True, None, 400),
        (True, "2099-01-01T00:00:00Z", 400),
        (False, None, 202),
        (False, "2025-08-14T02:31:00Z", 400),
    ],
)
def test_line_10_consented_at_belongs_to_historical_imports_and_to_the_past(
    api: Api, *, historical: bool, consented_at: str | None, status: int
) -> None:
    entry = {"consented_at": consented_at} if consented_at else {}
    job: dict[str, Any] = {"historical_import": True} if historical else {}
    assert api.subscribe(yes(KIM, **entry), **job).status_code == status


def status(api: Api, job: str) -> str:
    """Where an import job is."""
    found: str = api.get(f"{IMPORT}/{job}").json()["data"]["attributes"]["status"]
    return found
