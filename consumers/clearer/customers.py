"""Bring customers to Clearer.io."""

from __future__ import annotations

from consumers.clearer.errors import judge
from consumers.clearer.requests import save_customer
from consumers.members import Desk, arrivals, rows

DESK = Desk("clearer.customer", "PUT /v1/customers/{id}", save_customer, judge)

customers = rows(DESK)
moved = arrivals(DESK)
