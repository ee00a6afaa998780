"""What the engine is told of Klaviyo: topics, plans, tables, limits, address and key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from consumers.engine.outcome import Misconfigured, Outcome
from consumers.engine.sink import ERASE, Account, PlanMaker, Quota, Route, Sink, TableSpec, Work, text_hash
from consumers.engine.wire import Plan, Response
from consumers.klaviyo.check import check, pretend
from consumers.klaviyo.erasure import erasures
from consumers.klaviyo.imports import finish_all
from consumers.klaviyo.luggage import PART, unpacked
from consumers.klaviyo.moves import arrivals
from consumers.klaviyo.orders import orders, sums
from consumers.klaviyo.plans import consents, profiles
from consumers.klaviyo.rewards import rewards
from consumers.klaviyo.settings import LIMITS, KlaviyoSettings
from consumers.klaviyo.shapes import (
    EVENT,
    LOYALTY_EVENT,
    LOYALTY_TIER,
    PROFILE,
    REWARD_EVENT,
    REWARD_TIER,
    REWARDS,
)
from consumers.klaviyo.tiers import MEMORY, tiers

HERE = Path(__file__).parent
JSON_API = "application/vnd.api+json"
JOBS_FROM = 10
"""From so many waiting customers on they travel together: alone, each new one costs a call to join its list, and an
account may make 150 of those a minute."""


def quotas(settings: KlaviyoSettings) -> tuple[Quota, ...]:
    """What the account allows; an endpoint whose limits are set to [] has none."""
    windows = {name: settings.limits.get(name, list(LIMITS[name])) for name in LIMITS}
    return tuple(
        Quota(name, tuple((float(seconds), limit) for seconds, limit in some)) for name, some in windows.items() if some
    )


def headers(settings: KlaviyoSettings) -> Mapping[str, str]:
    """Raises `SecretError` where the key's file cannot be read.

    Klaviyo serves another revision in place of one it has retired unless the header of that long name forbids it (its
    guide "API versioning and deprecation policy"); we would rather hear of it.
    """
    return {
        "Authorization": f"Klaviyo-API-Key {settings.private_key.read()}",
        "revision": settings.revision,
        "X-Klaviyo-Revision-Fall-Forward-Opt-Out": "1",
        "Content-Type": JSON_API,
        "Accept": JSON_API,
    }


def explained(plan: PlanMaker) -> PlanMaker:
    """The plan; where a connection stops because of its revision, the reason says which one is set."""

    def run(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
        outcomes = yield from plan(account, works)
        return [_explained(outcome, account.settings.revision) for outcome in outcomes]

    return run


def _explained(outcome: Outcome, revision: str) -> Outcome:
    if isinstance(outcome, Misconfigured) and "this revision" in outcome.reason:
        return Misconfigured(f"{outcome.reason}; the setting `revision` is {revision}", outcome.cause)
    return outcome


def account_id(settings: KlaviyoSettings) -> str:
    """One for all connections with the same key at the same address; the key does not show."""
    return text_hash(f"{settings.url} {settings.private_key.read()}")


def remaining(response: Response) -> int | None:
    """What is left of the minute, by the header of every answer but a 429."""
    said = response.headers.get("RateLimit-Remaining") or response.headers.get("ratelimit-remaining") or ""
    return int(said) if said.isdigit() else None


def takeover(account: Account) -> Plan[None]:
    """A former owner's import jobs may still be under way: older values must not land after ours."""
    yield from finish_all(account.now)


SINK = Sink(
    name="klaviyo",
    settings=KlaviyoSettings,
    routes=(
        Route("customers", explained(profiles), "state", batch=5000, bulk_from=JOBS_FROM, concurrent=6),
        Route("customers", explained(consents), "fact", part="consent", batch=1000),
        Route("customers", explained(sums), "fact", part="totals", batch=5000, low=True),
        Route("customers", explained(arrivals), "fact", part="moved", batch=100),
        Route("customers", explained(erasures), "fact", part=ERASE),
        Route("orders", explained(orders), "fact", memory="order", batch=1000, bulk_from=JOBS_FROM),
        Route("rewards", explained(rewards), "fact", memory="account", batch=500, bulk_from=JOBS_FROM),
        Route("rewards", unpacked, "fact", part=PART, batch=100),
        Route("tiers", explained(tiers), "state", memory=MEMORY, batch=500, bulk_from=JOBS_FROM),
    ),
    tables=(
        TableSpec("klaviyo.profile", PROFILE, HERE / "klaviyo.profile.toml"),
        TableSpec("klaviyo.order", EVENT, HERE / "klaviyo.order.toml"),
        TableSpec("klaviyo.refund", EVENT, HERE / "klaviyo.refund.toml"),
        TableSpec("klaviyo.reward_profile", REWARDS, HERE / "klaviyo.reward_profile.toml"),
        TableSpec("klaviyo.reward_event", REWARD_EVENT, HERE / "klaviyo.reward_event.toml"),
        TableSpec("klaviyo.reward_tier", REWARD_TIER, HERE / "klaviyo.reward_tier.toml"),
        TableSpec("klaviyo.redemption", REWARD_EVENT, HERE / "klaviyo.redemption.toml"),
        TableSpec("klaviyo.tier_profile", LOYALTY_TIER, HERE / "klaviyo.tier_profile.toml"),
        TableSpec("klaviyo.tier_event", LOYALTY_EVENT, HERE / "klaviyo.tier_event.toml"),
    ),
    quotas=quotas,
    headers=headers,
    account_id=account_id,
    pretend=pretend,
    check=check,
    takeover=takeover,
    remaining=remaining,
)
