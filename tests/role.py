"""Roles at work: in a process of its own, to be killed and frozen, or in a thread beside the test."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from consumers.engine.assemble import Watch
from tests.waiting import until


class Role:
    """A command in a process of its own; `lines` is what it has said. Leaving the block ends it."""

    def __init__(self, config: Path, *words: str, environ: Mapping[str, str]) -> None:
        self._command = [sys.executable, "-m", "operations.cli", "--config", str(config), *words]
        self._environ = {**os.environ, **environ}
        self.lines: list[str] = []
        self.begin()

    def begin(self) -> None:
        """Start it (again)."""
        self.process = subprocess.Popen(
            self._command, env=self._environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._before = len(self.lines)
        self._ear = threading.Thread(target=self._hear, args=(self.process,), daemon=True)
        self._ear.start()

    def _hear(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.lines.extend(process.stdout)

    @property
    def told(self) -> str:
        """Everything it has said."""
        return "".join(self.lines)

    def said(self, words: str) -> bool:
        """Was it said?"""
        return any(words in line for line in self.lines)

    @property
    def pages(self) -> str:
        """Where its health pages are; "" while it has not said so."""
        found = re.search(r"listening on (\S+)", "".join(self.lines[self._before :]))
        return found[1] if found else ""

    def page(self, name: str) -> httpx.Response:
        """One of its pages."""
        return httpx.get(f"{self.pages}/{name}", trust_env=False, timeout=60)

    def ready(self) -> Role:
        """Itself, once it can do its work."""
        until(
            lambda: self.process.poll() is None and self.pages and self.page("readyz").is_success,
            what=lambda: self.told,
        )
        return self

    def metric(self, name: str) -> Callable[[], float]:
        """A number of its metrics page: `name{labels}` as it stands there."""

        def read() -> float:
            found = re.search(rf"^{re.escape(name)} (\S+)$", self.page("metrics").text, re.MULTILINE)
            return float(found[1]) if found else 0.0

        return read

    def kill(self) -> None:
        """As the power does it."""
        self.process.kill()
        self.process.wait(20)
        self._hear_out()

    def freeze(self) -> None:
        """Make it stand still."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Wake it."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self, seconds: float = 120) -> int:
        """SIGTERM, and its exit code."""
        self.process.terminate()
        return self.end(seconds)

    def end(self, seconds: float = 120) -> int:
        """Its exit code once it ends by itself; everything it had to say is heard by then."""
        code = self.process.wait(seconds)
        self._hear_out()
        return code

    def _hear_out(self) -> None:
        self._ear.join(60)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> Role:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)
        self._hear_out()


class Inside:
    """A worker in a thread. Leaving the block stops it; `code` is its exit code, `error` what it raised."""

    def __init__(self, work: Callable[[Watch], int]) -> None:
        self.watch, self.code, self.error = Watch(), -1, ""
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[Watch], int]) -> None:
        try:
            self.code = work(self.watch)
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def stop(self, seconds: float = 120) -> int:
        """Stop it, and its exit code."""
        assert self.running, f"the worker had ended by itself: {self.error}"
        self.watch.stop()
        self._thread.join(seconds)
        assert not self.running, "the worker did not stop"
        assert not self.error, self.error
        return self.code

    def __enter__(self) -> Inside:
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self.watch.stop()
            self._thread.join(120)
