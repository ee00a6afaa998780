"""Is the account as we need it? Questions of `tillstream check`, and the answers that `tillstream preview` makes up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

import orjson

from consumers.engine.outcome import why
from consumers.engine.sink import Account, Finding
from consumers.engine.wire import Json, Plan, Request, Response, ask, ask_all, under
from consumers.klaviyo.errors import WRITING, judge, listed
from consumers.klaviyo.settings import KlaviyoSettings

PREVIEW_ID = "PREVIEW"


def check(account: Account) -> Plan[Sequence[Finding]]:
    """Key, lists and scopes, as far as reading shows them."""
    settings: KlaviyoSettings = account.settings
    answer = yield from ask(Request("GET", "/api/accounts", "accounts"))
    found = [_account(answer)]
    if answer.status in (400, 401, 404) or (answer.ok and not found[0].well):
        return found
    lists = settings.every_list
    answers = yield from ask_all([Request("GET", f"/api/lists/{quote(name, safe='')}", "list") for name in lists])
    found += [_list(name, one) for name, one in zip(lists, answers, strict=True)]
    profiles = yield from ask(
        Request(
            "GET",
            "/api/profiles",
            "profiles",
            query=(("page[size]", "1"), ("additional-fields[profile]", "subscriptions")),
        )
    )
    found.append(_readable("profiles and their consent", "profiles:read, subscriptions:read", profiles))
    metrics = yield from ask(Request("GET", "/api/metrics", "metrics"))
    found.append(_metrics(settings, metrics))
    return [*found, Finding("write scopes", True, f"seen at first use; the key needs {WRITING}")]


def _account(answer: Response) -> Finding:
    accounts = listed(answer)
    if answer.status == 404 or (answer.ok and not accounts):
        return Finding("private key", False, "Klaviyo's API is not at this address: look at url")
    if not accounts:
        return _readable("private key", "accounts:read", answer)
    told = under(accounts[0], "attributes")
    return Finding(
        "private key",
        True,
        f"account {accounts[0].get('id')}, {told.get('timezone')}, {told.get('preferred_currency')}",
    )


def _list(name: str, answer: Response) -> Finding:
    if answer.ok:
        attributes = under(answer.json(), "data", "attributes")
        return Finding(
            f"list {name}",
            True,
            f"{attributes.get('name')}, {attributes.get('opt_in_process') or 'opt-in process not said'}",
        )
    if answer.status in (400, 404):
        return Finding(f"list {name}", False, "there is no such list; take its id from the list's settings in Klaviyo")
    return _readable(f"list {name}", "lists:read", answer)


def _readable(what: str, scopes: str, answer: Response) -> Finding:
    if answer.ok:
        return Finding(what, True, "readable")
    if answer.status == 403:
        return Finding(what, False, f"the private key lacks a scope: give it {scopes}")
    if answer.status in (400, 401):
        return Finding(
            what,
            False,
            "Klaviyo does not know this private key: make one under Settings > API keys, and set private_key",
        )
    return Finding(what, False, why(judge(answer)))


def _metrics(settings: KlaviyoSettings, answer: Response) -> Finding:
    if not answer.ok:
        return _readable("metrics", "metrics:read", answer)
    names = {str(under(one, "attributes").get("name")) for one in listed(answer) or ()}
    wanted = [str(name) for name in settings.metrics.model_dump().values()]
    missing = [name for name in wanted if name not in names]
    return Finding(
        "metrics",
        True,
        f"{', '.join(missing)}: made by the first event" if missing else f"{', '.join(wanted)} are there",
    )


def pretend(request: Request) -> Response:
    """A Klaviyo that knows nobody and takes everything."""
    status, body = _answer(f"{request.method} {request.path}")
    return Response(status, orjson.dumps(body) if body is not None else b"")


def _answer(call: str) -> tuple[int, Json]:
    for pattern, status, body in _ANSWERS:
        if re.fullmatch(pattern, call):
            return status, body
    return 202, None


_JOB = {"type": "profile-bulk-import-job", "id": PREVIEW_ID}
_DONE = {**_JOB, "attributes": {"status": "complete", "failed_count": 0}}
_ANSWERS: tuple[tuple[str, int, Json], ...] = (
    ("POST /api/profile-import", 201, {"data": {"type": "profile", "id": PREVIEW_ID}}),
    ("PATCH /api/profiles/.+", 200, {"data": {"type": "profile", "id": PREVIEW_ID}}),
    ("POST /api/profile-bulk-import-jobs", 202, {"data": {**_JOB, "attributes": {"status": "queued"}}}),
    ("GET /api/profile-bulk-import-jobs/[^/]+", 200, {"data": _DONE}),
    ("POST /api/lists/.+", 204, None),
    ("GET .+", 200, {"data": []}),
)
