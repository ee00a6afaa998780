"""Write a tier to a person's account in Apparel21's Rewards module.

Apparel21 goes on calculating tiers itself after the lock date, which therefore is the tier's expiry. Source: Apparel21
Retail API guide, "Rewards": a lock date that is not sent is cleared; a RequestId is wanted for points only, and points
are not written here, since Apparel21 counts its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from consumers.apparel21.errors import CREATED, answered, judge, rule, yes
from consumers.apparel21.people import TRIES, Written, api, step_aside
from consumers.apparel21.person import identity, rewards_account
from consumers.apparel21.xml import Element, grow, read
from consumers.engine.outcome import Refusal, Rejected, RetryLater
from consumers.engine.sink import Account
from consumers.engine.wire import Plan, Response, ask
from consumers.refusals import LATER, something_else

Said = Mapping[str, str]
"""TierId, and TierLockedUntilDate where the tier ends."""


def set_tier(account: Account, person: Element, said: Said) -> Plan[Written | Refusal]:
    """Tier and lock date as said; who has no account is enrolled, if the settings name a program."""
    number = rewards_account(person)
    if not number:
        return (yield from _enrol(account, person, said))
    for calls in range(TRIES + 1):
        found = yield from _read(account, number)
        if not isinstance(found, Element):
            return found
        if all(read(found, tag) == said.get(tag, "") for tag in ("TierId", "TierLockedUntilDate")):
            return Written(calls)
        answer = yield from ask(api(account).replace_account(number, _body({**said, "PersonId": identity(person)})))
        if yes(answer):
            return Written(calls + 1, answer.status)
        if not _again(answer):
            return judge(answer)
        yield from step_aside()
    return RetryLater(LATER, "the rewards account is changed faster than we can read")


def _enrol(account: Account, person: Element, said: Said) -> Plan[Written | Refusal]:
    """An enrolment whose answer is lost is found by the next look at the person."""
    program = account.settings.rewards_account.program
    if not program:
        return Rejected("no_account", "the person has no rewards account, and rewards_account.program names no program")
    answer = yield from ask(
        api(account).enrol(_body({"ProgramId": str(program), **said, "PersonId": identity(person)}))
    )
    return Written(1, answer.status) if answer.status == CREATED else judge(answer)


def _read(account: Account, number: str) -> Plan[Element | Refusal]:
    answer = yield from ask(api(account).account(number))
    root = answered(answer) if answer.ok else None
    if root is not None:
        return root
    return something_else("Apparel21", "an account") if answer.ok else judge(answer)


def _again(answer: Response) -> bool:
    return answer.unclear or rule(answer).meaning == "stale"


def _body(said: Said) -> Element:
    return grow("RewardAccount", said)
