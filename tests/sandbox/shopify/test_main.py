"""`python -m sandbox.shopify` serves a store of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sandbox.shopify.remote import Remote


def test_it_runs_on_its_own() -> None:
    command = [sys.executable, "-m", "sandbox.shopify", "--port", "0"]
    with subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        remote = Remote(process.stdout.readline().rpartition(" ")[2].strip())
        remote.register(email="kim@customer.example", firstName="Kim")
        assert remote.customer("kim@customer.example")["firstName"] == "Kim"
        remote.close()
        process.terminate()
