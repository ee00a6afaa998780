"""Whatever fails at whichever call, and whenever the worker is killed: one voucher, or the points back, never both."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.apparel21.vouchers import redemptions
from consumers.apparel21.xml import load, read
from consumers.engine.outcome import Deferred, Delivered, Outcome, Rejected
from consumers.engine.wire import Request, Response
from tests.consumers.apparel21.counter import GOLDEN, NOW, Desk, account, event

PRIYA = "priya.oconnor@customer.example"
BODY = (GOLDEN / "priya.xml").read_bytes()
VOUCHER: dict[str, Any] = {"sku": 6321, "type": "LOYALTY_EMAIL", "amounts": {"$20 off": 20}}
PAGE = b"<html><body>Sorry</body></html>"
INSTEAD = {
    "lost": Response(0),
    "500": Response(500, PAGE),
    "200 page": Response(200, PAGE),
    "404 page": Response(404, PAGE),
    "database": Response(403, b"<AP21Error><ErrorCode>5015</ErrorCode></AP21Error>"),
    "refused": Response(403, b"<AP21Error><ErrorCode>5014</ErrorCode></AP21Error>"),
}
"""Faults, and what is answered; what is clearly refused is not done."""
NEVER_DONE = ("refused", "database")
NOTHING = Response(404, b"<AP21Error><ErrorCode>5008</ErrorCode></AP21Error>")
TAKEN = Response(400, b"<AP21Error><ErrorCode>5052</ErrorCode></AP21Error>")

Try = tuple[int, str, str, int]
"""The call that fails, how ("kill": nobody is left to hear the answer), when an order is made that is not refused, and
hours until the next try."""
tries = st.tuples(
    st.integers(0, 3), st.sampled_from(["kill", *INSTEAD]), st.sampled_from(["now", "late", "never"]),
    st.sampled_from([1, 25]),
)  # fmt: skip


class Killed(Exception):
    """The worker is gone."""


class Apparel21:
    """Has one person, takes each order number once, and fails one call of each try."""

    def __init__(self) -> None:
        self.vouchers, self.late = list[str](), list[str]()
        self.fault, self.calls = (-1, "none", "now"), 0

    def begin(self, fault: tuple[int, str, str]) -> None:
        """A try that fails like this."""
        self.fault, self.calls = fault, 0

    def settle(self) -> None:
        """What it was still at is done."""
        self.vouchers += [number for number in self.late if number not in self.vouchers]
        self.late.clear()

    def __call__(self, request: Request) -> Response:
        _, said, when = self.fault if self.calls == self.fault[0] else (-1, "none", "now")
        self.calls += 1
        done = self._order(request, "never" if said in NEVER_DONE else when) if request.method == "POST" else None
        if said == "kill":
            raise Killed
        return INSTEAD.get(said) or done or self._read(request)

    def _order(self, request: Request, when: str) -> Response:
        root = load(request.body)
        assert root is not None
        number = read(root, "OrderNumber")
        if number in self.vouchers:
            return TAKEN
        if when != "never":
            (self.vouchers if when == "now" else self.late).append(number)
        return Response(201) if when == "now" else Response(0)

    def _read(self, request: Request) -> Response:
        if request.path.endswith("/Orders/"):
            listed = "".join(f"<Order><OrderNumber>{one}</OrderNumber></Order>" for one in self.vouchers)
            return Response(200, f"<Orders>{listed}</Orders>".encode()) if listed else NOTHING
        return Response(200, BODY if request.path == "/Persons/73152" else b"<Persons>" + BODY + b"</Persons>")


def redemption() -> Any:
    told = {"kind": "redemption", "email": PRIYA, "redemption_id": "8841", "option_name": "$20 off", "points": 200}
    when = {"origin": "yotpo", "source_time": "2025-04-02T01:00:00Z", "option_type": "Custom Reward"}
    return event("rewards", **told, **when)


def tried(desk: Desk, world: Apparel21) -> Outcome | None:
    """One try; None where it ended with the worker."""
    try:
        [outcome] = desk.send(redemptions, redemption())
    except Killed:
        return None
    finally:
        world.settle()
    return outcome


@settings(deadline=None, max_examples=500)  # other work on this machine is no fault of ours
@given(st.lists(tries, max_size=5))
def test_a_redemption_ends_as_one_voucher_or_with_its_points_back(fails: list[Try]) -> None:
    world, now, turns = Apparel21(), NOW, iter(fails)
    desk = Desk(account(voucher=VOUCHER), world)
    outcome: Outcome | None = None
    while not isinstance(outcome, Delivered | Rejected):
        call, said, when, hours = next(turns, (-1, "none", "now", 1))
        world.begin((call, said, when))
        outcome = tried(desk.at(now), world)
        assert outcome is None or isinstance(outcome, Deferred | Delivered | Rejected)
        now += timedelta(hours=hours)
    given_back = len(outcome.emits)
    assert (len(world.vouchers), given_back) in ((1, 0), (0, 1))
    assert isinstance(outcome, Delivered) == (given_back == 0)
    again = tried(desk, world)
    assert not getattr(again, "emits", ())
    assert len(world.vouchers) == 1 - given_back
