"""Give or take points: once, and recognised by a line in the customer's history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from consumers import policies
from consumers.engine.outcome import Delivered, Outcome, Rejected, Skipped, Unchanged
from consumers.engine.sink import Account, Item, Work
from consumers.engine.wire import Json, Plan
from consumers.yotpo import requests
from consumers.yotpo.once import Letter, Taken, send_once


def points_back(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """Points to give back for redemptions that came to nothing."""
    return [(yield from _give_back(account, works[0].last))]


def _give_back(account: Account, item: Item) -> Plan[Outcome]:
    record = item.record
    if record["kind"] != "points_back" or record["origin"] != "yotpo":
        return Skipped("origin")
    name = f"points/{record['redemption_id']}"
    ledger = item.known(name) or {}
    if ledger.get("sent"):
        return Unchanged()
    if record["points"] == 0:
        return Skipped("no_points")
    if record["points"] is None:
        return Rejected("invalid", "the event does not say how many points")
    known = {
        "customer_id": record["customer_id"],
        "points": record["points"],
        "lifetime": False,
        "title": f"Points returned for redemption {record['redemption_id']}",
    }
    email = policies.address(item.key) or record["email"]
    taken = yield from adjust(account, name, ledger, {"email": email, "known": known})
    if isinstance(taken, int):
        return Delivered({name: {"sent": True}}, status=taken, call="POST /points/adjust")
    return replace(taken, remember={name: None}) if isinstance(taken, Rejected) else taken


def adjust(account: Account, name: str, ledger: Mapping[str, Json], values: Mapping[str, Any]) -> Plan[int | Outcome]:
    """One adjustment: the status of Yotpo's yes, or why not. Its title says what it is for, and is unique."""
    body = account.tables["yotpo.points"].apply(values)
    letter = Letter(requests.adjust_points(body), values["email"], values["known"]["title"])
    taken = yield from send_once(account, name, ledger, letter)
    return taken.status if isinstance(taken, Taken) else taken
