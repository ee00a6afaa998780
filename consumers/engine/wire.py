"""What a plan speaks: it asks for requests, is given responses, and never sends anything itself."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

Json = Any  # the one place where JSON of others enters
T = TypeVar("T")
Plan = Generator[Any, Any, T]


@dataclass(frozen=True, slots=True)
class Request:
    """One call to a platform: `path` and `query` follow the account's base address, `endpoint` names its quota.

    `repeatable` says that the platform gives us a handle (an id, a natural key) that makes a second sending harmless.
    Where it is false, an unclear answer goes back to the plan, which must find out before it asks again. A `body` of
    bytes is sent as it is, anything else as JSON; `headers` stand beside the account's own and win over them. `rows` 0:
    it is about our own key, and shown to nobody.
    """

    method: str
    path: str
    endpoint: str
    body: Json = None
    query: tuple[tuple[str, str], ...] = ()
    repeatable: bool = True
    rows: int = 1  # how many records it carries
    headers: tuple[tuple[str, str], ...] = ()
    cost: int = 1  # how much of its quota it takes, where that is not counted in requests


@dataclass(frozen=True, slots=True)
class Response:
    """What came back. Status 0: nothing did, and nobody knows whether the platform acted."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    @property
    def unclear(self) -> bool:
        """May it have been carried out, or not?"""
        return self.status == 0 or self.status >= 500

    def json(self) -> Json:
        """The body as JSON; an empty object when it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}


def under(said: Json, *path: str) -> dict[str, Json]:
    """The object under these names, one within the other; an empty one where something else stands.

    >>> under({"data": {"attributes": {"id": 7}}}, "data", "attributes"), under({"data": [7]}, "data"), under(None)
    ({'id': 7}, {}, {})
    """
    for name in path:
        said = said.get(name) if isinstance(said, dict) else None
    return said if isinstance(said, dict) else {}


def objects(said: Json) -> list[dict[str, Json]]:
    """The objects in a list; none where something else stands.

    >>> objects([{"id": 7}, None, "x"]), objects({"id": 7})
    ([{'id': 7}], [])
    """
    return [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []


@dataclass(frozen=True, slots=True)
class Started:
    """From a plan to the engine: the platform works on this batch under `job`; settle that before anything else."""

    job: str


@dataclass(frozen=True, slots=True)
class Remember:
    """From a plan for one record to the engine: first of all, settle that `value` is remembered under this part.

    For a request that must not be repeated: whoever finds this later knows that it may have been sent.
    """

    part: str
    value: Json


@dataclass(frozen=True, slots=True)
class Nap:
    """From a plan to the engine: ask me again after `seconds`."""

    seconds: float


def ask(request: Request) -> Plan[Response]:
    """One request, one response."""
    response: Response = yield request
    return response


def ask_all(requests: Sequence[Request]) -> Plan[Sequence[Response]]:
    """Requests that may travel side by side; the responses come in the same order."""
    if not requests:
        return ()
    responses: Sequence[Response] = yield tuple(requests)
    return responses


def started(job: str) -> Plan[None]:
    """Return once a later owner of these records would know of the job."""
    yield Started(job)


def remember(part: str, value: Json) -> Plan[None]:
    """Return once a later owner of this record would know of it."""
    yield Remember(part, value)


def nap(seconds: float) -> Plan[None]:
    """Return after a while."""
    yield Nap(seconds)
