"""What mutations answer: the payload with its userErrors, of which most have no code."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.web.answer import Json


@dataclass(frozen=True, slots=True)
class Wrong:
    """One userError; `field` is the path to it, none for the whole."""

    message: str
    field: tuple[str, ...] | None = None
    code: str | None = None

    def told(self) -> Json:
        """As the API gives it."""
        return {"field": list(self.field) if self.field else None, "message": self.message, "code": self.code}


def payload(name: str, found: object, wrong: list[Wrong] | None = None) -> Json:
    """A mutation's payload: what it is about, or what was wrong with the input."""
    wrong = wrong or []
    return {name: None if wrong else found, "userErrors": [one.told() for one in wrong]}
