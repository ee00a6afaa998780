"""Steer a running sandbox Klaviyo, and read out what really reached it, over HTTP."""

from __future__ import annotations

from typing import Any

from sandbox.web import remote
from sandbox.web.answer import Json


class Remote(remote.Remote):
    """The control side of the sandbox at `url`.

    `counts` also tells tallies (what was dropped silently), profiles, events and jobs; `settings` takes keys, scopes,
    limits, overrides, job_time, lag, latency, double_opt_in, sms_prefixes, kept_requests ...
    """

    def profiles(self, who: str | None = None) -> list[Json]:
        """Profiles with attributes, properties, consents, suppressions and lists; of one e-mail, number or id."""
        return self._list("profiles", who=who)

    def profile(self, who: str) -> Json:
        """The one profile with this e-mail, number or id; raises ValueError for none or several."""
        return self._one("profiles", who)

    def events(self, metric: str | None = None, who: str | None = None) -> list[Json]:
        """Recorded events in the order of arrival."""
        return self._list("events", metric=metric, who=who)

    def seed(self, **profile: Any) -> Json:
        """Put a profile there: attributes, consents {channel: {state, at}}, suppressions {reason: at}, lists."""
        return self._post("profiles", profile)

    def sabotage(self, **plan: Any) -> None:
        """Spoil import jobs to come: fail_rows, fail_emails, never_end, forget."""
        self._post("jobs", plan)

    def add_list(self, identity: str, name: str = "", *, double: bool = False) -> None:
        """Make a list with this id; `double`: double opt-in."""
        self._post("lists", {"id": identity, "name": name or identity, "double": double})

    def confirm(self, who: str) -> int:
        """Click the confirmation link of an e-mail address or number."""
        return int(self._post("confirm", {"who": who})["confirmed"])
