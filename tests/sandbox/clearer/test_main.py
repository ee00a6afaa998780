"""`python -m sandbox.clearer` serves an account of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sandbox.clearer.remote import Remote


def test_it_runs_on_its_own() -> None:
    command = [sys.executable, "-m", "sandbox.clearer", "--port", "0"]
    with subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        remote = Remote(process.stdout.readline().rpartition(" ")[2].strip())
        remote.seed("7", balance=5, details={"email": "kim@customer.example"}, tier="tier_1")
        assert remote.customer("7")["pointBalance"] == 5
        assert remote.counts()["customers"] == 1
        remote.close()
        process.terminate()
