"""The other side of a simulated platform, under `/sandbox`: order faults, and read out what really reached it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.web.answer import Json
from sandbox.web.faults import Fault
from sandbox.web.front import Front, Logged
from sandbox.web.post import Sender
from sandbox.web.wire import App

F = TypeVar("F", bound=Front[Any])
Work = Callable[[F, Mapping[str, str], Json], Any]
"""Given the platform, the query and the JSON body, does something and returns JSON."""


def replaced(settings: Any, body: Json) -> Any:
    """Settings with some values in place of the old ones; a list of JSON is a tuple here."""
    return replace(settings, **{name: tuple(one) if isinstance(one, list) else one for name, one in body.items()})


Changed = Callable[[Any, Json], Any]
"""An account's settings with some values from JSON in place of the old ones."""


def control(front: F, works: Mapping[tuple[str, str], Work[F]], changed: Changed = replaced) -> App:
    """The control application of one simulated account: its own works by (method, name), and those of all platforms."""
    post = _POST if isinstance(front.world, Sender) else {}
    settings: Mapping[tuple[str, str], Work[F]] = {("POST", "settings"): _settings(changed)}
    everything = {**_WORKS, **post, **settings, **works}
    routes = [
        Route(f"/sandbox/{name}", _endpoint(front, work), methods=[method])
        for (method, name), work in everything.items()
    ]
    routes.append(Route("/sandbox", _endpoint(front, _contents(everything)), methods=["GET"]))
    application: Any = Starlette(routes=routes)
    served: App = application
    return served


def _endpoint(front: F, work: Work[F]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        front.settle()
        body = await request.json() if await request.body() else {}
        return JSONResponse(work(front, request.query_params, body))

    return answer


def _contents(everything: Iterable[tuple[str, str]]) -> Work[Front[Any]]:
    """What there is to ask and to order, for a person who looks around."""
    lines = sorted(f"{method} /sandbox/{name}" for method, name in everything)
    return lambda *_: {"here": lines}


def _settings(changed: Changed) -> Work[Front[Any]]:
    """Change settings of the account, by name."""

    def change(front: Front[Any], _: Mapping[str, str], body: Json) -> Json:
        front.world.settings = changed(front.world.settings, body)
        return {}

    return change


def _requests(front: Front[Any], query: Mapping[str, str], _: Json) -> Json:
    """The request log, oldest first, or the part of one endpoint (`endpoint=POST /api/events`)."""
    wanted = query.get("endpoint")
    return {"requests": [_logged(line) for line in front.log if wanted in (None, line.endpoint)]}


def _logged(line: Logged) -> Json:
    return {**line._asdict(), "body": line.body.decode("utf-8", "replace")}


def _counts(front: Front[Any], _: Mapping[str, str], __: Json) -> Json:
    """Requests by endpoint and status (0: got no answer), how many met a 429, and what the platform counts itself."""
    endpoints: dict[str, dict[str, int]] = {}
    for (endpoint, status), count in front.counts.items():
        endpoints.setdefault(endpoint, {})[str(status)] = count
    throttled = sum(count for (_, status), count in front.counts.items() if status == 429)
    return {"endpoints": endpoints, "throttled": throttled, **front.world.sizes()}


def _fault(front: Front[Any], _: Mapping[str, str], body: Json) -> Json:
    """Order a fault; `for_seconds` sets its end, `retry_after` is short for that header."""
    body = dict(body)
    lasting, retry_after = body.pop("for_seconds", None), body.pop("retry_after", None)
    fault = Fault(**body)
    if lasting is not None:
        fault.until = front.world.now() + lasting
    if retry_after is not None:
        fault.headers = {**fault.headers, "retry-after": str(retry_after)}
    front.faults.standing.append(fault)
    return {"standing": len(front.faults.standing)}


def _no_faults(front: Front[Any], _: Mapping[str, str], __: Json) -> Json:
    front.faults.standing = []
    return {"standing": 0}


def advance(front: Front[Any], _: Mapping[str, str], body: Json) -> Json:
    """Move the account's clock forward by `seconds`."""
    front.world.skew += body["seconds"]
    front.settle()
    return {"now": front.world.now()}


def _reset(front: Front[Any], _: Mapping[str, str], __: Json) -> Json:
    """Forget everything but the settings (and where webhooks go)."""
    front.world.reset()
    front.clear()
    return {}


def _webhooks(front: Front[Any], _: Mapping[str, str], __: Json) -> Json:
    """What happened (webhooks), what was sent with which answer, what was lost on purpose, what still waits."""
    out = front.world.outgoing
    sent = [asdict(delivery) for delivery in out.sent]
    return {"webhooks": out.emitted, "sent": sent, "dropped": out.dropped, "waiting": len(out.letters)}


def _hooks(front: Front[Any], _: Mapping[str, str], body: Json) -> Json:
    """Steer webhooks, by the names of the account's `Hooks`."""
    front.world.hooks = replace(front.world.hooks, **body)
    return {}


_WORKS: Mapping[tuple[str, str], Work[Any]] = {
    ("GET", "requests"): _requests,
    ("GET", "counts"): _counts,
    ("POST", "faults"): _fault,
    ("DELETE", "faults"): _no_faults,
    ("POST", "time"): advance,
    ("POST", "reset"): _reset,
}
_POST: Mapping[tuple[str, str], Work[Any]] = {("GET", "webhooks"): _webhooks, ("POST", "hooks"): _hooks}
