"""A connection's account at a platform while a worker runs: its quotas, its breaker, and whether it is stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

from consumers.engine.breaker import Breaker
from consumers.engine.outcome import Cause, Misconfigured
from consumers.engine.quota import Endpoint, Gate, Portion
from consumers.engine.sink import EVERY, Account, Sink
from tillstream.clock import Clock
from tillstream.settings.kinds import SecretError

PROBE_SECONDS = 30.0
AWAY_SECONDS = 60.0


class Pools:
    """Quotas by account and endpoint: connections that share an account share its quota."""

    def __init__(self, clock: Clock, share: Callable[[], float]) -> None:
        """`share`: the part of every quota that is ours, as assigned partitions / all partitions."""
        self._clock = clock
        self._share = share
        self._pools: dict[tuple[str, str], Endpoint] = {}
        self._portions: dict[tuple[str, str, float], Portion] = {}
        self._owners: dict[str, str] = {}
        self._names: dict[tuple[str, str], str] = {}

    def _owner(self, sink: Sink, account: Account) -> str:
        """Asked once: the key in it may be a file, and a rotated key is the same account's."""
        name = account.connection.name
        if name not in self._owners:
            self._owners[name] = sink.account_id(account.settings)
        return self._owners[name]

    def endpoint(self, sink: Sink, account: Account, name: str) -> Endpoint:
        """The quota of one endpoint of an account; where none is declared, that of all, or one without limits."""
        key = self._key(sink, account, name)
        if key not in self._pools:
            self._pools[key] = self._made(sink, account, key[1], 1.0)
        return self._pools[key]

    def portion(self, sink: Sink, account: Account, name: str, share: float) -> Gate:
        """A part of that quota, for what must leave room to others."""
        if share == 1.0:
            return self.endpoint(sink, account, name)
        key = (*self._key(sink, account, name), share)
        if key not in self._portions:
            self._portions[key] = Portion(self.endpoint(sink, account, name), self._made(sink, account, key[1], share))
        return self._portions[key]

    def _key(self, sink: Sink, account: Account, name: str) -> tuple[str, str]:
        """The account, and the name of the quota that its endpoint is counted by."""
        owner = self._owner(sink, account)
        if (owner, name) not in self._names:
            declared = {quota.endpoint for quota in sink.quotas(account.settings)}
            self._names[owner, name] = name if name in declared or EVERY not in declared else EVERY
        return owner, self._names[owner, name]

    def _made(self, sink: Sink, account: Account, name: str, share: float) -> Endpoint:
        windows = next((q.windows for q in sink.quotas(account.settings) if q.endpoint == name), ())
        part = float(getattr(account.settings, "quota_share", 1.0)) * share
        return Endpoint(windows, self._clock, lambda: self._share() * part, sounds=share == 1.0)

    def of(self, account: Account) -> list[tuple[str, Endpoint]]:
        """The endpoints of an account that were used, by name."""
        own = self._owners.get(account.connection.name)
        return [(name, endpoint) for (owner, name), endpoint in self._pools.items() if owner == own]

    def reassigned(self) -> None:
        """Our part of the partitions changed."""
        for endpoint in self._pools.values():
            endpoint.forget_phase()


@dataclass(slots=True)
class Live:
    """One connection at this platform. It is open, stopped by its configuration (`stopped` says why), or away."""

    sink: Sink
    account: Account
    clock: Clock
    breaker: Breaker
    headers: Mapping[str, str] = field(default_factory=dict)
    stopped: str = ""
    cause: Cause = "setting"  # of the last stop
    probe_at: float = 0.0
    probing: bool = False

    def __post_init__(self) -> None:
        self.refresh()

    @property
    def first_start(self) -> float:
        """From when on facts are for this group, were it to start now for the first time (seconds since 1970)."""
        start: str | date = getattr(self.account.settings, "start", "earliest")
        if start == "earliest":
            return 0.0
        if not isinstance(start, date):
            return self.account.now().timestamp()
        return datetime.combine(start, time(), self.account.connection.timezone).timestamp()

    def refresh(self) -> None:
        """Read the secrets again; one that cannot be read stops the connection as a wrong one does."""
        try:
            self.headers = self.sink.headers(self.account.settings)
        except SecretError as error:
            self.stop(Misconfigured(str(error), "secret"))

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.account.connection.name

    @property
    def url(self) -> str:
        """The base address of the account."""
        return self.sink.url(self.account.settings)

    def stop(self, why: Misconfigured) -> bool:
        """The platform says that our key, scope or version is wrong. True when that is news."""
        news = self.stopped != why.reason
        self.stopped, self.cause, self.probing = why.reason, why.cause, False
        self.probe_at = self.clock.monotonic() + PROBE_SECONDS
        return news

    def probe_ended(self, *, told: bool) -> None:
        """The one plan that was let through has ended. The next waits its time; or goes at once where this one came to
        a good end without writing anything, which tells nothing of what we may write."""
        self.probing = False
        now = self.clock.monotonic()
        self.probe_at = max(self.probe_at, now + PROBE_SECONDS) if told else now

    def resume(self) -> bool:
        """A request went through. True when the connection was stopped before."""
        news = bool(self.stopped)
        self.stopped, self.probing = "", False
        return news

    @property
    def may_start(self) -> int:
        """How many plans may start now: any number, one as a probe, or none."""
        if not self.stopped:
            return 0 if self.breaker.evicted else 1_000_000
        return int(not self.probing and self.clock.monotonic() >= self.probe_at)

    @property
    def unwell(self) -> str:
        """Why records of this connection should wait on the shelf if others flow; "" when they need not."""
        if self.stopped:
            return self.stopped
        since = self.breaker.open_since
        return (
            "the platform does not answer"
            if since is not None and self.clock.monotonic() - since > AWAY_SECONDS
            else ""
        )
