"""Which tier a member has, and what webhooks tell of a change."""

from __future__ import annotations

from sandbox.clearer.world import Customer, Tier, World
from sandbox.web.answer import Json
from sandbox.web.world import stamp


def tier_of(world: World, customer: Customer) -> Tier | None:
    """The member's tier, None for none."""
    return next((tier for tier in world.settings.tiers if tier.id == customer.tier), None)


def settle(world: World, customer: Customer, *, silent: bool = False) -> None:
    """The tier is the highest whose threshold is reached; a change is told."""
    reached = customer.earned if world.settings.basis == "points" else customer.spent
    fitting = [tier for tier in world.settings.tiers if tier.threshold <= reached]
    new, old = max(fitting, key=lambda tier: tier.threshold, default=None), tier_of(world, customer)
    if new == old:
        return
    customer.tier = new.id if new else ""
    customer.updated = world.now()
    if not silent:
        told = {"customer": shown(world, customer), "oldTier": _told(old), "newTier": _told(new)}
        world.emit("customers/tier_changed", told)


def _told(tier: Tier | None) -> Json | None:
    return {"id": tier.id, "title": tier.title, "threshold": str(tier.threshold)} if tier else None


def shown(world: World, customer: Customer) -> Json:
    """A member as answers and webhooks give it. Nothing in it says when a tier ends."""
    details, tier = customer.details, tier_of(world, customer)
    names = [str(details.get(name, "")) for name in ("firstName", "lastName")]
    return {
        "id": customer.id,
        "externalId": customer.external,
        "email": details.get("email"),
        "name": details.get("name") or " ".join(filter(None, names)),
        "firstName": details.get("firstName"),
        "lastName": details.get("lastName"),
        "birthdayMonth": details.get("birthdayMonth"),
        "birthdayDay": details.get("birthdayDay"),
        "referralUrl": f"https://shop.example/?ref={customer.id}",
        "pointBalance": customer.balance,
        "currentLoyaltyTier": {"id": tier.id, "title": tier.title} if tier else None,
        "createdAt": stamp(customer.created),
        "updatedAt": stamp(customer.updated),
    }
