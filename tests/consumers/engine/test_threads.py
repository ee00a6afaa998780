"""Threads that nobody waits for, and how long a worker that is to stop waits for Kafka."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from consumers.engine.threads import AWAY_SECONDS, SLOW_SECONDS, KafkaThread, Loose, Unanswered

STUCK = """
import time
from consumers.engine.threads import Loose

Loose(1, "stuck").submit(time.sleep, 600)
print("ended")
"""


def test_a_call_returns_or_raises_as_it_would_without_a_thread() -> None:
    pool = Loose(2, "pool")
    assert pool.submit(divmod, 7, 2).result(10) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        pool.submit(divmod, 7, 0).result(10)
    assert pool.submit(str, b"\xc3\xa9", encoding="utf-8").result(10) == "é"
    pool.shutdown()


def test_a_call_that_never_returns_does_not_keep_a_process_from_ending() -> None:
    ran = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "ended\n"


def test_only_who_is_in_a_hurry_goes_without_an_answer() -> None:
    async def speak() -> float:
        over, kafka = threading.Event(), KafkaThread("pigeon", lambda: "Kafka does not answer")
        call = asyncio.ensure_future(kafka(over.wait))
        assert not (await asyncio.wait((call,), timeout=0.3))[0], "nobody is to stop"
        begun = time.monotonic()
        kafka.hurry()
        with pytest.raises(Unanswered):
            await call
        waited = time.monotonic() - begun
        with pytest.raises(Unanswered):
            await kafka(str)
        over.set()
        return waited

    assert AWAY_SECONDS <= asyncio.run(speak()) < SLOW_SECONDS
