"""`python -m sandbox.yotpo` serves an account of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sandbox.yotpo.remote import Remote


def test_it_runs_on_its_own() -> None:
    command = [sys.executable, "-m", "sandbox.yotpo", "--port", "0", "--no-limits"]
    with subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        api = process.stdout.readline().rpartition(" ")[2].strip()
        remote = Remote(api.removesuffix("/api/v2"))
        assert remote.api == api
        remote.seed("kim@customer.example", balance=5)
        assert remote.customer("kim@customer.example")["points_balance"] == 5
        remote.close()
        process.terminate()
