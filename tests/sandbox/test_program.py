"""A program on the leash ends when we end, and not before."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.program import Program, free_port


def gone(pid: int) -> bool:
    """Whether no process has this id; waits up to a minute."""
    for _ in range(1_200):
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.05)
    return False


def test_it_is_killed_when_its_owner_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from sandbox.program import Program;"
        f"print(Program(['sleep', '60'], Path({str(tmp_path / 'log')!r})).pid, flush=True); time.sleep(60)"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, "-c", script], env=environ, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        owner.send_signal(signal.SIGKILL)
    assert gone(pid)


def test_stop_asks_and_then_insists(tmp_path: Path) -> None:
    deaf = Program(["/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], tmp_path / "log")
    time.sleep(0.2)
    deaf.stop(seconds=0.3)
    assert not deaf.running


def test_a_paused_program_can_be_stopped(tmp_path: Path) -> None:
    program = Program(["sleep", "60"], tmp_path / "log")
    program.pause()
    assert program.running
    program.stop()
    assert not program.running


def test_its_words_are_kept(tmp_path: Path) -> None:
    program = Program(["/bin/sh", "-c", "echo no such setting"], tmp_path / "log")
    while program.running:
        time.sleep(0.01)
    program.stop()
    assert program.tail() == "no such setting"


def test_a_free_port_is_none_that_a_connection_may_be_given_meanwhile() -> None:
    """Else a server that was stopped might find its port taken when it comes back."""
    given = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
    assert all(1024 < free_port() < int(given[0]) for _ in range(100))


def test_a_free_port_is_given_to_nobody_else_before_its_server_comes_up() -> None:
    port = free_port()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    for _ in range(2):  # and when it comes back
        with socket.create_server(("127.0.0.1", port)) as server, socket.create_connection(server.getsockname()):
            server.accept()[0].close()
