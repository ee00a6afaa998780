"""Steer a running sandbox Klaviyo, and read out what really reached it, over HTTP."""

from __future__ import annotations

from typing import Any

import httpx

from sandbox.klaviyo.answer import Json


class Remote:
    """The control side of the sandbox at `url` (which is what `[connection.X.klaviyo] url` takes, too)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=f"{url}/sandbox", timeout=60, trust_env=False)

    def profiles(self, who: str | None = None) -> list[Json]:
        """Profiles with attributes, properties, consents, suppressions and lists; of one e-mail, number or id."""
        return self._list("profiles", who=who)

    def profile(self, who: str) -> Json:
        """The one profile with this e-mail, number or id; raises ValueError for none or several."""
        (found,) = self.profiles(who)
        return found

    def events(self, metric: str | None = None, who: str | None = None) -> list[Json]:
        """Recorded events in the order of arrival."""
        return self._list("events", metric=metric, who=who)

    def requests(self, endpoint: str | None = None) -> list[Json]:
        """The request log, oldest first: time, method, path, endpoint, body (text), status (0: no answer)."""
        return self._list("requests", endpoint=endpoint)

    def counts(self) -> Json:
        """endpoints {endpoint: {status: n}}, throttled, tallies (what was dropped silently), profiles, events, jobs."""
        counts: Json = self._ok(self._client.get("counts"))
        return counts

    def seed(self, **profile: Any) -> Json:
        """Put a profile there: attributes, consents {channel: {state, at}}, suppressions {reason: at}, lists."""
        seeded: Json = self._post("profiles", profile)
        return seeded

    def fault(self, **order: Any) -> None:
        """Order a fault: the fields of `Fault`, and `for_seconds`, `retry_after`."""
        self._post("faults", order)

    def no_faults(self) -> None:
        """Take all orders back."""
        self._ok(self._client.delete("faults"))

    def sabotage(self, **plan: Any) -> None:
        """Spoil import jobs to come: fail_rows, fail_emails, never_end, forget."""
        self._post("jobs", plan)

    def settings(self, **changes: Any) -> None:
        """Change settings: keys, scopes, limits, overrides, job_time, lag, latency, sms_prefixes, kept_requests ..."""
        self._post("settings", changes)

    def advance(self, seconds: float) -> None:
        """Move its clock forward."""
        self._post("time", {"seconds": seconds})

    def add_list(self, identity: str, name: str = "", *, double: bool = False) -> None:
        """Make a list with this id; `double`: double opt-in."""
        self._post("lists", {"id": identity, "name": name or identity, "double": double})

    def confirm(self, who: str) -> int:
        """Click the confirmation link of an e-mail address or number."""
        confirmed: int = self._post("confirm", {"who": who})["confirmed"]
        return confirmed

    def reset(self) -> None:
        """Forget everything but the settings."""
        self._post("reset", {})

    def close(self) -> None:
        """Close the connection of this object; the sandbox goes on."""
        self._client.close()

    def _list(self, what: str, **query: str | None) -> list[Json]:
        given = {name: value for name, value in query.items() if value is not None}
        found: list[Json] = self._ok(self._client.get(what, params=given))[what]
        return found

    def _post(self, what: str, body: Json) -> Any:
        return self._ok(self._client.post(what, json=body))

    @staticmethod
    def _ok(response: httpx.Response) -> Any:
        return response.raise_for_status().json()
