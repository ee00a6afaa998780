"""What the codec asks a schema registry, and how one says that it does not answer."""

from typing import Protocol

from schemas.definitions import Json


class RegistryAway(Exception):
    """The registry did not answer, and what is asked was never answered before. Try again later."""


class RegistryRefused(Exception):
    """The registry does not take the schema: it is incompatible with an earlier version, or we may not register."""


class Lookup(Protocol):
    """Schemas and their ids; `schemas.registry.Registry` is one."""

    def register(self, subject: str, schema: Json) -> int:
        """The id of our schema under a subject. Raises RegistryAway and RegistryRefused."""

    def schema(self, number: int) -> str | None:
        """The text of the schema with this id, None while nobody knows it."""
