"""Faults come when they are ordered, where they are ordered, and go away."""

from __future__ import annotations

import httpx
import pytest

from sandbox.klaviyo.server import KlaviyoServer
from tests.sandbox.klaviyo.conftest import HEADERS, Api

KIM = "kim@customer.example"


def test_the_next_two_requests_of_one_endpoint_fail(api: Api, klaviyo: KlaviyoServer) -> None:
    klaviyo.fault(status=503, endpoint="POST /api/profile-import", times=2)
    assert api.get("/api/lists").status_code == 200
    assert [api.upsert(email=KIM).status_code for _ in range(3)] == [503, 503, 201]


def test_a_fault_may_last_for_a_time(api: Api, klaviyo: KlaviyoServer) -> None:
    klaviyo.fault(status=500, for_seconds=600)
    assert api.upsert(email=KIM).status_code == 500
    klaviyo.advance(601)
    assert api.upsert(email=KIM).status_code == 201


def test_orders_can_be_taken_back(api: Api, klaviyo: KlaviyoServer) -> None:
    klaviyo.fault(status=401)
    assert api.get("/api/lists").status_code == 401
    klaviyo.no_faults()
    assert api.get("/api/lists").status_code == 200


@pytest.mark.parametrize("text", ["7", "Fri, 31 Dec 2027 23:59:59 GMT", "86400", "soon"])
def test_retry_after_may_say_anything(api: Api, klaviyo: KlaviyoServer, text: str) -> None:
    klaviyo.fault(status=429, retry_after=text, times=1)
    assert api.get("/api/lists").headers["retry-after"] == text


def test_a_body_of_ones_own_with_any_status(klaviyo: KlaviyoServer) -> None:
    klaviyo.fault(status=200, body={"errors": [{"detail": "not really"}]}, times=1)
    answer = httpx.get(f"{klaviyo.url}/api/lists", headers=HEADERS, trust_env=False)
    assert (answer.status_code, answer.json()) == (200, {"errors": [{"detail": "not really"}]})


@pytest.mark.parametrize("kind", ["reset", "cut"])
def test_the_connection_breaks(klaviyo: KlaviyoServer, kind: str) -> None:
    klaviyo.fault(kind=kind, times=1)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{klaviyo.url}/api/lists", headers=HEADERS, trust_env=False)
    assert klaviyo.requests()[-1]["status"] == 0


@pytest.mark.parametrize("kind", ["hang", "slow"])
def test_only_the_clients_patience_ends_it(klaviyo: KlaviyoServer, kind: str) -> None:
    klaviyo.fault(kind=kind, times=1)
    with (
        httpx.Client(trust_env=False) as client,
        pytest.raises((httpx.ReadTimeout, TimeoutError)),
        client.stream("GET", f"{klaviyo.url}/api/lists", headers=HEADERS, timeout=0.3) as answer,
    ):
        answer.read()


def test_the_work_may_be_done_and_the_answer_lost(klaviyo: KlaviyoServer, api: Api) -> None:
    klaviyo.fault(kind="reset", done=True, times=1)
    with pytest.raises(httpx.TransportError):
        api.upsert(email=KIM)
    assert klaviyo.profile(KIM)["email"] == KIM


def test_a_stopped_server_refuses_and_comes_back_with_its_account(klaviyo: KlaviyoServer, api: Api) -> None:
    api.upsert(email=KIM)
    klaviyo.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{klaviyo.url}/api/lists", trust_env=False)
    klaviyo.resume()
    assert klaviyo.profile(KIM)["email"] == KIM


def test_jobs_can_fail_late_never_end_or_be_forgotten(klaviyo: KlaviyoServer, api: Api) -> None:
    klaviyo.sabotage(fail_rows=3)
    path = "/api/profile-bulk-import-jobs"
    people = [{"email": f"p{number}@customer.example"} for number in range(5)]
    failed = api.get(f"{path}/{api.load(*people).json()['data']['id']}").json()["data"]["attributes"]
    assert (failed["completed_count"], failed["failed_count"]) == (2, 3)
    klaviyo.sabotage(never_end=1, forget=0)
    stuck = api.load(*people).json()["data"]["id"]
    assert api.get(f"{path}/{stuck}").json()["data"]["attributes"]["status"] == "processing"
    assert [job["id"] for job in api.get(path, {"filter": 'equals(status,"processing")'}).json()["data"]] == [stuck]
    klaviyo.sabotage(forget=1)
    assert api.get(f"{path}/{api.load(*people).json()['data']['id']}").status_code == 404


def test_a_missing_scope_is_a_403(klaviyo: KlaviyoServer, api: Api) -> None:
    klaviyo.settings(scopes=["profiles:write"])
    assert api.upsert(email=KIM).status_code == 201
    assert api.load({"email": KIM}).status_code == 403


def test_a_retired_revision_is_served_unless_the_client_wants_to_know(klaviyo: KlaviyoServer) -> None:
    old = {**HEADERS, "revision": "2023-01-24"}
    assert httpx.get(f"{klaviyo.url}/api/lists", headers=old, trust_env=False).status_code == 200
    strict = {**old, "X-Klaviyo-Revision-Fall-Forward-Opt-Out": "1"}
    assert httpx.get(f"{klaviyo.url}/api/lists", headers=strict, trust_env=False).status_code == 410


def test_unknown_paths_and_methods(klaviyo: KlaviyoServer) -> None:
    assert httpx.get(f"{klaviyo.url}/api/orders", headers=HEADERS, trust_env=False).status_code == 404
    assert httpx.get(f"{klaviyo.url}/api/profile-import", headers=HEADERS, trust_env=False).status_code == 405


def test_the_log_knows_every_request(klaviyo: KlaviyoServer, api: Api) -> None:
    api.upsert(email=KIM)
    api.get("/api/profiles", {"page[size]": "5"})
    first, second = klaviyo.requests()
    assert (first["method"], first["path"], first["status"]) == ("POST", "/api/profile-import", 201)
    assert KIM in first["body"]
    assert (second["endpoint"], second["path"]) == ("GET /api/profiles", "/api/profiles?page%5Bsize%5D=5")
    assert klaviyo.counts()["endpoints"] == {"POST /api/profile-import": {"201": 1}, "GET /api/profiles": {"200": 1}}
    klaviyo.reset()
    assert (klaviyo.requests(), klaviyo.profiles()) == ([], [])
