"""Which tier a customer has, since when and until when, and what webhooks tell of it."""

from __future__ import annotations

from datetime import UTC, datetime

from sandbox.web.answer import Json
from sandbox.web.world import stamp
from sandbox.yotpo.people import Customer
from sandbox.yotpo.world import Tier, World


def tier_of(world: World, customer: Customer) -> Tier | None:
    """The customer's tier, None for none."""
    return next((tier for tier in world.settings.tiers or () if tier.id == customer.tier), None)


def spent(world: World, customer: Customer, now: float) -> int:
    """Cents that count at this moment: those of the calendar year, of the last twelve months, or all."""
    moment = datetime.fromtimestamp(now, UTC)
    begin = {
        "calendar_year": datetime(moment.year, 1, 1, tzinfo=UTC).timestamp(),
        "rolling_year": now - 365 * 86_400,
        "lifetime": float("-inf"),
    }[world.settings.term]
    return sum(cents for at, cents in customer.spent if at >= begin)


def ends(world: World, since: float) -> float | None:
    """When a tier entered at this time ends: the end of the next calendar year, twelve months later, or never.

    Source: support.yotpo.com, "Loyalty & Referrals: VIP tiers".
    """
    moment = datetime.fromtimestamp(since, UTC)
    match world.settings.term:
        case "calendar_year":
            return datetime(moment.year + 1, 12, 31, tzinfo=UTC).timestamp()
        case "rolling_year":
            return moment.replace(year=moment.year + 1, day=min(moment.day, 28)).timestamp()
        case _:
            return None


def rise(world: World, customer: Customer) -> None:
    """After a purchase: the highest tier that is reached, if it is above the present one."""
    settings = world.settings
    if settings.tiers is None:
        return
    cents, before = spent(world, customer, world.now()), tier_of(world, customer)
    reached = max((tier for tier in settings.tiers if cents >= tier.entry), key=lambda t: t.rank, default=None)
    tell(world, "swell/tier/status/changed", customer, {"vip_stats": {"amountSpentCents": cents}})
    if reached is None or (before is not None and reached.rank <= before.rank):
        return
    snapshot = show(world, customer)  # the vendor's own sample tells the customer as before the change
    enter(world, customer, reached)
    changed: Json = {"new_tier": shown(reached)} | ({"old_tier": shown(before)} if before else {})
    world.emit("swell/tier/earned", customer, snapshot, changed)


def enter(world: World, customer: Customer, tier: Tier | None) -> None:
    """From now on the customer has this tier."""
    customer.tier, customer.updated = (tier.id if tier else None), world.now()
    customer.tier_since = world.now() if tier else None
    customer.tier_ends = ends(world, world.now()) if tier else None


def expire(world: World) -> None:
    """End the tiers whose time is over: kept by who spent enough, else lost to a lower one or to none."""
    for customer in world.people.everybody:
        before = tier_of(world, customer)
        if before is None or customer.tier_ends is None or customer.tier_ends + 86_400 > world.now():
            continue
        cents = spent(world, customer, customer.tier_ends)
        if cents >= before.retain:
            customer.tier_ends = ends(world, customer.tier_ends)
            continue
        lower = [t for t in world.settings.tiers or () if t.rank < before.rank and cents >= t.entry]
        left = max(lower, key=lambda tier: tier.rank, default=None)
        snapshot = show(world, customer)
        enter(world, customer, left)
        changed: Json = {"old_tier": shown(before)} | ({"new_tier": shown(left)} if left else {})
        world.emit("swell/tier/lost", customer, snapshot, changed)


def tell(world: World, topic: str, customer: Customer, more: Json) -> None:
    """A webhook about a customer as they are now."""
    world.emit(topic, customer, show(world, customer), more)


def shown(tier: Tier) -> Json:
    """A tier in a webhook."""
    return {
        "id": tier.id,
        "name": tier.name,
        "description": f"Spend {tier.entry // 100}",
        "points_earned": 0,
        "amount_spent_cents": tier.entry,
        "purchases_made": 0,
        "points_multiplier": tier.multiplier,
        "rank": tier.rank,
    }


def show(world: World, customer: Customer) -> Json:
    """A customer in a webhook."""
    tier, until = tier_of(world, customer), stamp(customer.tier_ends)
    return {
        "email": customer.email,
        "first_name": customer.details.get("first_name"),
        "last_name": customer.details.get("last_name"),
        "third_party_id": customer.id or None,
        "points_balance": customer.balance,
        "points_earned": customer.earned,
        "points_expire_at": None,
        "total_spend_cents": sum(cents for _, cents in customer.spent),
        "total_purchases": customer.purchases,
        "perks_redeemed": customer.redeemed,
        "last_purchase_at": stamp(customer.last_purchase),
        "last_seen_at": stamp(customer.last_purchase),
        "referred_by": None,
        "vip_tier_name": tier.name if tier else None,
        "vip_tier_ends_at": until[:10] if until else None,
    }
