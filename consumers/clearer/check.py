"""Is the account as we need it? Questions of `tillstream check`, and the answers that `tillstream preview` makes up."""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson

from consumers.clearer import assumed, requests
from consumers.clearer.errors import judge
from consumers.clearer.settings import ClearerSettings
from consumers.engine.outcome import why
from consumers.engine.sink import Account, Finding
from consumers.engine.wire import Json, Plan, Request, Response, ask

PREVIEW_ID = "PREVIEW"


def check(account: Account) -> Plan[Sequence[Finding]]:
    """The key, as far as reading shows it, and what a merchant should know of the settings."""
    settings: ClearerSettings = account.settings
    answer = yield from ask(requests.any_customers())
    if not answer.ok:
        return [_refused(answer)]
    return [
        Finding("API key", True, "customers are readable; the right to write is seen at first use"),
        _webhooks(settings),
        Finding("tier expiry", True, f"{settings.tier_expiry} (Clearer itself says no date)"),
    ]


def _refused(answer: Response) -> Finding:
    if answer.status in (401, 402, 403):
        return Finding(
            "API key",
            False,
            f"refused ({answer.status}): take it from Settings > Platform API Settings (plan Plus or higher), "
            "and set api_key",
        )
    return Finding("API key", False, why(judge(answer)))


def _webhooks(settings: ClearerSettings) -> Finding:
    if settings.webhook_token is None:
        return Finding("webhooks", True, "no webhook_token: tier changes and redemptions are not heard")
    topics = f"{assumed.TIER_CHANGED.name}, {assumed.POINTS_REDEEMED.name}"
    return Finding("webhooks", True, f"subscribe {topics}; Clearer signs nothing, the token in the path is the secret")


def pretend(request: Request) -> Response:
    """A Clearer that knows nobody and takes everything."""
    call = f"{request.method} {request.path}"
    status, body = next(((s, b) for pattern, s, b in _ANSWERS if re.fullmatch(pattern, call)), (200, {}))
    return Response(status, orjson.dumps(body))


_NOBODY: Json = {assumed.MESSAGE.name: assumed.NO_CUSTOMER.name}
_NOTHING: Json = {assumed.MESSAGE.name: assumed.NO_ORDER.name}
_ANSWERS: tuple[tuple[str, int, Json], ...] = (
    (f"GET {assumed.CUSTOMERS.name}", 200, {"customers": []}),
    (f"GET {assumed.CUSTOMERS.name}/.+", 404, _NOBODY),
    (f"GET {assumed.ORDERS.name}/.+", 404, _NOTHING),
    (f"PUT {assumed.CUSTOMERS.name}/.+", 200, {assumed.IN_CUSTOMER.name: {"id": PREVIEW_ID}}),
)
