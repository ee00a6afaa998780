"""The forms of custom data: the same tier is a text on one merchant's card and the value of a list on another's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from consumers.apparel21.errors import answered, judge, rule
from consumers.apparel21.people import api
from consumers.apparel21.person import Field
from consumers.apparel21.xml import Element, children, read
from consumers.engine.outcome import Misconfigured, Refusal
from consumers.engine.sink import Account
from consumers.engine.wire import Plan, ask
from consumers.refusals import something_else

KEEP = timedelta(minutes=15)


class Form(NamedTuple):
    """A field of a card: its type in Apparel21's word, and what its list holds (None: it takes any value)."""

    type: str
    values: tuple[str, ...] | None = None


class _Kept(NamedTuple):
    at: datetime
    forms: Mapping[str, Form]


def forms(account: Account, card: str) -> Plan[Mapping[str, Form] | Refusal]:
    """The fields of a card by label; read once, and again after a while or after a refusal."""
    kept = account.settings._forms.get(card)
    if kept is not None and account.now() - kept.at < KEEP:
        found: Mapping[str, Form] = kept.forms
        return found
    answer = yield from ask(api(account).template(card))
    if not answer.ok:
        missing = rule(answer).meaning == "nobody"
        return Misconfigured(f"Apparel21 has no custom data card {card!r}") if missing else judge(answer)
    root = answered(answer)
    if root is None:
        return something_else("Apparel21", "a template")
    read_now = fields(root, card)
    account.settings._forms[card] = _Kept(account.now(), read_now)
    return read_now


def fields(root: Element, card: str) -> Mapping[str, Form]:
    """The fields of one card among templates; labels are kept to the letter, blanks at their end included."""
    return {
        _raw(field, "Label"): _form(field)
        for template in children(root, "Template")
        if _raw(template, "Name") == card
        for field in children(template, "Fields/Field")
    }


def _raw(parent: Element, tag: str) -> str:
    found = parent.find(tag)
    return (found.text or "") if found is not None else ""


def _form(field: Element) -> Form:
    if read(field, "IsAdhocList").lower() == "true" or read(field, "Type") != "TagList":
        return Form(read(field, "Type"))
    return Form("TagList", tuple(read(tag, "Value") for tag in children(field, "Tags/Tag")))


def filled(known: Mapping[str, Form], card: str, label: str, value: str) -> Field | Misconfigured:
    """The field with a value in the form that its type wants; Misconfigured where the card has no such field."""
    form = known.get(label)
    if form is None:
        return Misconfigured(f"the custom data card {card!r} has no field {label!r}")
    return Field(card, label, value, listed=form.type == "TagList")
