"""Ask a platform what a plan of questions asks: no quota, no breaker, nothing settled; a person or a webhook waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from consumers.engine.wire import Nap, Plan, Request, Response, T


async def drive(plan: Plan[T], send: Callable[[Request], Awaitable[Response]]) -> T:
    """Run the plan to its end."""
    answer: object = None
    try:
        while True:
            asked = plan.send(answer)
            answer = None
            if isinstance(asked, Request):
                answer = await send(asked)
            elif isinstance(asked, tuple):
                answer = await asyncio.gather(*map(send, asked))
            elif isinstance(asked, Nap):
                await asyncio.sleep(asked.seconds)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        plan.close()
