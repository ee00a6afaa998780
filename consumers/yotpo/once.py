"""Send what has no handle: note that it is about to go, and after an unclear end read before it goes again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from consumers.engine.outcome import Deferred, Outcome, Rejected
from consumers.engine.sink import Account
from consumers.engine.wire import Json, Plan, Request, ask, remember
from consumers.refusals import unclear
from consumers.yotpo.errors import judge
from consumers.yotpo.reading import in_history, look_up

GRACE, LONGEST = timedelta(minutes=5), timedelta(hours=2)
MOST_TRIES = 16
Ledger = Mapping[str, Json]


class Letter(NamedTuple):
    """A request that must not be repeated, and how it is recognised in the history of whom it concerns."""

    request: Request
    email: str
    reference: str


class Taken(NamedTuple):
    """Yotpo has it; `found`: from an earlier sending; `again`: an earlier sending was not found, but may show yet."""

    status: int
    found: bool = False
    again: bool = False


def send_once(account: Account, part: str, ledger: Ledger, letter: Letter) -> Plan[Taken | Outcome]:
    """Send, unless an earlier sending arrived. `part` and `ledger`: where it is noted, and beside what.

    Yotpo works on what it was given for a while before it shows, so what cannot be found is looked for again before
    it is sent again. What shows later than that, or never (an order that earns nothing), may be sent twice.
    """
    if "begun" in ledger:
        earlier = yield from _earlier(account, part, ledger, letter)
        if earlier is not None:
            return earlier
    tries = ledger.get("tries", 0) + 1
    if tries > MOST_TRIES:
        return Rejected("exhausted", f"{tries - 1} times it did not become clear whether it was taken")
    noted = {**ledger, "begun": account.now().isoformat(), "tries": tries}
    yield from remember(part, noted)
    answer = yield from ask(letter.request)
    if unclear(answer):
        return Deferred("unclear", _look_again(noted), remember={part: noted})
    if answer.ok:
        return Taken(answer.status, again=tries > 1)
    refusal = judge(answer)
    if not isinstance(refusal, Rejected):
        yield from remember(part, dict(ledger) or None)  # a clear no: what goes again for it was not sent before
    return refusal


def _earlier(account: Account, part: str, ledger: Ledger, letter: Letter) -> Plan[Taken | Outcome | None]:
    """What became of an earlier sending; None where it did not arrive."""
    found = yield from look_up(letter.email, history=True)
    if not isinstance(found, dict):
        return found
    if in_history(found, letter.reference):
        return Taken(200, found=True)
    again = _look_again(ledger)
    return Deferred("unclear", again, remember={part: dict(ledger)}) if account.now() < again else None


def _look_again(ledger: Ledger) -> datetime:
    """After ever longer whiles."""
    wait: timedelta = min(GRACE * 2 ** (ledger.get("tries", 1) - 1), LONGEST)
    return datetime.fromisoformat(ledger["begun"]) + wait
