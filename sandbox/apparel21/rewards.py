"""The Rewards module over the wire: accounts, points, rewards, gifts, and what is redeemed of them.

Every posting has a RequestId, which counts once (403/5163). Source: Apparel21 Retail API guide, "Rewards".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from xml.etree.ElementTree import Element

from sandbox.apparel21.people import dated
from sandbox.apparel21.wire import LISTED, Call, Refused, add, nothing, said, xml
from sandbox.apparel21.world import Account, Balance, Redemption, World
from sandbox.web.answer import Answer

KINDS = {"points": ("Points", 5156), "rewards": ("Amount", 5157), "gifts": ("GiftId", 5171)}
"""Kind -> the element that says how much, and the code of a refusal when there is not enough."""
LISTS = {"points": ("PointsList", "Accrual", "AccrualId"), "rewards": ("RewardsList", "Reward", "RewardId"),
         "gifts": ("GiftList", "Gift", "IssueId")}  # fmt: skip
LONGEST = 250
REVERSIBLE = 24 * 3600


def open_account(world: World, program: str, person: int, tier: str = "") -> Account:
    """Enrol a person; an account of another program ends, an ended one of this program begins again."""
    known = world.shop.programs.get(int(program)) if program.isdigit() else None
    if known is None:
        raise Refused(403, 5162, "there is no such program")
    number = int(tier) if tier else known.tiers[0].id
    if number not in {one.id for one in known.tiers}:
        raise Refused(403, 5159, "the tier is not valid for the program")
    held = world.account_of(person)
    if held is not None and held.program == known.id:
        raise Refused(403, 5161, "the account exists")
    if held is not None:
        held.active = False
    again = next((one for one in world.accounts.values() if (one.person, one.program) == (person, known.id)), None)
    account = again or Account(world.serial(), known.id, number, person, world.now())
    account.active, account.tier = True, number
    world.accounts[account.id] = account
    return account


def one(world: World, call: Call) -> Answer:
    """GET /Rewards/Accounts/{id}."""
    return xml(_render(world, _account(world, call)))


def enrol(world: World, call: Call) -> Answer:
    """POST /Rewards/Accounts."""
    person = said(call.xml, "PersonId")
    if world.visible(person) is None:
        raise Refused(403, 5166, "the person is not valid")
    locked = dated(said(call.xml, "TierLockedUntilDate"))
    account = open_account(world, said(call.xml, "ProgramId"), int(person), said(call.xml, "TierId"))
    account.locked = locked
    return xml(_render(world, account), 201)


def change(world: World, call: Call) -> Answer:
    """PUT /Rewards/Accounts/{id}: a lock date that is not sent is cleared."""
    account, body = _account(world, call), call.xml
    _is_theirs(account, body)
    tier = said(body, "TierId")
    if tier and tier not in {str(known.id) for known in world.shop.programs[account.program].tiers}:
        raise Refused(403, 5159, "the tier is not valid for the program")
    account.locked = dated(said(body, "TierLockedUntilDate"))
    account.tier = int(tier) if tier else account.tier
    return xml(_render(world, account))


def _account(world: World, call: Call) -> Account:
    found = world.accounts.get(int(call.ids[0])) if call.ids[0].isdigit() else None
    if found is None or world.visible(str(found.person)) is None:
        raise Refused(403, 5152, "the account does not exist")
    return found


def _is_theirs(account: Account, body: Element) -> None:
    if said(body, "PersonId") not in ("", str(account.person)):
        raise Refused(403, 5155, "the person does not match the account")


def _render(world: World, account: Account) -> Element:
    program = world.shop.programs[account.program]
    root = Element("RewardAccount")
    told = (
        ("Id", account.id), ("ProgramId", program.id), ("ProgramName", program.name), ("Currency", "AUD"),
        ("TierId", account.tier), ("TierName", next(one.name for one in program.tiers if one.id == account.tier)),
        ("PersonId", account.person), ("TierLockedUntilDate", account.locked),
        ("AvailablePoints", account.left("points")), ("AvailableRewards", account.left("rewards")),
        ("JoinDate", f"{world.local(account.joined):%Y-%m-%d}"),
    )  # fmt: skip
    for tag, text in told:
        add(root, tag, text)
    for kind, names in LISTS.items():
        listed = add(root, names[0], **LISTED)
        for balance in account.balances:
            if balance.kind == kind:
                _balance(world, add(listed, names[1]), names[2], balance)
    return root


def _balance(world: World, entry: Element, name: str, balance: Balance) -> None:
    left = balance.total - balance.redeemed
    told = ((name, balance.id), ("CreatedDateTime", world.iso(balance.created)), ("Description", balance.description),
            ("Total", balance.total), ("Redeemed", balance.redeemed), ("PendingRedemption", 0), ("Available", left),
            ("ExpiryDate", balance.expiry))  # fmt: skip
    for tag, text in told:
        add(entry, tag, text)


# -- postings -------------------------------------------------------------------------------------------------------


def post(world: World, call: Call) -> Answer:
    """POST /Rewards/Accounts/{id}/{Points,Rewards,Gifts}."""
    account, body, kind = _account(world, call), call.xml, call.ids[1].lower()
    _is_theirs(account, body)
    request = _request(world, body)
    amount = Decimal(1) if kind == "gifts" else _positive(said(body, KINDS[kind][0]))
    told = (said(body, "Description"), dated(said(body, "ExpiryDate")))
    account.balances.append(Balance(world.serial(), kind, amount, Decimal(0), *told, world.now()))
    _note(world, account, body, kind, amount, confirmed=True)
    world.requests[request] = None
    return Answer(201)


def redeem(world: World, call: Call) -> Answer:
    """POST /Rewards/Accounts/{id}/{Points,Rewards,Gifts}/Redemptions; final at once with AutoConfirm."""
    account, body, kind = _account(world, call), call.xml, call.ids[1].lower()
    _is_theirs(account, body)
    request = _request(world, body)
    amount = Decimal(1) if kind == "gifts" else _positive(said(body, KINDS[kind][0]))
    if account.left(kind) < amount:
        raise Refused(403, KINDS[kind][1], "not enough is left")
    final = said(body, "AutoConfirm").lower() == "true"
    world.requests[request] = Redemption(account.id, _take(account, kind, amount), final, world.now())
    _note(world, account, body, kind, -amount, confirmed=final)
    return Answer(201)


def _take(account: Account, kind: str, amount: Decimal) -> list[tuple[int, Decimal]]:
    """Oldest first."""
    taken = []
    for balance in account.balances:
        part = min(amount, balance.total - balance.redeemed) if balance.kind == kind else Decimal(0)
        if part > 0:
            balance.redeemed += part
            amount -= part
            taken.append((balance.id, part))
    return taken


def confirm(world: World, call: Call) -> Answer:
    """POST /Rewards/Confirmation?requestId=."""
    _pending(world, call).confirmed = True
    return Answer(200)


def reverse(world: World, call: Call) -> Answer:
    """POST /Rewards/Reversal?requestId=: within 24 hours, while it is not confirmed."""
    pending = _pending(world, call)
    if pending.confirmed or world.now() - pending.at > REVERSIBLE:
        raise Refused(403, 5170, "it is final")
    balances = {balance.id: balance for balance in world.accounts[pending.account].balances}
    for number, part in pending.taken:
        balances[number].redeemed -= part
    pending.taken = []
    return Answer(201)


def _pending(world: World, call: Call) -> Redemption:
    request = call.query.get("requestid", "")
    if not request:
        raise Refused(403, 5158, "requestId is missing")
    found = world.requests.get(request)
    if found is None:
        raise nothing()
    return found


def _request(world: World, body: Element) -> str:
    """The id of a posting whose texts are short enough."""
    request = said(body, "RequestId")
    if not request:
        raise Refused(403, 5164, "RequestId is missing")
    if any(len(said(body, tag)) > LONGEST for tag in ("Description", "Reference")):
        raise Refused(403, 5014, "a text is too long")
    if request in world.requests:
        raise Refused(403, 5163, "the RequestId was processed already")
    return request


def _positive(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise Refused(403, 5153, "not a positive number") from None
    if found <= 0:
        raise Refused(403, 5154 if found < 0 else 5153, "not a positive number")
    return found


def _note(world: World, account: Account, body: Element, kind: str, amount: Decimal, *, confirmed: bool) -> None:
    told = {"TransactionDateTime": world.iso(world.now()), "Description": said(body, "Description"),
            "Reference": said(body, "Reference"), "Confirmed": str(confirmed)}  # fmt: skip
    column = {"points": "Points", "rewards": "RewardAmount"}.get(kind)
    account.history.append({**told, **({column: str(amount)} if column else {"GiftId": said(body, "GiftId")})})


# -- lists ----------------------------------------------------------------------------------------------------------


def transactions(world: World, call: Call) -> Answer:
    """GET /Rewards/Accounts/{id}/Transactions[&fromDate=]."""
    since = call.query.get("fromdate", "")
    found = [one for one in _account(world, call).history if one["TransactionDateTime"] >= since]
    if not found:
        raise nothing()
    root = Element("RewardTransactions", LISTED)
    for told in found:
        entry = add(root, "Transaction")
        for tag, text in told.items():
            add(entry, tag, text)
    return xml(root)


def simple(world: World, call: Call) -> Answer:
    """GET /Rewards/RewardsSimple: balances of many accounts, with their addresses."""
    _licensed(world)
    person = call.query.get("personid", "")
    found = [one for one in world.accounts.values() if one.active and person in ("", str(one.person))]
    return _listed(world, call, found)


def expired(world: World, call: Call) -> Answer:
    """GET /Rewards/ExpiredRewardsSimple: accounts that hold rewards which expired in a time."""
    _licensed(world)
    begin, end = (call.query.get(name, usual) for name, usual in (("fromexpiry", "0"), ("toexpiry", "9")))
    today = f"{world.local(world.now()):%Y-%m-%d}"
    return _listed(world, call, [
        account for account in world.accounts.values()
        if any(one.expiry and begin <= one.expiry <= end and one.expiry < today for one in account.balances)
    ])  # fmt: skip


def _licensed(world: World) -> None:
    if not world.settings.licensed:
        raise Refused(403, 5247, "the endpoint is not licensed for this web store")


def _listed(world: World, call: Call, found: Sequence[Account]) -> Answer:
    start, rows = call.page()
    part = found[start - 1 : start - 1 + rows]
    if not part:
        raise nothing()
    root = Element("RewardsAccounts", {**LISTED, "TotalRows": str(len(found))})
    for account in part:
        entry = _render(world, account)
        entry.tag = "RewardsAccount"
        add(entry, "Email", world.persons[account.person].email)
        root.append(entry)
    return xml(root)


def seed(world: World, person: int, *, tier: int, points: int = 0, locked: str = "") -> Account:
    """An account as if it had always been."""
    account = open_account(world, "1", person, str(tier))
    account.locked = locked and date.fromisoformat(locked).isoformat()
    if points:
        account.balances.append(Balance(world.serial(), "points", Decimal(points), Decimal(0), "Sale", "", world.now()))
    return account
