"""Take files from an SFTP server that has proved to be the right one; whatever hangs ends in a time-out.

Facts about paramiko 3.5 and 4: reads are only fast with prefetch, and an unbounded prefetch of a large file fills the
memory (`SFTPFile.prefetch`, "max_concurrent_requests"); OpenSSH's own client keeps 64 requests open. A rename over an
existing file is refused by the server (SFTP version 3, section 6.5), which is what keeps archived files safe.
"""

from __future__ import annotations

import contextlib
import errno
import io
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
from paramiko.hostkeys import InvalidHostKey
from paramiko.sftp import CMD_NAME

from producers.inbox import WAITING, Away, Locked, NotMoved, Upload, Vanished, free_names, readable
from tillstream.settings import SecretError, Sftp

CONNECT_SECONDS = 15.0
ANSWER_SECONDS = 30.0
KEEPALIVE_SECONDS = 15
REQUESTS = 64
SAME_SECRET_SECONDS = 600.0
"""A refused password is not tried again for so long, unless it changes: servers lock accounts out."""
KEYS = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


class Door:
    """The way in, and what it remembers of having been refused. A changed host key shuts it until a restart."""

    def __init__(self, settings: Sftp, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._settings = settings
        self._answer_seconds = answer_seconds
        self._changed = ""
        self._refused: tuple[str, float] | None = None

    def open(self) -> SftpInbox:
        """A connection that is let in. Raises Locked, or Away when the server cannot be reached."""
        if self._changed:
            raise Locked("host_key", self._changed)
        secret = self._secret()
        if self._refused is not None and self._refused[0] == secret and time.monotonic() < self._refused[1]:
            raise Locked("password", "the server refuses the user or the secret; waiting for another one")
        client = self._known()
        try:
            self._enter(client, secret)
            return SftpInbox(client, self._settings, self._answer_seconds)
        except BaseException:
            client.close()
            raise

    def _secret(self) -> str:
        settings = self._settings
        secret = settings.private_key or settings.password
        try:
            return secret.read() if secret else ""
        except SecretError as error:
            raise Locked("secret", str(error)) from error

    def _known(self) -> paramiko.SSHClient:
        """A client that takes no host on trust."""
        settings, client = self._settings, paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        if settings.known_hosts_file:
            try:
                client.load_host_keys(str(settings.known_hosts_file))
            except OSError as error:
                raise Locked("host_key", f"{settings.known_hosts_file} cannot be read: {error.strerror}") from error
            except (ValueError, TypeError, paramiko.SSHException, InvalidHostKey) as error:
                raise Locked("host_key", f"{settings.known_hosts_file} holds a key that is none") from error
        if settings.host_key:
            kind, _, rest = settings.host_key.strip().partition(" ")
            entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{self._host} {kind} {rest}")
            if entry is None or entry.key is None:
                raise Locked(
                    "host_key", "the host_key in the configuration is not one: it looks like `ssh-ed25519 AAAA...`"
                )
            client.get_host_keys().add(self._host, kind, entry.key)
        return client

    @property
    def _host(self) -> str:
        """The name under which a host key is kept (OpenSSH, sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT")."""
        host, port = self._settings.host, self._settings.port
        return host if port == paramiko.config.SSH_PORT else f"[{host}]:{port}"

    def _enter(self, client: paramiko.SSHClient, secret: str) -> None:
        settings = self._settings
        way = {"pkey": private_key(secret)} if settings.private_key else {"password": secret}
        try:
            client.connect(
                settings.host, settings.port, settings.username, **way,
                timeout=CONNECT_SECONDS, banner_timeout=CONNECT_SECONDS, auth_timeout=CONNECT_SECONDS,
                channel_timeout=CONNECT_SECONDS, allow_agent=False, look_for_keys=False,
            )  # fmt: skip
        except paramiko.BadHostKeyException as error:
            self._changed = (
                f"{settings.host} shows another host key than the one we know; this may be an attack. If the server "
                "really has a new key, put it into the configuration and start again"
            )
            raise Locked("host_key", self._changed) from error
        except paramiko.AuthenticationException as error:
            self._refused = (secret, time.monotonic() + SAME_SECRET_SECONDS)
            raise Locked("password", f"{settings.host} refuses the user {settings.username}: {error}") from error
        except paramiko.SSHException as error:
            if "not found in known_hosts" in str(error):
                raise Locked("host_key", f"nobody vouches for {settings.host}: {error}") from error
            raise Away("unreachable", f"{settings.host}: {error}") from error
        except (OSError, EOFError, UnicodeError) as error:
            told = getattr(error, "strerror", None) or str(error) or type(error).__name__  # paramiko's errno is None
            raise Away("unreachable", f"{settings.host}: {told}") from error


def private_key(text: str) -> paramiko.PKey:
    """A key from the text of its file. Raises Locked when it is none that we can use."""
    for kind in KEYS:
        with contextlib.suppress(Exception):  # of a damaged key it is told whatever paramiko stumbled over
            return kind.from_private_key(io.StringIO(text))
    raise Locked("secret", "the private key cannot be read: it should be an OpenSSH key without a passphrase")


class SftpInbox:
    """One connection's folders on a server. Raises Away whenever the line is lost or the server takes too long."""

    def __init__(self, client: paramiko.SSHClient, settings: Sftp, answer_seconds: float) -> None:
        self._client = client
        self._paths = {name: getattr(settings, name).rstrip("/") or "/" for name in (*WAITING, "processed", "rejected")}
        with _line():
            self._sftp = _session(client, answer_seconds)

    def _path(self, folder: str, name: str) -> str:
        return f"{self._paths[folder]}/{name}"

    def look(self) -> list[Upload]:
        """The files in the waiting folders as they are now."""
        with _line():
            return [upload for folder in WAITING for upload in self._list(folder)]

    def _list(self, folder: str) -> Iterator[Upload]:
        try:
            found = self._sftp.listdir_attr(self._paths[folder])
        except FileNotFoundError:
            if folder == "bulk":
                return
            raise Away("no_folder", f"{self._paths[folder]} is not there") from None
        except PermissionError:
            raise Away("no_folder", f"{self._paths[folder]} may not be read") from None
        for entry in found:
            if stat.S_ISREG(entry.st_mode or 0):
                yield Upload(folder, entry.filename, entry.st_size or 0, entry.st_mtime or 0)

    def _same(self, upload: Upload, path: str) -> bool:
        found = self._sftp.stat(path)
        return (found.st_size, found.st_mtime) == (upload.size, upload.mtime)

    def fetch(self, upload: Upload, target: Path) -> None:
        """Copy a file whole. Raises Vanished if it is not the listed one, before or after."""
        path = self._path(upload.folder, upload.name)
        with _line(), _there(upload.name), self._sftp.open(path, "rb") as remote, target.open("wb") as local:
            opened = remote.stat()
            if (opened.st_size, opened.st_mtime) != (upload.size, upload.mtime):
                raise Vanished(upload.name)
            remote.prefetch(upload.size, max_concurrent_requests=REQUESTS)
            shutil.copyfileobj(remote, local, 1 << 18)
            if local.tell() != upload.size or not self._same(upload, path):
                raise Vanished(upload.name)

    def archive(self, upload: Upload, *, refused: bool) -> str:
        """Move a file to processed (or rejected) under a name that was free. Raises Vanished and NotMoved."""
        source, folder = self._path(upload.folder, upload.name), "rejected" if refused else "processed"
        with _line(), _there(upload.name):
            if not self._same(upload, source):
                raise Vanished(upload.name)
            with _moving(upload.name):
                self._make(folder)
                name = self._rename(source, folder, upload.name)
            if not self._same(upload, self._path(folder, name)):
                self._sftp.rename(self._path(folder, name), source)  # it was replaced between the look and the move
                raise Vanished(upload.name)
            return name

    def _rename(self, source: str, folder: str, wanted: str) -> str:
        for name in free_names(wanted):
            target = self._path(folder, name)
            if self._is_there(target):
                continue
            try:
                self._sftp.rename(source, target)
            except OSError:
                if not self._is_there(target):
                    raise
            else:
                return name
        raise NotMoved("rename_denied", f"{wanted} stands a thousand times in {self._paths[folder]}")

    def _is_there(self, path: str) -> bool:
        try:
            self._sftp.stat(path)
        except FileNotFoundError:
            return False
        return True

    def put(self, name: str, source: Path) -> None:
        """Write a file into the rejected folder, whole or not at all. Raises NotMoved."""
        target, draft = self._path("rejected", name), self._path("rejected", f"{name}.part")
        with _line(), _moving(name):
            self._make("rejected")
            try:
                self._sftp.put(str(source), draft, confirm=True)
            except OSError as error:
                if error.errno is None and not isinstance(error, TimeoutError):
                    raise NotMoved("disk_full", f"{name} cannot be written: {error}") from error
                raise
            self._sftp.posix_rename(draft, target)

    def _make(self, folder: str) -> None:
        if not self._is_there(self._paths[folder]):
            self._sftp.mkdir(self._paths[folder])

    def close(self) -> None:
        """Hang up."""
        self._client.close()


class _Session(paramiko.SFTPClient):
    """Names are bytes (SFTP version 3, section 6.7); paramiko lists nothing where one of them is not UTF-8."""

    def _request(self, *asked: Any) -> tuple[int, paramiko.Message]:
        kind, answer = super()._request(*asked)  # type: ignore[misc]
        if kind == CMD_NAME:
            answer.get_text = lambda: readable(answer.get_string())
        return kind, answer


def _session(client: paramiko.SSHClient, answer_seconds: float) -> _Session:
    """A session in which every answer has its time-out, the server's first word included."""
    transport = client.get_transport()
    if transport is None:
        raise EOFError
    transport.set_keepalive(KEEPALIVE_SECONDS)
    channel = transport.open_session()
    channel.settimeout(answer_seconds)
    channel.invoke_subsystem("sftp")
    return _Session(channel)


@contextlib.contextmanager
def _line() -> Iterator[None]:
    """Whatever happens on the line is Away."""
    try:
        yield
    except TimeoutError as error:
        raise Away("timeout", "the server does not answer") from error
    except (paramiko.SSHException, EOFError, ConnectionError) as error:
        raise Away("disconnected", f"the line was lost: {error or type(error).__name__}") from error
    except OSError as error:
        reason = "disk_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "disconnected"
        raise Away(reason, str(error)) from error


@contextlib.contextmanager
def _there(name: str) -> Iterator[None]:
    """A file that is gone, or that we may not read, is left for another look."""
    try:
        yield
    except (FileNotFoundError, PermissionError):
        raise Vanished(name) from None


@contextlib.contextmanager
def _moving(name: str) -> Iterator[None]:
    """A server that answers, but with no, has refused to put the file away."""
    try:
        yield
    except (TimeoutError, ConnectionError, EOFError, paramiko.SSHException):
        raise
    except OSError as error:
        raise NotMoved("rename_denied", f"{name} cannot be put away: {error}") from error
