"""A command at a terminal: what a person sees there, and what Ctrl-C does."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress


def at_terminal(*words: str, environ: Mapping[str, str], interrupt: str = "") -> tuple[int, str]:
    """Run `tillstream` with these words at a terminal of its own; its exit code and all that stood there.

    `interrupt`: press Ctrl-C as soon as this is read there.
    """
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "operations.cli", *words]
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=kept | dict(environ)) as process:
        os.close(theirs)
        seen = b""
        with suppress(OSError):  # the other end is closed: it has ended
            while read := os.read(ours, 4096):
                seen += read
                if interrupt and interrupt.encode() in seen:
                    process.send_signal(signal.SIGINT)
                    interrupt = ""
    os.close(ours)
    return process.returncode, seen.decode()
