"""Customers over HTTP: created or updated, looked up, and listed by their last change."""

from __future__ import annotations

from sandbox.web.answer import Answer, Json
from sandbox.web.world import stamp
from sandbox.yotpo.answers import Request, ok, refused
from sandbox.yotpo.people import Customer
from sandbox.yotpo.tiers import spent, tier_of
from sandbox.yotpo.world import World

IDENTIFIERS = ("customer_email", "customer_id", "pos_account_id", "phone_number")
FIELDS = frozenset({
    "id", "first_name", "last_name", "phone_number", "country_iso_code", "has_account", "platform_account_created_at",
    "opted_in", "opt_in", "opted_in_at", "pos_account_id", "tags",
})  # fmt: skip


def save(world: World, request: Request) -> Answer:
    """POST /customers: by id, else by e-mail; a known id with another e-mail changes the address."""
    body = request.body
    email, identity = str(body.get("email") or "").strip(), str(body.get("id") or "")
    if "@" not in email:
        return refused(422, "Email can't be blank")
    known = world.people.find("customer_id", identity) if identity else None
    holder = world.people.by_email(email)
    if known is not None and holder is not None and known is not holder:
        return refused(422, "Email has already been taken")
    customer = known or holder or world.people.add(email, world.now())
    if customer.email != email.lower():
        world.people.rename(customer, email)
    customer.details |= {name: value for name, value in body.items() if name in FIELDS}
    customer.updated = world.now()
    return ok({})


def read(world: World, request: Request) -> Answer:
    """GET /customers, by exactly one identifier."""
    given = [(name, request.query[name]) for name in IDENTIFIERS if name in request.query]
    if len(given) != 1:
        return refused(400, "Exactly one customer identifier is required")
    customer = world.people.find(*given[0])
    if customer is None:
        return refused(404, "Could not find customer")
    return ok(shown(world, customer, history=request.query.get("with_history") == "true"))


def erase(world: World, request: Request) -> Answer:
    """DELETE /privacy/data: whoever has the address is deleted and anonymised."""
    customer = world.people.by_email(str(request.body.get("email") or ""))
    if customer is None:
        return refused(404, "Could not find customer")
    world.people.erase(customer)
    return ok({})


def recent(world: World, request: Request) -> Answer:
    """GET /customers/recent: the last changed first, in pages."""
    size, begin = int(request.query.get("per_page", "100")), int(request.query.get("page_info") or 0)
    everybody = sorted(world.people.everybody, key=lambda one: (-one.updated, one.number))
    page = everybody[begin : begin + size]
    more = {"next_page_info": str(begin + size)} if begin + size < len(everybody) else {"next_page_info": None}
    return ok({"customers": [shown(world, one, history=False) for one in page], "metadata": more})


def shown(world: World, customer: Customer, *, history: bool) -> Json:
    """A customer as the API gives it; the vip fields are absent where tiers are switched off."""
    details = customer.details
    body: Json = {
        "email": customer.email,
        "first_name": details.get("first_name"),
        "last_name": details.get("last_name"),
        "phone_number": details.get("phone_number"),
        "third_party_id": customer.id or None,
        "thirty_party_id": customer.id or None,
        "pos_account_id": details.get("pos_account_id"),
        "has_store_account": bool(details.get("has_account")),
        "opt_in": details.get("opted_in", details.get("opt_in", True)),
        "opted_in_at": details.get("opted_in_at"),
        "points_balance": customer.balance,
        "points_earned": customer.earned,
        "points_expire_at": None,
        "total_spend_cents": sum(cents for _, cents in customer.spent),
        "total_purchases": customer.purchases,
        "perks_redeemed": customer.redeemed,
        "last_purchase_at": stamp(customer.last_purchase),
        "last_seen_at": stamp(customer.last_purchase),
    }
    if world.settings.tiers is not None:
        body |= _vip(world, customer)
    if history:
        body["history_items"] = list(reversed(customer.history))
    return body


def _vip(world: World, customer: Customer) -> Json:
    tier = tier_of(world, customer)
    return {
        "vip_tier_name": tier.name if tier else None,
        "vip_tier_entry_date": stamp(customer.tier_since),
        "vip_tier_expiration": stamp(customer.tier_ends),
        "vip_tier_actions_completed": {
            "points_earned": customer.earned,
            "amount_spent_cents": spent(world, customer, world.now()),
            "purchases_made": customer.purchases,
            "referrals_completed": 0,
        },
    }
