"""Is the account as we need it? Questions of `tillstream check`, and the answers that `tillstream preview` makes up."""

from __future__ import annotations

from collections.abc import Sequence

from consumers.engine.outcome import why
from consumers.engine.sink import Account, Finding
from consumers.engine.wire import Plan, Request, Response, ask
from consumers.yotpo import requests
from consumers.yotpo.errors import judge
from consumers.yotpo.settings import YotpoSettings


def check(account: Account) -> Plan[Sequence[Finding]]:
    """The pair of keys, and the tiers of the programme."""
    answer = yield from ask(requests.read_tiers())
    return [_keys(answer), *([_tiers(answer)] if answer.ok else []), _webhooks(account.settings)]


def _keys(answer: Response) -> Finding:
    if answer.ok:
        return Finding("guid and api_key", True, "known")
    if answer.status in (401, 403):
        told = "Yotpo does not know them: copy both from Loyalty admin > Settings > General Settings"
        return Finding("guid and api_key", False, told)
    return Finding("guid and api_key", False, why(judge(answer)))


def _tiers(answer: Response) -> Finding:
    body = answer.json()
    names = [str(tier.get("name")) for tier in body if isinstance(tier, dict)] if isinstance(body, list) else []
    return Finding("tiers", True, ", ".join(names) or "none: the programme has no VIP tiers")


def _webhooks(settings: YotpoSettings) -> Finding:
    if settings.webhook_token is None:
        return Finding("webhooks", True, "no webhook_token: tier changes and redemptions are not heard")
    if settings.webhook_secret is None:
        return Finding("webhooks", True, "kept safe by the token in their path alone; there is no webhook_secret")
    return Finding("webhooks", True, f"token in the path, secret in {settings.webhook_header} or Authorization")


def pretend(request: Request) -> Response:
    """A Yotpo that knows nobody and takes everything."""
    return Response(404 if request.method == "GET" else 200, b"{}")
