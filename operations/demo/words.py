"""Put figures and steps into words for whoever watches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from operations import trace
from operations.demo.figures import Figures, Live

NAMES = {"klaviyo": "Klaviyo", "yotpo": "Yotpo", "clearer": "Clearer", "shopify": "Shopify", "apparel21": "Apparel21"}

Told = Sequence[tuple[str, int | str]]
"""Figures with their names."""


def words(step: trace.Step) -> str:
    """A step of a customer's road in one line; nothing for a step that tells a stranger nothing."""
    if step.kind == "event":
        whence = f"{step.file}, line {step.line}" if step.line else f"from {step.why}"
        return f"{whence}: published on {step.topic}, offset {step.offset}"
    if step.outcome.startswith(("skipped", "superseded")):
        return ""
    what = step.topic if step.offset is None else f"{step.topic}, offset {step.offset}"
    answer = f" by {step.call}, answered {step.status}" if step.call else ""
    return f"{step.group}: {what}: {step.outcome}{answer}" + (f" ({step.why})" if step.why else "")


def common(now: Live) -> Told:
    """What an act shows while it runs."""
    names = [name for name in NAMES if now.delivered.get(name)]
    delivered = [
        (f"{'delivered: ' * (not place)}{NAMES[name]}", now.delivered[name]) for place, name in enumerate(names)
    ]
    return [("rows", now.rows), *delivered]


def ends(now: Figures) -> Iterator[str]:
    """Of each platform that got anything, what became of its records."""
    for name, group in now.groups.items():
        if group.delivered:
            old = group.superseded + group.unchanged
            yield (
                f"{NAMES.get(name, name)}: {group.delivered:,} of {group.records:,} records delivered, "
                f"{group.skipped:,} skipped by a policy, {old:,} had nothing new"
            )
