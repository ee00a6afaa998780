"""The other side of a simulated platform, under `/sandbox`: order faults, and read out what really reached it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.web.answer import Json
from sandbox.web.faults import Fault
from sandbox.web.front import Front, Logged
from sandbox.web.wire import App

F = TypeVar("F", bound=Front)
Work = Callable[[F, Mapping[str, str], Json], Any]
"""Given the platform, the query and the JSON body, does something and returns JSON."""


def control(front: F, works: Mapping[tuple[str, str], Work[F]]) -> App:
    """The control application of one simulated account: its own works by (method, name), and those of all platforms."""
    everything: Mapping[tuple[str, str], Work[F]] = {**_WORKS, **works}
    routes = [
        Route(f"/sandbox/{name}", _endpoint(front, work), methods=[method])
        for (method, name), work in everything.items()
    ]
    application: Any = Starlette(routes=routes)
    served: App = application
    return served


def _endpoint(front: F, work: Work[F]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        front.settle()
        body = await request.json() if await request.body() else {}
        return JSONResponse(work(front, request.query_params, body))

    return answer


def _requests(front: Front, query: Mapping[str, str], _: Json) -> Json:
    """The request log, oldest first, or the part of one endpoint (`endpoint=POST /api/events`)."""
    wanted = query.get("endpoint")
    return {"requests": [_logged(line) for line in front.log if wanted in (None, line.endpoint)]}


def _logged(line: Logged) -> Json:
    return {**line._asdict(), "body": line.body.decode("utf-8", "replace")}


def counts(front: Front) -> Json:
    """Requests by endpoint and status (0: got no answer), and how many met a 429."""
    endpoints: dict[str, dict[str, int]] = {}
    for (endpoint, status), count in front.counts.items():
        endpoints.setdefault(endpoint, {})[str(status)] = count
    throttled = sum(count for (_, status), count in front.counts.items() if status == 429)
    return {"endpoints": endpoints, "throttled": throttled}


def _fault(front: Front, _: Mapping[str, str], body: Json) -> Json:
    """Order a fault; `for_seconds` sets its end, `retry_after` is short for that header."""
    body = dict(body)
    lasting, retry_after = body.pop("for_seconds", None), body.pop("retry_after", None)
    fault = Fault(**body)
    if lasting is not None:
        fault.until = front.now() + lasting
    if retry_after is not None:
        fault.headers = {**fault.headers, "retry-after": str(retry_after)}
    front.faults.standing.append(fault)
    return {"standing": len(front.faults.standing)}


def _no_faults(front: Front, _: Mapping[str, str], __: Json) -> Json:
    front.faults.standing = []
    return {"standing": 0}


_WORKS: Mapping[tuple[str, str], Work[Any]] = {
    ("GET", "requests"): _requests,
    ("GET", "counts"): lambda front, _, __: counts(front),
    ("POST", "faults"): _fault,
    ("DELETE", "faults"): _no_faults,
}
