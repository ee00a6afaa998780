"""Bring customers to Yotpo."""

from __future__ import annotations

from consumers.members import Desk, arrivals, rows
from consumers.yotpo.errors import judge
from consumers.yotpo.requests import save_customer

DESK = Desk("yotpo.customer", "POST /customers", save_customer, judge)

customers = rows(DESK)
moved = arrivals(DESK)
