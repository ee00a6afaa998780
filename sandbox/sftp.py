"""A real OpenSSH server on this machine with keys, a folder and an account of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

from sandbox.program import MissingProgramError, Program, ProgramDiedError, free_port

FOLDERS = ("pending", "processed", "rejected", "bulk", "test")
PASSWORD = "shop-floor"
"""Of the account `tillstream`, where the server has accounts of its own."""

_HASH = "$6$tillstream$MDsc6p7jaDwf9Xkpv3SwebSdi1SKAgXpA1LqDRe/iiHEyF0V.TOHhqsHuAM/3x9dP5izPcoSMR4lU0U94h.Fb."
_ACCOUNTS = {
    "passwd": "root:x:0:0::/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/bin/false\ntillstream:x:0:0::/:/bin/sh\n",
    "shadow": f"root:*:19000::::::\nsshd:!:19000::::::\ntillstream:{_HASH}:19000::::::\n",
}
_PATIENCE = 15.0


class SftpServer:
    """One sshd. It listens on `host` and `port`; `root` is the folder that clients see (see `remote`).

    As root, on a kernel that allows mount namespaces, it lives apart: clients see `root` as `/`, and the account
    `tillstream` has a password; nothing of the machine's own accounts is touched. Elsewhere clients log in by key as
    whoever runs this, see the whole machine, and `password` is None.
    """

    def __init__(self, folder: Path, denied: Iterable[str], options: Mapping[str, str]) -> None:
        self._folder = folder.resolve()
        self._denied = ",".join(denied)
        self._options = dict(options)
        self._apart = _can_live_apart()
        self._program: Program | None = None
        self.host, self.port = "127.0.0.1", free_port()
        self.username = "tillstream" if self._apart else pwd.getpwuid(os.getuid()).pw_name
        self.password = PASSWORD if self._apart else None
        self.root = self._folder / "files"
        self.private_key_file = self._folder / "user_key"
        self.known_hosts_file = self._folder / "known_hosts"

    @classmethod
    def start(
        cls,
        folder: Path,
        connections: Sequence[str] = ("au",),
        denied: Iterable[str] = (),
        options: Mapping[str, str] | None = None,
    ) -> Self:
        """A running server with `/pending/<connection>` and its four neighbours for each connection.

        `denied` names requests of the SFTP protocol that it refuses, such as `rename` and `posix-rename` (manual page
        sftp-server(8), option -P); `options` are lines of sshd_config(5).
        Raises MissingProgramError without sshd, ProgramDiedError when it does not come up.
        """
        server = cls(folder, denied, options or {})
        for connection in connections:
            for name in FOLDERS:
                (server.root / name / connection).mkdir(parents=True, exist_ok=True)
        server._prepare()
        server.resume()
        return server

    def remote(self, path: str) -> str:
        """What a client calls `/pending/au`: just that where it lives apart, else the full path on this machine."""
        return path if self._apart else f"{self.root}{path}"

    def resume(self) -> None:
        """Start it again on the same port; nothing if it runs."""
        if self._program is None or not self._program.running:
            self._program = Program(self._command(), self._folder / "sshd.log")
            self._await_banner(self._program)

    def stop(self) -> None:
        """End the server and every session."""
        if self._program is not None:
            sessions = _descendants(self._program.pid)
            self._program.stop()
            _signal(sessions, signal.SIGKILL)

    def drop(self) -> None:
        """Break every session; the server goes on."""
        _signal(self._sessions(), signal.SIGKILL)

    def freeze(self) -> None:
        """Let every session hang without closing it; `thaw` wakes them."""
        _signal(self._sessions(), signal.SIGSTOP)

    def thaw(self) -> None:
        """Wake the sessions from `freeze`."""
        _signal(self._sessions(), signal.SIGCONT)

    def change_host_key(self) -> None:
        """Come back as somebody else; the file of known hosts still names the old key."""
        self.stop()
        (self._folder / "host_key").unlink()
        (self._folder / "host_key.pub").unlink()
        _make_key(self._folder / "host_key")
        self.resume()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _sessions(self) -> list[int]:
        return _descendants(self._program.pid) if self._program is not None else []

    def _prepare(self) -> None:
        """Keys, accounts and the configuration file."""
        for name in ("host_key", "user_key"):
            _make_key(self._folder / name)
        for name, text in _ACCOUNTS.items():
            (self._folder / name).write_text(text, "ascii")
        public = (self._folder / "host_key.pub").read_text("ascii")
        self.known_hosts_file.write_text(f"[{self.host}]:{self.port} {public}", "ascii")
        shutil.copy(self._folder / "user_key.pub", self._folder / "authorized_keys")
        lines = {**self._settings(), **self._options}
        (self._folder / "sshd_config").write_text("".join(f"{key} {value}\n" for key, value in lines.items()), "utf-8")

    def _settings(self) -> dict[str, str]:
        force = f"internal-sftp -P {self._denied}" if self._denied else "internal-sftp"
        return {
            "ListenAddress": self.host,
            "HostKey": str(self._folder / "host_key"),
            "PidFile": "none",
            "AuthorizedKeysFile": str(self._folder / "authorized_keys"),
            "StrictModes": "no",
            "UsePAM": "no",
            "PermitRootLogin": "yes",
            "PasswordAuthentication": "yes" if self._apart else "no",
            "KbdInteractiveAuthentication": "no",
            "MaxStartups": "100",
            "MaxSessions": "100",
            "ChrootDirectory": "/mnt" if self._apart else "none",
            "Subsystem": "sftp internal-sftp",
            "ForceCommand": force,
        }

    def _command(self) -> list[str]:
        """Apart: with our files over /mnt and our accounts over the machine's, in a mount namespace of its own."""
        server = [_sshd(), "-D", "-e", "-f", str(self._folder / "sshd_config"), "-p", str(self.port)]
        if not self._apart:
            return server
        bound = {"files": "/mnt", "passwd": "/etc/passwd", "shadow": "/etc/shadow"}
        mounts = [f"mount --bind '{self._folder / name}' {place}" for name, place in bound.items()]
        return ["unshare", "-m", "/bin/sh", "-c", " && ".join([*mounts, 'exec "$@"']), "sshd", *server]

    def _await_banner(self, program: Program) -> None:
        patience = time.monotonic() + _PATIENCE
        while not _greets(self.host, self.port):
            if not program.running or time.monotonic() > patience:
                program.kill()
                raise ProgramDiedError(f"sshd did not come up on port {self.port}:\n{program.tail()}")
            time.sleep(0.02)


def _sshd() -> str:
    """The full path of sshd, which it insists on being called by; it is rarely on the path of ordinary users."""
    found = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise MissingProgramError("sshd is not installed; a real SFTP server needs it: apt-get install openssh-server")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # what Debian's start script does; sshd refuses to run without it
    return found


def _can_live_apart() -> bool:
    if os.getuid() != 0 or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


def _make_key(file: Path) -> None:
    if not file.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "sandbox", "-f", str(file)], check=True)


def _greets(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1) as peer:
            return peer.recv(4) == b"SSH-"
    except OSError:
        return False


def _descendants(parent: int) -> list[int]:
    """The processes below one, from /proc."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            above = int((folder / "stat").read_text("utf-8").rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if above == parent:
            found += [int(folder.name), *_descendants(int(folder.name))]
    return found


def _signal(processes: Iterable[int], number: signal.Signals) -> None:
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            continue
