"""What every request must pass: the address, the token, JSON; and the addresses beside GraphQL."""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import parse_qsl

import orjson

from sandbox.shopify import bulk
from sandbox.shopify.graph import Graph
from sandbox.shopify.operation import read
from sandbox.shopify.world import World
from sandbox.web.answer import Answer, Json, Knock
from sandbox.web.front import ORDERED, Front

TOKEN = "/admin/oauth/access_token"
_GRAPHQL = re.compile(r"/admin/api/(\d{4}-\d{2})/graphql\.json")
_RESULT = re.compile(rf"{bulk.RESULTS}/(\d+)\.jsonl")
UNKNOWN_TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"


class Shopify(Front[World]):
    """One simulated store behind HTTP."""

    def clear(self) -> None:
        """Forget requests, counts, the bucket and faults."""
        self._graph = Graph(self.world)
        super().clear()

    def answer(self, knock: Knock) -> Answer:
        """What Shopify says to this request."""
        if (knock.method, knock.path) == ("POST", TOKEN):
            return self._token(knock)
        if (knock.method, knock.path) == ("POST", bulk.STAGED):
            return Answer(bulk.upload(self.world, _header(knock, b"content-type"), knock.body))
        if found := _RESULT.fullmatch(knock.path):
            lines = bulk.download(self.world, int(found[1]))
            return _told(404, "Not Found") if lines is None else Answer(200, lines)
        version = self._version(knock)
        if version is None:
            return _told(404, "Not Found")
        answer = self.carried(self._admit, knock)
        return Answer(answer.status, answer.body, (*answer.headers, (b"x-shopify-api-version", version.encode())))

    def endpoint(self, knock: Knock) -> str:
        """The method and, for GraphQL, the root fields asked for: `POST customerCreate`; the path elsewhere."""
        asked = _asked(knock) if _GRAPHQL.fullmatch(knock.path) else None
        operation = read(asked["query"], asked.get("operationName")) if asked else ""
        return f"{knock.method} {knock.path if isinstance(operation, str) else ' '.join(operation.roots)}"

    def refusal(self, status: int, told: str = ORDERED) -> bytes:
        """The body of an ordinary error: a text, not a list."""
        return _told(status, told).body

    def _version(self, knock: Knock) -> str | None:
        """The version that answers: the one asked for, the oldest for one that has expired, none for a future one."""
        found = _GRAPHQL.fullmatch(knock.path)
        served = self.world.settings.versions
        if found is None or knock.method != "POST" or found[1] > served[-1]:
            return None
        return max((one for one in served if one <= found[1]), default=served[0])

    def _admit(self, knock: Knock) -> Answer:
        if not self._known(_header(knock, b"x-shopify-access-token")):
            return _told(401, UNKNOWN_TOKEN)
        if not _header(knock, b"content-type").startswith("application/json"):
            return _told(400, "Bad Request")
        asked = _asked(knock)
        if asked is None:
            return _told(400, "Bad Request")
        variables, name = asked.get("variables") or {}, asked.get("operationName")
        origin = f"http://{_header(knock, b'host')}"
        return Answer(200, orjson.dumps(self._graph.answer(asked["query"], variables, name, origin)))

    def _known(self, token: str) -> bool:
        ends = self.world.tokens.get(token)
        return bool(token) and (token == self.world.settings.token or (ends is not None and self.world.now() < ends))

    def _token(self, knock: Knock) -> Answer:
        """The client credentials grant. Source: shopify.dev, "Using the client credentials grant"."""
        form = dict(parse_qsl(knock.body.decode("utf-8", "replace")))
        settings = self.world.settings
        if form.get("grant_type") != "client_credentials":
            return Answer(400, orjson.dumps({"error": "unsupported_grant_type"}))
        if (form.get("client_id"), form.get("client_secret")) != (settings.client_id, settings.client_secret):
            return Answer(400, orjson.dumps({"error": "invalid_client"}))
        token = f"shpat_{secrets.token_hex(16)}"
        self.world.tokens[token] = self.world.now() + settings.token_life
        scope = ",".join(settings.scopes)
        return Answer(200, orjson.dumps({"access_token": token, "scope": scope, "expires_in": settings.token_life}))


def _told(status: int, message: str) -> Answer:
    """An error before GraphQL: `errors` is a text there."""
    return Answer(status, orjson.dumps({"errors": message}))


def _header(knock: Knock, name: bytes) -> str:
    return knock.headers.get(name, b"").decode("latin-1")


def _asked(knock: Knock) -> Json | None:
    """The body of a request with a query; None for anything else."""
    try:
        body: Any = orjson.loads(knock.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        return None
    return body if isinstance(body.get("variables") or {}, dict) else None
