"""The sandbox keeps to Klaviyo's OpenAPI document: limits, scopes and the shape of every answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.klaviyo.routes import ROUTES, Route, find
from sandbox.klaviyo.server import KlaviyoServer
from tests.sandbox.klaviyo.conftest import Api, event, no, yes
from tests.sandbox.klaviyo.contract import MISSING, NAME, Contract, contract_file

KIM, LEE = "kim@customer.example", "lee@customer.example"


def test_a_missing_contract_is_said(contract: Contract, capsys: pytest.CaptureFixture[str]) -> None:
    if not contract.document:
        with capsys.disabled():
            print(f"\n{MISSING}")
    assert "KLAVIYO_CONTRACTS" in MISSING


def test_the_contract_is_looked_for_in_the_named_folder_or_beside_the_checkout(tmp_path: Path) -> None:
    checkout, beside, named = tmp_path / "checkout", tmp_path / "shared" / "contracts", tmp_path / "named"
    assert contract_file({}, checkout) is None
    for folder in (beside, named):
        folder.mkdir(parents=True)
        (folder / NAME).write_text("{}")
    assert contract_file({}, checkout) == beside / NAME
    assert contract_file({"KLAVIYO_CONTRACTS": str(named)}, checkout) == named / NAME


def test_limits_and_scopes_are_those_of_the_contract(contract: Contract) -> None:
    documented = {
        (method.upper(), path): operation
        for path, operations in contract.document.get("paths", {}).items()
        for method, operation in operations.items()
        if isinstance(operation, dict) and "operationId" in operation
    }
    known: dict[str, Route] = {}
    for (method, path), operation in documented.items():
        found = find(method, path.replace("{job_id}", "x").replace("{id}", "x"))
        if found is not None:
            name, route, _ = found
            known[name] = route
            limit = operation["x-klaviyo-ratelimit"]
            assert (f"{route.limit.burst}/s", f"{route.limit.steady}/m") == (limit["burst"], limit["steady"])
            assert sorted(route.scopes) == sorted(operation["x-klaviyo-scopes"])
    assert not documented or len(known) == len(ROUTES)


def test_every_read_answers_in_the_contracts_shape(api: Api, klaviyo: KlaviyoServer) -> None:
    klaviyo.settings(limits=False)
    kim = api.upsert(email=KIM, phone_number="+61491570006", properties={"Tier": "Gold"}).json()["data"]["id"]
    api.subscribe(yes(KIM), roll="Y6nRLr")
    api.unsubscribe(no(KIM))
    api.event(KIM, value=12.5, value_currency="AUD", unique_id="a", properties={"Pieces": 2})
    klaviyo.sabotage(fail_emails=[LEE])
    job = api.load({"email": LEE}, {"email": "amy@customer.example"}, lists=("Y6nRLr",)).json()["data"]["id"]
    suppression = api.suppress(KIM).json()["data"]["id"]
    lifted = api.suppress(KIM, verb="delete").json()["data"]["id"]
    jobs = f"/api/profile-bulk-import-jobs/{job}"
    for path in (
        "/api/accounts",
        "/api/profiles?additional-fields[profile]=subscriptions",
        f"/api/profiles/{kim}?additional-fields[profile]=subscriptions",
        "/api/profile-bulk-import-jobs",
        jobs,
        f"{jobs}/import-errors",
        f"/api/profile-suppression-bulk-create-jobs/{suppression}",
        f"/api/profile-suppression-bulk-delete-jobs/{lifted}",
        "/api/events",
        "/api/lists",
        "/api/lists/Y6nRLr?additional-fields[list]=profile_count",
        "/api/metrics",
    ):
        answer = api.get(path)
        assert (answer.status_code, path) == (200, path)
        assert answer.json()["data"], path


def test_refusals_have_the_contracts_shape(api: Api) -> None:
    missing = [
        api.get("/api/profiles/nobody"),
        api.get("/api/lists/none"),
        api.get("/api/profile-bulk-import-jobs/none"),
    ]
    assert [answer.status_code for answer in missing] == [404] * 3
    bad = [
        api.get("/api/profiles", {"filter": "email is kim"}),
        api.get("/api/profiles", {"filter": "greater-than(shoe_size,9)"}),
        api.get("/api/profiles", {"page[size]": "101"}),
        api.get("/api/metrics", {"page[size]": "10"}),
        api.post("/api/profile-import", []),
        api.post("/api/profile-import", {"data": {"type": "person", "attributes": {}}}),
        api.post("/api/event-bulk-create-jobs", {"data": {"type": "event-bulk-create-job", "attributes": [7]}}),
        api.events({**event(KIM), "attributes": {**event(KIM)["attributes"], "time": "yesterday"}}),
    ]
    assert [answer.status_code for answer in bad] == [400] * 8
