"""What every request must pass before anybody reads it: key, revision, content type, limit, size, JSON, scope."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

import orjson

from sandbox.klaviyo import routes
from sandbox.klaviyo.answer import Problem, Request, invalid, refused
from sandbox.klaviyo.check import BODY_LIMIT
from sandbox.klaviyo.limits import Full, Limit, Room, Windows
from sandbox.klaviyo.routes import Route
from sandbox.klaviyo.world import World
from sandbox.web.answer import NO_BODY, Answer, Knock
from sandbox.web.front import ORDERED, Front

_SCHEME = b"Klaviyo-API-Key "
_SERVED = ("2026-07-15", "2026-10-15")
_REVISION = re.compile(r"\d{4}-\d{2}-\d{2}(\.pre)?")
_CODES = {400: "invalid", 401: "not_authenticated", 403: "permission_denied", 404: "not_found", 410: "gone",
          429: "throttled", 503: "unavailable"}  # fmt: skip


class Klaviyo(Front[World]):
    """One simulated account behind HTTP."""

    content_type = b"application/vnd.api+json"

    def clear(self) -> None:
        """Forget requests, counts, limits and faults."""
        self._windows = Windows()
        super().clear()

    def answer(self, knock: Knock) -> Answer:
        """What Klaviyo says to this request."""
        found = routes.find(knock.method, knock.path)
        if found is None:
            return _nowhere(knock)
        _, route, ids = found
        turned_away = _identify(self.world, knock) or _dress(knock)
        if turned_away is not None:
            return turned_away
        room = self._room(route)
        if isinstance(room, Full):
            problem = Problem("Request was throttled.", code="throttled", title="Request was throttled.")
            return Answer(429, refused(429, [problem]).body, ((b"retry-after", b"%d" % room.wait),))
        answer = self.carried(self._admit, knock, route, ids)
        return Answer(answer.status, answer.body, (*answer.headers, *_limit_headers(room)))

    def endpoint(self, knock: Knock) -> str:
        """Its method and path template, or the bare path where nobody knows it."""
        return routes.name(knock.method, knock.path)

    def refusal(self, status: int, told: str = ORDERED) -> bytes:
        """The body of an ordinary error."""
        return refused(status, [Problem(told, code=_CODES.get(status, "error"), title="Sandbox fault.")]).body

    def _room(self, route: Route) -> Room | Full | None:
        settings = self.world.settings
        if not settings.limits:
            return None
        limit = settings.overrides.get(route.endpoint) or settings.overrides.get("*") or route.limit
        return self._windows.take(route.endpoint, Limit(*limit), self.world.now())

    def _admit(self, knock: Knock, route: Route, ids: tuple[str, ...]) -> Answer:
        if len(knock.body) > BODY_LIMIT:
            return refused(413, [Problem("The payload is larger than 5 MB.", code="payload_too_large")])
        scopes = self.world.settings.scopes
        if scopes is not None and not set(route.scopes) <= set(scopes):
            text = f"The key lacks one of the scopes: {', '.join(route.scopes)}."
            return refused(403, [Problem(text, code="permission_denied", title="Permission denied.")])
        try:
            body: Any = orjson.loads(knock.body) if knock.body else None
        except orjson.JSONDecodeError as error:
            raise invalid(Problem(f"The body is not JSON: {error}", "/")) from None
        raw = knock.query.decode("latin-1")
        base = f"http://{knock.headers.get(b'host', b'localhost').decode('latin-1')}"
        query = dict(parse_qsl(raw)) if raw else {}
        return route.handler(self.world, Request(base, knock.path, ids, raw, query, body, len(knock.body)))


def _nowhere(knock: Knock) -> Answer:
    if routes.known_path(knock.path):
        return refused(405, [Problem(f"Method '{knock.method}' not allowed.", code="method_not_allowed")])
    return refused(404, [Problem("The path does not exist.", code="not_found", title="Not found.")])


def _identify(world: World, knock: Knock) -> Answer | None:
    """401 unless the scheme word is right and the key is known."""
    given = knock.headers.get(b"authorization", b"")
    key = given.removeprefix(_SCHEME).decode("latin-1")
    known = world.settings.keys
    if given.startswith(_SCHEME) and (key.startswith("pk_") if known is None else key in known):
        return None
    text = "Incorrect authentication credentials."
    return refused(
        401, [Problem(text, code="not_authenticated", title="Authentication credentials were not provided.")]
    )


def _dress(knock: Knock) -> Answer | None:
    """400 without a revision, 410 for an unknown one by those who want to know, 415 for a body of another type."""
    revision = knock.headers.get(b"revision", b"").decode("latin-1")
    if not _REVISION.fullmatch(revision):
        return invalid(Problem("A revision header such as 2026-07-15 is required.", parameter="revision")).answer
    if revision not in _SERVED and knock.headers.get(b"x-klaviyo-revision-fall-forward-opt-out") == b"1":
        return refused(410, [Problem(f"Revision {revision} is no longer served.", code="gone", title="Gone.")])
    kind = knock.headers.get(b"content-type", b"").split(b";")[0].strip()
    if knock.body != NO_BODY and kind != b"application/vnd.api+json":
        text = "Unsupported media type: use application/vnd.api+json."
        return refused(415, [Problem(text, code="unsupported_media_type", title="Unsupported media type.")])
    return None


def _limit_headers(room: Room | None) -> tuple[tuple[bytes, bytes], ...]:
    if room is None:
        return ()
    return (
        (b"ratelimit-limit", b"%d" % room.limit),
        (b"ratelimit-remaining", b"%d" % room.remaining),
        (b"ratelimit-reset", b"%d" % room.reset),
    )
