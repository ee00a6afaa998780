"""What Klaviyo's mapping tables may read: the fields of our events, and what we know beside them."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from schemas.definitions import definition
from tillstream.mapping.rows import Row
from tillstream.mapping.shapes import Shape, shape_of
from tillstream.mapping.table import Table

COMPUTED = Shape("What the person's orders add up to", {
    "order_value": "Sales less refunds in the account's currency; without laybys, web sales and gift cards",
    "order_count": "How many sales",
    "last_order_date": "When the last of them was rung up, in the store's time",
    "primary_store": "Code of the store with most of them, the latest on a tie",
}, kinds={"order_value": "number", "order_count": "number",
         "last_order_date": "text", "primary_store": "text"})  # fmt: skip

OF_PROFILE = Shape("What is known of the profile", {
    "new": "Whether Klaviyo sees the person for the first time",
    "profile_id": "Klaviyo's id of the profile, where its address is changed",
}, kinds={"new": "yes_no", "profile_id": "text"})  # fmt: skip

OF_TIER = Shape("What is known of the tier", {
    "had": "Whether a field (`known.had.FIELD`) held something when it was last sent, and holds nothing now",
}, open=frozenset({"had"}), kinds={"had": "map", "had.*": "yes_no"})  # fmt: skip
OF_ACCOUNT = OF_TIER._replace(name="What is known of the account").plus(
    {"next_expiry": "When the first of its rewards lapses"}, {"next_expiry": "date"}
)

_EVENT = Shape("What is known of the event", {
    "metric": "Its name, from the settings",
    "unique_id": "The id by which Klaviyo recognises a second sending",
    "backfill": "Whether it is too old to start flows",
}, kinds={"metric": "text", "unique_id": "text", "backfill": "yes_no"})  # fmt: skip
OF_EVENT = _EVENT.plus(
    {"original": "The docket on which returned goods were bought", "reason": "Why they came back"},
    {"original": "text", "reason": "text"},
)
_NEWS = _EVENT.plus(
    {"time": "When it happened", "currency": "The connection's currency"}, {"time": "instant", "currency": "text"}
)
OF_REWARD_EVENT = _NEWS.plus({"amount": "The money it is about: issued, spent or lapsed"}, {"amount": "amount"})
OF_TIER_EVENT = _NEWS.plus(
    {"from": "The tier before", "to": "The tier now", "direction": "up or down"},
    {"from": "text", "to": "text", "direction": "text"},
)

PROFILE = shape_of(definition("customers")).plus(state=COMPUTED, known=OF_PROFILE)
EVENT = shape_of(definition("orders")).plus(known=OF_EVENT)
_REWARDS, _TIERS = shape_of(definition("rewards")), shape_of(definition("tiers"))
REWARDS = _REWARDS.plus(known=OF_ACCOUNT)
REWARD_EVENT = _REWARDS.plus(known=OF_REWARD_EVENT, reward=_REWARDS.parts["rewards"])
REWARD_TIER = _REWARDS.plus(known=OF_TIER_EVENT)
LOYALTY_TIER = _TIERS.plus(known=OF_TIER)
LOYALTY_EVENT = _TIERS.plus(known=OF_TIER_EVENT)


class Views(NamedTuple):
    """The profile table in two requests: what a customer row says, and what the orders add up to."""

    row: Table
    totals: Table


_VIEWS: dict[str, Views] = {}


def views(table: Table) -> Views:
    """The rows of the profile table that read `state.*` go in a request of their own, with the address alone."""
    if table.version not in _VIEWS:
        own = tuple(row for row in table.rows if not _computed(row))
        totals = tuple(
            row for row in table.rows if _computed(row) or row.source == "email" or row.target == "data.type"
        )
        _VIEWS[table.version] = Views(replace(table, rows=own), replace(table, rows=totals, eaches=()))
    return _VIEWS[table.version]


def _computed(row: Row) -> bool:
    return row.source.startswith("state.") or (row.when is not None and row.when.field.startswith("state."))
