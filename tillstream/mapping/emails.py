"""E-mail addresses as people type them at a till: the plain ones decided quickly, the rest by email-validator."""

import re

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from tillstream.mapping.unreadable import Unreadable

LONGEST = 100
# What is written where there is no address: whole cells, and (ending in @) local parts.
PLACEHOLDERS = frozenset(
    {"n/a", "na", "none", "null", "-", "x", "none@", "noemail@", "no-email@", "noreply@", "unknown@"},
)

_WORD = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_PLAIN = re.compile(rf"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:{_WORD}\.)+([a-z]{{2,}})")
_SPECIAL = frozenset(name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES)


def email(text: str, placeholders: frozenset[str] = PLACEHOLDERS) -> str | None:
    """The address trimmed and lowercased, None for a placeholder; raises `Unreadable("email")`.

    >>> email(" Kim@Customer.example "), email("n/a"), email("noemail@customer.example")
    ('kim@customer.example', None, None)
    """
    lowered = text.strip().lower()
    if not lowered or lowered in placeholders or lowered[: lowered.find("@") + 1] in placeholders:
        return None
    if len(lowered) > LONGEST:
        raise Unreadable("email")
    return lowered if is_plain(lowered) else validated(lowered)


def is_plain(lowered: str) -> bool:
    """Whether nothing but letters, digits and the usual marks stands in a short address, so that it is surely valid."""
    found = _PLAIN.fullmatch(lowered)
    return found is not None and len(lowered) <= 63 and found[1] not in _SPECIAL


def validated(lowered: str) -> str:
    """The address as email-validator writes it, without asking any name server."""
    try:
        found = validate_email(lowered, check_deliverability=False).normalized
    except EmailNotValidError:
        raise Unreadable("email") from None
    if len(found) > LONGEST:
        raise Unreadable("email")
    return found
