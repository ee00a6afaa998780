"""Ask a Confluent-compatible schema registry as seldom as possible, and go on without it with what it said before."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError

from schemas.definitions import Json
from schemas.lookup import RegistryAway, RegistryRefused

PATIENCE = 3.0
"""Seconds that one request to the registry may take: a worker's poll waits for it."""

ASK_AGAIN = 5.0
"""Seconds before a question that had no answer is asked again, however many records want to know."""

_PASSWORD = re.compile(r"//[^/@]*@")


class Registry:
    """Ids of our schemas, schemas of others' ids.

    What was learned outlives the process in the file `memory`, for this registry only: another has ids of its own.
    """

    def __init__(self, url: str, memory: Path | None = None, time: Callable[[], float] = monotonic) -> None:
        """Connects to nothing yet. `url` may carry user and password."""
        self._client = SchemaRegistryClient({"url": url, "timeout": PATIENCE, "max.retries": 0})
        self._memory = memory
        self._time = time
        self._lock = Lock()
        self._not_before: dict[str, float] = {}
        self._place = _PASSWORD.sub("//", url)
        self._known: dict[str, Any] = _remembered(memory).get(self._place, {})

    def register(self, subject: str, schema: Json) -> int:
        """The id of our schema under a subject. Raises RegistryAway or RegistryRefused."""
        text = json.dumps(schema, separators=(",", ":"))
        found = self._answer(f"{subject} {text}", lambda: self._client.register_schema(subject, Schema(text, "AVRO")))
        if found is None:
            raise RegistryAway(f"the schema registry gave no id for {subject}")
        return int(found)

    def schema(self, number: int) -> str | None:
        """The text of the schema with this id; None when the registry does not know it or does not answer."""
        try:
            text: str | None = self._answer(str(number), lambda: self._client.get_schema(number).schema_str)
        except RegistryRefused:
            return None
        return text

    def _answer(self, question: str, ask: Callable[[], Any]) -> Any:
        with self._lock:
            if question in self._known:
                return self._known[question]
            if self._time() < self._not_before.get(question, 0.0):
                return None
            self._not_before[question] = self._time() + ASK_AGAIN
            answer = _attempt(ask)
            if answer is not None:
                self._known[question] = answer
                _remember(self._memory, {self._place: self._known})
            return answer


def _attempt(ask: Callable[[], Any]) -> Any:
    """The answer, or None when there is none now. Raises RegistryRefused when asking again cannot help."""
    try:
        return ask()
    except SchemaRegistryError as error:
        if error.http_status_code in {401, 403, 404, 409, 422}:
            raise RegistryRefused(f"the schema registry answers {error.http_status_code}: {error}") from error
        return None
    except Exception:  # which library carries the requests, and so what it raises, is the client's affair
        return None


def _remembered(memory: Path | None) -> dict[str, dict[str, Any]]:
    """What was learned; nothing where the file is not there, or not whole: the machine may have lost its power."""
    try:
        read = json.loads(memory.read_text(encoding="utf-8")) if memory else None
    except (FileNotFoundError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _remember(memory: Path | None, known: dict[str, dict[str, Any]]) -> None:
    if memory is None:
        return
    fresh = memory.with_name(f"{memory.name}.{os.getpid()}.new")
    fresh.write_text(json.dumps(known), encoding="utf-8")
    fresh.replace(memory)
