"""Every operation the sandbox knows: its limit, the scopes it needs, and who answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sandbox.klaviyo import account, consent, events, imports, profiles, suppression
from sandbox.klaviyo.answer import Request
from sandbox.klaviyo.limits import XL, XS, L, Limit, M, S
from sandbox.klaviyo.world import World
from sandbox.web.answer import Answer
from sandbox.web.routes import Routes

Handler = Callable[[World, Request], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation; `endpoint` is its method and path template, under which it is limited and counted."""

    endpoint: str
    limit: Limit
    scopes: tuple[str, ...]
    handler: Handler


_SUBSCRIPTIONS = ("lists:write", "profiles:write", "subscriptions:write")
_IMPORTS, _IMPORT = "/api/profile-bulk-import-jobs", "/api/profile-bulk-import-jobs/{id}"
_SUPPRESS, _UNSUPPRESS = f"/api/{suppression.CREATE}s", f"/api/{suppression.DELETE}s"
_MEMBERS = "/api/lists/{id}/relationships/profiles"

ROUTES: tuple[Route, ...] = (
    Route("POST /api/profile-import", L, ("profiles:write",), profiles.upsert),
    Route("GET /api/profiles", L, ("profiles:read",), profiles.search),
    Route("GET /api/profiles/{id}", L, ("profiles:read",), profiles.get),
    Route("PATCH /api/profiles/{id}", L, ("profiles:write",), profiles.update),
    Route(f"GET {_IMPORTS}", M, ("lists:read", "profiles:read"), imports.listing),
    Route(f"POST {_IMPORTS}", M, ("lists:write", "profiles:write"), imports.submit),
    Route(f"GET {_IMPORT}", M, ("lists:read", "profiles:read"), imports.get),
    Route(f"GET {_IMPORT}/import-errors", M, ("profiles:read",), imports.errors),
    Route(f"POST /api/{consent.SUBSCRIBE}s", L, _SUBSCRIPTIONS, consent.subscribe),
    Route(f"POST /api/{consent.UNSUBSCRIBE}s", L, _SUBSCRIPTIONS, consent.unsubscribe),
    Route(
        f"POST {_SUPPRESS}",
        L,
        ("profiles:write", "subscriptions:write"),
        partial(suppression.submit, kind=suppression.CREATE),
    ),
    Route(f"GET {_SUPPRESS}/{{id}}", L, ("subscriptions:read",), partial(suppression.get, kind=suppression.CREATE)),
    Route(f"POST {_UNSUPPRESS}", L, ("subscriptions:write",), partial(suppression.submit, kind=suppression.DELETE)),
    Route(f"GET {_UNSUPPRESS}/{{id}}", L, ("subscriptions:read",), partial(suppression.get, kind=suppression.DELETE)),
    Route("GET /api/events", XL, ("events:read",), events.search),
    Route("POST /api/events", XL, ("events:write",), events.create),
    Route("POST /api/event-bulk-create-jobs", M, ("events:write",), events.bulk),
    Route("GET /api/lists", L, ("lists:read",), account.lists),
    Route("GET /api/lists/{id}", L, ("lists:read",), account.one_list),
    Route(f"POST {_MEMBERS}", M, ("lists:write", "profiles:write"), partial(account.change_members, join=True)),
    Route(f"DELETE {_MEMBERS}", M, ("lists:write", "profiles:write"), partial(account.change_members, join=False)),
    Route("GET /api/metrics", M, ("metrics:read",), account.metrics),
    Route("GET /api/accounts", XS, ("accounts:read",), account.accounts),
    Route("POST /api/data-privacy-deletion-jobs", S, ("data-privacy:write",), account.erase),
)
"""Limits and scopes as in Klaviyo's OpenAPI document, revision 2026-07-15."""

_FOUND = Routes({route.endpoint: route for route in ROUTES})
_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")

find = _FOUND.find
name = _FOUND.name


def known_path(path: str) -> bool:
    """Whether any method is answered here: 405 rather than 404 for the others."""
    return any(find(method, path) for method in _METHODS)
