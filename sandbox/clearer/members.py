"""Members over HTTP: enrolled or updated, read, listed, given points and relieved of them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from sandbox.clearer import tiers
from sandbox.clearer.answers import Refused, Request, ok
from sandbox.clearer.world import Customer, World
from sandbox.web.answer import Answer, Json
from sandbox.web.world import moment

FIELDS = frozenset({"email", "firstName", "lastName", "name", "customerType", "birthdayMonth", "birthdayDay"})
POINTS = frozenset({"points", "summary", "earnRuleId", "updateLastSeen"})
PAGE = 50
_RANGES: dict[str, Callable[[Customer], float]] = {
    "pointBalance": lambda one: one.balance,
    "createdAt": lambda one: one.created,
    "updatedAt": lambda one: one.updated,
    "lastSeenAt": lambda one: one.updated,
}


def save(world: World, request: Request) -> Answer:
    """PUT /v1/customers/{customerId}: create or update; enrols."""
    (external,) = request.ids
    known = world.customers.get(external)
    details = {name: value for name, value in request.body.items() if name in FIELDS}
    _check(world, external, {**(known.details if known else {}), **details})
    world.unknown += [{"at": "customer", "name": name} for name in request.beyond(FIELDS)]
    now = world.now()
    customer = known or Customer(f"cus_{len(world.customers) + 1}", external, now, now)
    world.customers[external] = customer
    customer.details |= details
    customer.updated = now
    if known is None:
        tiers.settle(world, customer, silent=True)
    return ok({"customer": tiers.shown(world, customer)})


def _check(world: World, external: str, details: Json) -> None:
    email = details.get("email")
    if not isinstance(email, str) or "@" not in email:
        raise Refused(400, "email is required")
    if any(one.email == email.lower() and one.external != external for one in world.customers.values()):
        raise Refused(400, "email is already in use")
    for name, most in (("birthdayMonth", 12), ("birthdayDay", 31)):
        value = details.get(name, 1)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise Refused(400, f"{name} must be an integer from 1 to {most}")


def read(world: World, request: Request) -> Answer:
    """GET /v1/customers/{customerId}."""
    return ok({"customer": tiers.shown(world, find(world, request.ids[0]))})


def find(world: World, external: object) -> Customer:
    """The member with the merchant's own id; raises Refused."""
    customer = world.customers.get(str(external))
    if customer is None:
        raise Refused(404, "Customer not found")
    return customer


def listed(world: World, request: Request) -> Answer:
    """GET /v1/customers: in pages; a cursor makes every other parameter void. The order is not to be relied on."""
    given = dict(request.query)
    begin = 0
    if cursor := given.get("cursor"):
        place, _, rest = cursor.partition("~")
        begin, given = int(place), dict(pair.split("=", 1) for pair in rest.split("~") if pair)
    found = [one for one in world.customers.values() if _fits(one, given)]
    page = [tiers.shown(world, one) for one in found[begin : begin + PAGE]]
    world.random.shuffle(page)
    after = "~".join([str(begin + PAGE), *(f"{name}={value}" for name, value in given.items())])
    return ok({"customers": page, "cursor": after if len(found) > begin + PAGE else None})


def _fits(customer: Customer, given: dict[str, str]) -> bool:
    if given.get("email", customer.email).lower() != customer.email:
        return False
    for name, value in _RANGES.items():
        low, high = _bound(given.get(f"{name}Min")), _bound(given.get(f"{name}Max"))
        if (low is not None and value(customer) < low) or (high is not None and value(customer) > high):
            return False
    return True


def _bound(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        found = moment(text)
    if found is None:
        raise Refused(400, "a bound must be a number or an ISO 8601 time")
    return found


def award(world: World, request: Request) -> Answer:
    """POST /v1/customers/{customerId}/points. Not idempotent."""
    customer, points = find(world, request.ids[0]), request.body.get("points")
    if not isinstance(points, int) or isinstance(points, bool) or points <= 0:
        raise Refused(400, "points must be a positive integer")
    world.unknown += [{"at": "points", "name": name} for name in request.beyond(POINTS)]
    give(world, customer, points, action=str(request.body.get("summary") or "manual"))
    return ok({"customer": tiers.shown(world, customer)})


def give(world: World, customer: Customer, points: int, *, action: str, spent: Decimal = Decimal(0)) -> None:
    """Move points (and money spent), and look whether the tier changes."""
    customer.balance += points
    customer.earned += points
    customer.spent += spent
    customer.updated = world.now()
    if points > 0:
        told = {"id": f"pts_{world.serial()}", "customer": tiers.shown(world, customer), "action": action}
        world.emit("points/earned", {**told, "points": points, "type": "earn", "ruleId": "rule_1"})
    tiers.settle(world, customer)


def redeem(world: World, customer: Customer, points: int, kind: str, title: str) -> Json:
    """Spend points on a coupon, as a member does on the loyalty page; returns the webhook's body."""
    if customer.balance < points:
        raise Refused(400, "not enough points")
    customer.balance -= points
    customer.updated = world.now()
    number = world.serial()
    told: Json = {
        "id": f"red_{number}",
        "customer": tiers.shown(world, customer),
        "action": title,
        "points": points,
        "type": "redeem",
        "ruleId": "rule_20",
        "couponCode": f"CLR-{world.random.getrandbits(32):08X}",
        "rewardType": kind,
    }
    world.emit("points/redeemed", told)
    return told
