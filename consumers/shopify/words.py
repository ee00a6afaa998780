"""Words as Shopify wants them: named transforms for its mapping table."""

from __future__ import annotations

from tillstream.mapping.transforms import transform

STATES = {
    "NEW SOUTH WALES": "NSW", "QUEENSLAND": "QLD", "SOUTH AUSTRALIA": "SA", "TASMANIA": "TAS", "VICTORIA": "VIC",
    "WESTERN AUSTRALIA": "WA", "AUSTRALIAN CAPITAL TERRITORY": "ACT", "NORTHERN TERRITORY": "NT",
}  # fmt: skip


@transform
def joined_in_store(text: str) -> str:
    """The note that a customer joined in a store.

    >>> joined_in_store("DONCASTER")
    'Joined in store DONCASTER'
    """
    return f"Joined in store {text}"


@transform
def state_code(text: str) -> str | None:
    """An Australian state as its letters; anything else is left out.

    >>> state_code("Victoria"), state_code("vic"), state_code("Otago")
    ('VIC', 'VIC', None)
    """
    found = text.strip().upper()
    return STATES.get(found, found if found in STATES.values() else None)


@transform
def marketing_state(answer: bool) -> str:
    """Shopify's word for a yes or no to marketing.

    >>> marketing_state(True), marketing_state(False)
    ('SUBSCRIBED', 'UNSUBSCRIBED')
    """
    return "SUBSCRIBED" if answer else "UNSUBSCRIBED"


@transform
def opt_in_level(answer: bool) -> str | None:
    """How a yes was given: once, at the till; a no has no level.

    >>> opt_in_level(True), opt_in_level(False)
    ('SINGLE_OPT_IN', None)
    """
    return "SINGLE_OPT_IN" if answer else None
