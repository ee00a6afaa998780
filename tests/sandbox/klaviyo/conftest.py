"""A client that speaks as Klaviyo wants it, and holds every answer against the contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.klaviyo.server import KlaviyoServer
from tests.sandbox.klaviyo.contract import Contract, open_contract

HEADERS = {
    "Authorization": "Klaviyo-API-Key pk_made_up",
    "revision": "2026-07-15",
    "Content-Type": "application/vnd.api+json",
    "Accept": "application/vnd.api+json",
}


class Api:
    """One HTTP client of a sandbox; answers that break the contract raise."""

    def __init__(self, url: str, contract: Contract) -> None:
        self.client = httpx.Client(base_url=url, headers=HEADERS, trust_env=False, timeout=60)
        self._contract = contract

    def get(self, path: str, query: dict[str, str] | None = None) -> httpx.Response:
        """GET with a query."""
        return self._checked("GET", path, params=query)

    def post(self, path: str, body: Any, method: str = "POST") -> httpx.Response:
        """POST or another method with a JSON body."""
        return self._checked(method, path, json=body)

    def upsert(self, data: Any = None, **attributes: Any) -> httpx.Response:
        """POST /api/profile-import with these attributes."""
        return self.post("/api/profile-import", {"data": {"type": "profile", "attributes": attributes, **(data or {})}})

    def load(self, *profiles: dict[str, Any], lists: tuple[str, ...] = ()) -> httpx.Response:
        """POST /api/profile-bulk-import-jobs with profiles of these attributes."""
        rows = [{"type": "profile", "attributes": attributes} for attributes in profiles]
        named = {"lists": {"data": [{"type": "list", "id": identity} for identity in lists]}}
        data = {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": rows}}, "relationships": named}
        return self.post("/api/profile-bulk-import-jobs", {"data": data})

    def subscribe(self, *profiles: dict[str, Any], roll: str | None = None, **job: Any) -> httpx.Response:
        """POST /api/profile-subscription-bulk-create-jobs with profiles of these attributes."""
        return self._consent("create", profiles, roll, job)

    def unsubscribe(self, *profiles: dict[str, Any], roll: str | None = None) -> httpx.Response:
        """POST /api/profile-subscription-bulk-delete-jobs with profiles of these attributes."""
        return self._consent("delete", profiles, roll, {})

    def event(self, email: str = "kim@customer.example", **attributes: Any) -> httpx.Response:
        """POST /api/events of the metric In-Store Order unless another is named."""
        return self.post("/api/events", {"data": event(email, **attributes)})

    def events(self, *events: dict[str, Any]) -> httpx.Response:
        """POST /api/event-bulk-create-jobs, each event in a group of its own."""
        groups = []
        for one in events:
            attributes = dict(one["attributes"])
            person = attributes.pop("profile")
            inner = {"data": [{"type": "event", "attributes": attributes}]}
            groups.append({"type": "event-bulk-create", "attributes": {"profile": person, "events": inner}})
        data = {"type": "event-bulk-create-job", "attributes": {"events-bulk-create": {"data": groups}}}
        return self.post("/api/event-bulk-create-jobs", {"data": data})

    def suppress(self, *emails: str, verb: str = "create") -> httpx.Response:
        """POST /api/profile-suppression-bulk-(create|delete)-jobs."""
        rows = [{"type": "profile", "attributes": {"email": email}} for email in emails]
        kind = f"profile-suppression-bulk-{verb}-job"
        return self.post(f"/api/{kind}s", {"data": {"type": kind, "attributes": {"profiles": {"data": rows}}}})

    def _consent(
        self, verb: str, profiles: tuple[dict[str, Any], ...], roll: str | None, job: dict[str, Any]
    ) -> httpx.Response:
        kind = f"profile-subscription-bulk-{verb}-job"
        rows = [{"type": "profile", "attributes": attributes} for attributes in profiles]
        data: dict[str, Any] = {"type": kind, "attributes": {**job, "profiles": {"data": rows}}}
        if roll is not None:
            data["relationships"] = {"list": {"data": {"type": "list", "id": roll}}}
        return self.post(f"/api/{kind}s", {"data": data})

    def _checked(self, method: str, path: str, **options: Any) -> httpx.Response:
        response = self.client.request(method, path, **options)
        self._contract.check(response)
        return response


def event(email: str, metric: str = "In-Store Order", **attributes: Any) -> dict[str, Any]:
    """An event resource of one person."""
    profile = {"data": {"type": "profile", "attributes": {"email": email}}}
    named = {"data": {"type": "metric", "attributes": {"name": metric}}}
    return {"type": "event", "attributes": {"properties": {}, "metric": named, "profile": profile, **attributes}}


def yes(email: str, **entry: Any) -> dict[str, Any]:
    """Attributes of a profile whose e-mail is subscribed."""
    return {"email": email, "subscriptions": {"email": {"marketing": {"consent": "SUBSCRIBED", **entry}}}}


def no(email: str) -> dict[str, Any]:
    """Attributes of a profile whose e-mail is unsubscribed."""
    return {"email": email, "subscriptions": {"email": {"marketing": {"consent": "UNSUBSCRIBED"}}}}


def pointers(response: httpx.Response) -> list[str]:
    """Where the errors of an answer point."""
    return [error["source"].get("pointer", "") for error in response.json()["errors"]]


@pytest.fixture(scope="session")
def contract() -> Contract:
    """Klaviyo's OpenAPI document, if this machine has it."""
    return open_contract()


@pytest.fixture
def api(klaviyo: KlaviyoServer, contract: Contract) -> Iterator[Api]:
    """A client of this test's Klaviyo."""
    client = Api(klaviyo.url, contract)
    yield client
    client.client.close()
