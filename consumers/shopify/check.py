"""Is the shop as we need it? Questions of `tillstream check`, and the answers that `tillstream preview` makes up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson

from consumers.engine.outcome import why
from consumers.engine.sink import Account, Finding
from consumers.engine.wire import Json, Plan, Request, Response
from consumers.shopify import requests
from consumers.shopify.errors import trouble
from consumers.shopify.settings import ShopifySettings
from consumers.shopify.speak import speak

SCOPES = ("read_customers", "write_customers")
MERGES = "read_customer_merge"


def check(account: Account) -> Plan[Sequence[Finding]]:
    """The key and the shop it opens, its scopes, the API version that is served, and who signs webhooks."""
    answer = yield from speak(account, requests.scopes())
    refusal = trouble(answer)
    if refusal is not None:
        return [Finding("key", False, why(refusal)), *_webhooks(account.settings)]
    data = answer.json()["data"]
    return [_key(data), _scopes(data), *_version(answer), *_webhooks(account.settings, _handles(data))]


def _key(data: Json) -> Finding:
    shop = data.get("shop") or {}
    return Finding("key", True, f"known, of the shop {shop.get('name') or 'without a name'}")


def _handles(data: Json) -> frozenset[str]:
    listed = (data.get("currentAppInstallation") or {}).get("accessScopes") or ()
    return frozenset(str(one.get("handle")) for one in listed if isinstance(one, dict))


def _scopes(data: Json) -> Finding:
    missing = [scope for scope in SCOPES if scope not in _handles(data)]
    told = f"missing: {', '.join(missing)}; add them to the app and install it again" if missing else ", ".join(SCOPES)
    if not missing and requests.ERASES not in _handles(data):
        told += f"; without {requests.ERASES} the shop does not carry out `tillstream erase`"
    return Finding("scopes", not missing, told)


def _version(answer: Response) -> Iterator[Finding]:
    """An expired version is answered by the oldest that is still served (shopify.dev, "API versioning")."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    served = headers.get("x-shopify-api-version", "")
    if served in ("", requests.VERSION):
        yield Finding("API version", True, requests.VERSION)
    else:
        told = f"Shopify answers in {served}, and {requests.VERSION} was asked for: a newer tillstream is needed"
        yield Finding("API version", False, told)


def _webhooks(settings: ShopifySettings, scopes: frozenset[str] = frozenset()) -> Iterator[Finding]:
    if settings.webhook_token is None:
        yield Finding("webhooks", True, "no webhook_token: customers of the shop are not heard of")
    elif settings.client_secret is None:
        yield Finding(
            "webhooks", False, "no client_secret: nothing tells whether a delivery is Shopify's, none is taken"
        )
    elif scopes and MERGES not in scopes:
        yield Finding("webhooks", True, f"signed; without the scope {MERGES} merged customers are found at night only")
    else:
        yield Finding("webhooks", True, "signed with the client secret")


def pretend(request: Request) -> Response:
    """A shop that knows nobody and takes everything."""
    if request.endpoint == "token":
        return _says({"access_token": "pretend", "expires_in": 0})
    if request.endpoint == "customer-create":
        return _says({"data": {"customerCreate": {"customer": {"id": "gid://shopify/Customer/1"}, "userErrors": []}}})
    return _says({"data": {"nobody": None}})


def _says(body: Json) -> Response:
    return Response(200, orjson.dumps(body))
