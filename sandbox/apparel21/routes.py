"""Every operation of the simulated Retail API. Paths count without regard to case; a slash at the end is nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote

from sandbox.apparel21 import cards, heads, orders, persons, rewards
from sandbox.apparel21.wire import Call
from sandbox.apparel21.world import World
from sandbox.web.answer import Answer
from sandbox.web.routes import Routes

Handler = Callable[[World, Call], Answer]

_KIND = "/Rewards/Accounts/{id}/{Points|Rewards|Gifts}"
_ROUTES: Routes[Handler] = Routes({
    "GET /": heads.root,
    "GET /Persons": persons.search,
    "POST /Persons": persons.create,
    "GET /Persons/customdatatemplates": cards.templates,
    "GET /Persons/customdatatemplates/{id}": cards.templates,
    "GET /Persons/{id}": persons.one,
    "PUT /Persons/{id}": persons.replace,
    "GET /Persons/{id}/UpdateTimeStamp": persons.stamp,
    "GET /Persons/{id}/RetailTransactions": orders.transactions,
    "GET /Persons/{id}/Orders": orders.listed,
    "POST /Persons/{id}/Orders": orders.create,
    "GET /Orders": orders.listed,
    "GET /PersonReferenceTypes": heads.person_types,
    "GET /ReferenceTypes": heads.types,
    "GET /ReferenceTypes/{id}": heads.types,
    "GET /References/{id}": heads.codes,
    "GET /References/{id}/{id}": heads.codes,
    "GET /Stores": heads.stores,
    "GET /Stores/{id}": heads.stores,
    "GET /Rewards/Programs": heads.programs,
    "GET /Rewards/Programs/{id}": heads.programs,
    "POST /Rewards/Accounts": rewards.enrol,
    "GET /Rewards/Accounts/{id}": rewards.one,
    "PUT /Rewards/Accounts/{id}": rewards.change,
    "GET /Rewards/Accounts/{id}/Transactions": rewards.transactions,
    f"POST {_KIND}": rewards.post,
    f"POST {_KIND}/Redemptions": rewards.redeem,
    "POST /Rewards/Confirmation": rewards.confirm,
    "POST /Rewards/Reversal": rewards.reverse,
    "GET /Rewards/RewardsSimple": rewards.simple,
    "GET /Rewards/ExpiredRewardsSimple": rewards.expired,
    "GET /Voucher/GVValid/{id}": orders.validated,
    "PUT /Voucher/Lock/{id}": orders.lock,
    "GET /Voucher/{id}": orders.voucher,
    "GET /Vouchers/VouchersSimple": orders.vouchers,
}, re.IGNORECASE)  # fmt: skip
RELEASES: Mapping[str, str] = {
    "GET /Persons/customdatatemplates": "2020.1",
    "GET /Persons/customdatatemplates/{id}": "2020.1",
    "GET /Rewards/RewardsSimple": "2023.3",
    "GET /Vouchers/VouchersSimple": "2023.3",
    "GET /Rewards/ExpiredRewardsSimple": "2025.1",
}
"""What older servers lack -> the release that brought it. Source: Apparel21 Retail API guide, release notes."""
_BASE = re.compile(r"^/RetailAPI(Test)?(?=/|$)", re.IGNORECASE)


def find(method: str, path: str) -> tuple[str, Handler, tuple[str, ...]] | None:
    """The operation of a request, who answers it, and the variable parts of the path."""
    found = _ROUTES.find(method, f"/{_BASE.sub('', path).strip('/')}")
    return found and (found[0], found[1], tuple(map(unquote, found[2])))
