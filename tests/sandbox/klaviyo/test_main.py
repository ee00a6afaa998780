"""`python -m sandbox.klaviyo` serves an account of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sandbox.klaviyo.remote import Remote


def test_it_runs_on_its_own() -> None:
    command = [sys.executable, "-m", "sandbox.klaviyo", "--port", "0", "--list", "Xy12Ab", "--no-limits"]
    with subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().rpartition(" ")[2].strip()
        remote = Remote(url)
        assert remote.counts()["profiles"] == 0
        assert remote.seed(attributes={"email": "kim@customer.example"}, lists=["Xy12Ab"])["lists"] == ["Xy12Ab"]
        remote.close()
        process.terminate()
