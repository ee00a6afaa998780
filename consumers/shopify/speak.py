"""Ask Shopify with our key: a fixed token stands in the account's headers, a fetched one is kept and renewed here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import orjson

from consumers.engine.sink import Account
from consumers.engine.wire import Json, Plan, Request, Response, ask, ask_all, nap, under
from consumers.shopify import requests
from tillstream.settings import SecretError

HEADER = "X-Shopify-Access-Token"
EARLY = timedelta(minutes=10)
"""A token is renewed so long before it ends."""
A_DAY = 86_400
"""Seconds; no token lasts longer. One that does not say how long is used once."""
PATIENCE = 0.2


def speak(account: Account, request: Request) -> Plan[Response]:
    """One request with our key, one answer."""
    (answer,) = yield from speak_all(account, (request,))
    return answer


def speak_all(account: Account, asked: Sequence[Request]) -> Plan[Sequence[Response]]:
    """Requests that may travel side by side. A token that is refused is renewed once.

    Where no token can be had, each answer is what was said to that.
    """
    if account.settings.access_token is not None:
        return (yield from _send(asked, ""))
    for last in (False, True):
        token = yield from _token(account)
        if isinstance(token, Response):
            return [token] * len(asked)
        answers = yield from _send(asked, token)
        if last or all(answer.status != 401 for answer in answers):
            return answers
        _forget(account, token)
    return answers


def _send(asked: Sequence[Request], token: str) -> Plan[Sequence[Response]]:
    signed = [replace(one, headers=(*one.headers, (HEADER, token))) for one in asked] if token else list(asked)
    if len(signed) == 1:
        return [(yield from ask(signed[0]))]
    return (yield from ask_all(signed))


def _token(account: Account) -> Plan[str | Response]:
    """The token that is kept, or a new one. Only one plan at a time asks for it; the others wait for what it gets."""
    kept: dict[str, Json] = account.settings._kept
    while True:
        if kept.get("token") and account.now() < kept["until"]:
            return str(kept["token"])
        if not kept.get("asking"):
            break
        yield from nap(PATIENCE)
    kept["asking"] = True
    try:
        return (yield from _fetch(account))
    finally:
        kept.pop("asking", None)


def _fetch(account: Account) -> Plan[str | Response]:
    settings = account.settings
    try:
        secret = settings.client_secret.read()
    except SecretError as error:
        return Response(401, orjson.dumps({"errors": str(error)}))
    answer = yield from ask(requests.token(settings.client_id, secret))
    if not answer.ok:
        return replace(answer, status=401) if answer.status == 400 else answer
    said = under(answer.json())
    token, lasts = said.get("access_token"), said.get("expires_in")
    if not isinstance(token, str) or not token:
        return Response(401, answer.body)
    seconds = min(max(0, lasts), A_DAY) if isinstance(lasts, int | float) else 0
    settings._kept.update(token=token, until=account.now() + timedelta(seconds=seconds) - EARLY)
    return token


def _forget(account: Account, token: str) -> None:
    """Unless somebody has a newer one already."""
    if account.settings._kept.get("token") == token:
        account.settings._kept.pop("token")
