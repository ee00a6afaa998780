"""Steer a running simulated platform, and read out what really reached it, over HTTP."""

from __future__ import annotations

from typing import Any

import httpx

from sandbox.web.answer import Json


class Remote:
    """The control side of the sandbox at `url` (which is what the platform's `url` setting takes, too)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=f"{url}/sandbox", timeout=60, trust_env=False)

    def requests(self, endpoint: str | None = None) -> list[Json]:
        """The request log, oldest first: time, method, path, endpoint, body (text), status (0: no answer)."""
        return self._list("requests", endpoint=endpoint)

    def counts(self) -> Json:
        """endpoints {endpoint: {status: n}}, throttled, and what else the platform counts."""
        return self._ok(self._client.get("counts"))

    def fault(self, **order: Any) -> None:
        """Order a fault: the fields of `Fault`, and `for_seconds`, `retry_after`."""
        self._post("faults", order)

    def no_faults(self) -> None:
        """Take all orders back."""
        self._ok(self._client.delete("faults"))

    def settings(self, **changes: Any) -> None:
        """Change settings of the simulated account, by name."""
        self._post("settings", changes)

    def advance(self, seconds: float) -> None:
        """Move its clock forward."""
        self._post("time", {"seconds": seconds})

    def reset(self) -> None:
        """Forget everything but the settings."""
        self._post("reset", {})

    def webhooks(self, topic: str | None = None) -> list[Json]:
        """Webhook bodies of everything that happened, whether they were delivered or not; where a platform has any."""
        return [body for body in self._list("webhooks") if topic in (None, body["topic"])]

    def post(self) -> Json:
        """sent [{topic, id, attempt, status}], dropped, waiting."""
        found = self._ok(self._client.get("webhooks"))
        return {name: found[name] for name in ("sent", "dropped", "waiting")}

    def hooks(self, **changes: Any) -> None:
        """Steer webhooks: url, copies, shuffled, delay, drop, retries, pause, topics, and what the platform adds."""
        self._post("hooks", changes)

    def close(self) -> None:
        """Close the connection of this object; the sandbox goes on."""
        self._client.close()

    def _list(self, what: str, **query: str | None) -> list[Json]:
        given = {name: value for name, value in query.items() if value is not None}
        found: list[Json] = self._ok(self._client.get(what, params=given))[what]
        return found

    def _one(self, what: str, who: str) -> Json:
        """The one of a list that is named; raises ValueError for none or several."""
        (found,) = self._list(what, who=who)
        return found

    def _post(self, what: str, body: Json) -> Json:
        return self._ok(self._client.post(what, json=body))

    @staticmethod
    def _ok(response: httpx.Response) -> Json:
        told: Json = response.raise_for_status().json()
        return told
