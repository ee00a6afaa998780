"""Every operation of the simulated Retail API. Paths count without regard to case; a slash at the end is nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from sandbox.apparel21 import cards, heads, orders, persons, rewards
from sandbox.apparel21.wire import Call
from sandbox.apparel21.world import World
from sandbox.web.answer import Answer

Handler = Callable[[World, Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation; `endpoint` is its method and path template, under which it is counted and made to fail."""

    endpoint: str
    handler: Handler


_KIND = "/Rewards/Accounts/{id}/{kind}"
ROUTES: tuple[Route, ...] = (
    Route("GET /", heads.root),
    Route("GET /Persons", persons.search),
    Route("POST /Persons", persons.create),
    Route("GET /Persons/customdatatemplates", cards.templates),
    Route("GET /Persons/customdatatemplates/{id}", cards.templates),
    Route("GET /Persons/{id}", persons.one),
    Route("PUT /Persons/{id}", persons.replace),
    Route("GET /Persons/{id}/UpdateTimeStamp", persons.stamp),
    Route("GET /Persons/{id}/RetailTransactions", orders.transactions),
    Route("GET /Persons/{id}/Orders", orders.listed),
    Route("POST /Persons/{id}/Orders", orders.create),
    Route("GET /Orders", orders.listed),
    Route("GET /PersonReferenceTypes", heads.person_types),
    Route("GET /ReferenceTypes", heads.types),
    Route("GET /ReferenceTypes/{id}", heads.types),
    Route("GET /References/{id}", heads.codes),
    Route("GET /References/{id}/{id}", heads.codes),
    Route("GET /Stores", heads.stores),
    Route("GET /Stores/{id}", heads.stores),
    Route("GET /Rewards/Programs", heads.programs),
    Route("GET /Rewards/Programs/{id}", heads.programs),
    Route("POST /Rewards/Accounts", rewards.enrol),
    Route("GET /Rewards/Accounts/{id}", rewards.one),
    Route("PUT /Rewards/Accounts/{id}", rewards.change),
    Route("GET /Rewards/Accounts/{id}/Transactions", rewards.transactions),
    Route(f"POST {_KIND}", rewards.post),
    Route(f"POST {_KIND}/Redemptions", rewards.redeem),
    Route("POST /Rewards/Confirmation", rewards.confirm),
    Route("POST /Rewards/Reversal", rewards.reverse),
    Route("GET /Rewards/RewardsSimple", rewards.simple),
    Route("GET /Rewards/ExpiredRewardsSimple", rewards.expired),
    Route("GET /Voucher/GVValid/{id}", orders.validated),
    Route("PUT /Voucher/Lock/{id}", orders.lock),
    Route("GET /Voucher/{id}", orders.voucher),
    Route("GET /Vouchers/VouchersSimple", orders.vouchers),
)


def _pattern(endpoint: str) -> re.Pattern[str]:
    escaped = re.escape(endpoint)
    named = escaped.replace(r"\{kind\}", "(Points|Rewards|Gifts)").replace(r"\{id\}", "([^/]+)")
    return re.compile(named, re.IGNORECASE)


_PATTERNS = [(_pattern(route.endpoint), route) for route in ROUTES]
_BASE = re.compile(r"^/RetailAPI(Test)?(?=/|$)", re.IGNORECASE)


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """The route of a request and the variable parts of its path."""
    wanted = f"{method} {'/' + _BASE.sub('', path).strip('/')}"
    for pattern, route in _PATTERNS:
        if (match := pattern.fullmatch(wanted)) is not None:
            return route, tuple(map(unquote, match.groups()))
    return None
