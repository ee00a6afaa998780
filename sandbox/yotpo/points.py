"""Points given, taken and redeemed, and the tiers as a list."""

from __future__ import annotations

from sandbox.web.answer import Answer, Json
from sandbox.web.world import stamp
from sandbox.yotpo import tiers
from sandbox.yotpo.answers import Request, ok, refused, whole
from sandbox.yotpo.orders import award
from sandbox.yotpo.people import Customer
from sandbox.yotpo.world import World

MOST_POINTS = 2**31 - 1


def _named(world: World, body: Json, *more: str) -> Customer | None:
    """The customer whom a body names by e-mail, id or one of the other identifiers."""
    names = [name for name in ("customer_email", "customer_id", *more) if body.get(name)]
    return world.people.find(names[0], str(body[names[0]])) if names else None


def adjust(world: World, request: Request) -> Answer:
    """POST /points/adjust. A record that is busy says 423, now and then."""
    body = request.body
    amount = whole(body.get("point_adjustment_amount"))
    if amount is None or abs(amount) > MOST_POINTS:
        return refused(422, "point_adjustment_amount must be a 32-bit integer")
    if world.random.random() < world.settings.lock_rate:
        return refused(423, "Customer record is locked, try again")
    customer = _named(world, body)
    if customer is None:
        return refused(404, "Could not find customer")
    if customer.balance + amount < 0:
        return refused(422, "Customer does not have enough points")
    if body.get("apply_adjustment_to_points_earned") is True:
        customer.earned += amount
    customer.updated = world.now()
    award(world, customer, amount, str(body.get("history_title") or "Points adjustment"), [])
    return ok({"id": world.serial(), "name": "Points adjustment", "type": "PointsAdjustment"})


def vip_tiers(world: World, _: Request) -> Answer:
    """GET /vip_tiers."""
    return ok(
        [
            {
                "id": tier.id,
                "name": tier.name,
                "points_multiplier": str(tier.multiplier),
                "points_reward": 0,
                "entry_threshold": {"cents": tier.entry, "points": 0, "purchases": 0, "referrals": 0},
            }
            for tier in world.settings.tiers or ()
        ]
    )


def options(world: World, _: Request) -> Answer:
    """GET /redemption_options."""
    return ok(list(world.settings.options))


def redeem(world: World, request: Request) -> Answer:
    """POST /redemptions: points go, a code comes, and a webhook tells it."""
    customer = _named(world, request.body, "pos_account_id", "phone_number")
    wanted = whole(request.body.get("redemption_option_id"))
    option = next((one for one in world.settings.options if one["id"] == wanted), None)
    if customer is None or option is None:
        return refused(404, "Could not find customer" if customer is None else "Could not find redemption option")
    if customer.balance < option["amount"]:
        return refused(422, "Customer does not have enough points")
    customer.redeemed += 1
    identity = 9000 + len(world.redemptions)
    made = {"id": identity, "reward_text": f"RW{identity}", "approved": True, "created_at": stamp(world.now())}
    world.redemptions.append({**made, "email": customer.email})
    award(world, customer, -int(option["amount"]), f"Redeemed {option['name']}", [])
    told = {"redemption": made, "redemption_option": dict(option)}
    tiers.tell(world, "swell/redemption/created", customer, told)
    return ok({**made, "code": made["reward_text"], "approved_at": made["created_at"]})
