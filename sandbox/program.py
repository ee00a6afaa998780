"""Run one outside program on a leash: it never outlives us, and says why when it dies early."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

# The watcher reads a pipe of ours. A line means "let go"; its end means that we are gone, however we died.
_LEASH = 'exec 3<&0 </dev/null; (read -r _ <&3 || kill -KILL $$) & exec 3<&-; exec "$@"'


class MissingProgramError(Exception):
    """A program the sandbox needs is not installed; the message names the Debian package."""


class ProgramDiedError(Exception):
    """A program ended, or did not become ready; the message ends with the tail of its log."""


_PROMISED: list[socket.socket] = []


def free_port() -> int:
    """A TCP port of this machine that nobody listens on right now, that no connection is given as its own end, and
    that nobody else is given here while this process runs, for a server that comes up later or comes back wants it.

    Systems take those of connections from 32768 up (ip(7), ip_local_port_range). The port stays bound, but nobody
    listens: a server binds it with SO_REUSEADDR (socket(7)), as servers do, and whoever asks here does so without.
    """
    for port in random.sample(range(20_000, 32_000), 1_000):
        with socket.socket() as asking, contextlib.suppress(OSError):
            asking.bind(("127.0.0.1", port))
            asking.close()
            promised = socket.socket()
            promised.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            promised.bind(("127.0.0.1", port))
            _PROMISED.append(promised)
            return port
    raise OSError("no port of this machine is free")


class Program:
    """One running process whose output goes to a log file; it is killed when this Python process ends."""

    def __init__(self, command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None) -> None:
        self._log = log
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _LEASH, "leash", *command],
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=environ,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it still runs (a paused one does)."""
        return self._process.poll() is None

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log."""
        return "\n".join(self._log.read_text("utf-8", "replace").splitlines()[-lines:])

    def pause(self) -> None:
        """Freeze it, as a machine that hangs does."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Wake it from `pause`."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self, seconds: float = 20) -> None:
        """Ask it to end, insist after `seconds`, and wait until it is gone."""
        if self.running:
            self._process.terminate()
            self.resume()
            if not self._ended_within(seconds):
                self._process.kill()
        self._let_go()

    def kill(self) -> None:
        """End it without warning (SIGKILL), and wait until it is gone."""
        self._process.kill()
        self._let_go()

    def _ended_within(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _let_go(self) -> None:
        self._process.wait()
        leash = self._process.stdin
        if leash is not None and not leash.closed:
            # A program ended before its watcher stood has nobody at the other end.
            with contextlib.suppress(BrokenPipeError):
                leash.write(b"free\n")
                leash.close()
