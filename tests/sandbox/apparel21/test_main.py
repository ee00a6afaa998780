"""`python -m sandbox.apparel21` serves a Retail API of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sandbox.apparel21.remote import Remote


def test_it_runs_on_its_own() -> None:
    command = [sys.executable, "-m", "sandbox.apparel21", "--port", "0"]
    with subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        remote = Remote(process.stdout.readline().rpartition(" ")[2].strip())
        assert remote.seed("kim@customer.example", id=7)["id"] == 7
        assert remote.counts()["persons"] == 1
        remote.close()
        process.terminate()
