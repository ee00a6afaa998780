"""The GraphQL side of a store: each request is read, let in, paid for, carried out, and dressed as the API does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.shopify import cost
from sandbox.shopify.fields import FIELDS, SCOPES
from sandbox.shopify.operation import Call, Operation, read
from sandbox.shopify.schema import schema
from sandbox.shopify.world import World
from sandbox.web.answer import Json
from sandbox.web.bucket import Bucket

SECONDS = 20
"""The bucket holds so many seconds' points."""
LIMITS = "https://shopify.dev/api/usage/rate-limits"


class Graph:
    """The GraphQL side of one store, with the bucket of its one app."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._bucket = Bucket()

    def answer(self, query: str, variables: Mapping[str, Any], name: str | None, origin: str) -> Json:
        """The answer's document to one request."""
        operation = read(query, name)
        if isinstance(operation, str):
            return {"errors": [{"message": operation}]}
        if refused := self._denied(operation):
            return refused
        price = cost.requested(schema(), operation.node, operation.fragments, variables)
        if price > cost.DEAREST:
            return _error(
                f"Query cost is {price}, which exceeds the single query max cost limit ({cost.DEAREST}).",
                "MAX_COST_EXCEEDED",
                cost=price,
                maxCost=cost.DEAREST,
                documentation=LIMITS,
            )
        available = self._available()
        if self._world.settings.limits and price > available:
            self._world.throttled += 1
            throttled = _error("Throttled", "THROTTLED", documentation=LIMITS)
            return throttled | self._costs(price, None)
        answer = operation.execute(variables, FIELDS, Call(self._world, origin))
        spent = price if operation.mutates else min(price, cost.actual(answer.get("data")))
        self._bucket.left -= spent
        return answer | self._costs(price, spent)

    def _available(self) -> float:
        rate = self._world.settings.restore_rate
        return self._bucket.fill(rate, SECONDS * rate, self._world.now())

    def _denied(self, operation: Operation) -> Json | None:
        for root in operation.roots:
            scope = SCOPES.get(root)
            if scope is not None and scope not in self._world.settings.scopes:
                told = _error(
                    f"Access denied for {root} field. Required access: `{scope}` access scope.",
                    "ACCESS_DENIED",
                    documentation="https://shopify.dev/api/usage/access-scopes",
                    requiredAccess=f"`{scope}` access scope.",
                )
                return {"data": {root: None}, **told}
        return None

    def _costs(self, price: int, spent: int | None) -> Json:
        settings = self._world.settings
        if not settings.costs:
            return {}
        status = {
            "maximumAvailable": SECONDS * settings.restore_rate,
            "currentlyAvailable": int(self._available()),
            "restoreRate": settings.restore_rate,
        }
        told = {"requestedQueryCost": price, "actualQueryCost": spent, "throttleStatus": status}
        return {"extensions": {"cost": told}}


def _error(message: str, code: str, **more: object) -> Json:
    return {"errors": [{"message": message, "extensions": {"code": code, **more}}]}
