"""The customers of a simulated account, and how each of them is found."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.web.answer import Json


@dataclass(slots=True)
class Customer:
    """One customer. Times are Unix seconds; `spent` are (time, cents) of orders, refunds below zero."""

    number: int
    email: str
    created: float
    updated: float
    details: Json = field(default_factory=dict)  # what POST /customers said, by its own names
    balance: int = 0
    earned: int = 0
    redeemed: int = 0
    spent: list[tuple[float, int]] = field(default_factory=list)
    purchases: int = 0
    last_purchase: float | None = None
    tier: int | None = None
    tier_since: float | None = None
    tier_ends: float | None = None
    history: list[Json] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The platform's id of the customer, "" where nobody said one."""
        return str(self.details.get("id") or "")


class People:
    """All customers of one account."""

    def __init__(self) -> None:
        self.everybody: list[Customer] = []
        self._emails: dict[str, Customer] = {}
        self._last = 0

    def by_email(self, email: str) -> Customer | None:
        """The one with this address; case does not matter."""
        return self._emails.get(email.strip().lower())

    def find(self, name: str, value: str) -> Customer | None:
        """The one with this `customer_email`, `customer_id`, `pos_account_id` or `phone_number`."""
        if name == "customer_email":
            return self.by_email(value)
        field_name = {"customer_id": "id"}.get(name, name)
        return next((one for one in self.everybody if str(one.details.get(field_name) or "") == value), None)

    def add(self, email: str, now: float) -> Customer:
        """A new customer with this address."""
        self._last += 1
        customer = Customer(self._last, email.strip().lower(), now, now)
        self.everybody.append(customer)
        self._emails[customer.email] = customer
        return customer

    def rename(self, customer: Customer, email: str) -> None:
        """Give a customer another address, which must be free."""
        self._emails.pop(customer.email, None)
        customer.email = email.strip().lower()
        self._emails[customer.email] = customer

    def erase(self, customer: Customer) -> None:
        """Keep nothing of a customer."""
        self.everybody.remove(customer)
        del self._emails[customer.email]
