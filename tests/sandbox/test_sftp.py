"""The SFTP server is a real one: it takes keys, refuses strangers, hangs and comes back with another face."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko
import pytest

from sandbox.sftp import SftpServer


@contextmanager
def session(server: SftpServer, password: str | None = None) -> Iterator[paramiko.SFTPClient]:
    """A session by key, or by password where one is given; unknown hosts are refused."""
    client = paramiko.SSHClient()
    client.load_host_keys(str(server.known_hosts_file))
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    key = None if password else str(server.private_key_file)
    try:
        client.connect(
            server.host,
            server.port,
            server.username,
            password=password,
            key_filename=key,
            allow_agent=False,
            look_for_keys=False,
            timeout=10,
        )
        yield client.open_sftp()
    finally:
        client.close()


def test_files_put_into_the_folder_can_be_fetched_and_moved(sftp: SftpServer) -> None:
    (sftp.root / "pending/au/customers_20250401T201230Z.csv").write_text("PERIDX\n", "utf-8")
    with session(sftp) as client:
        pending, processed = sftp.remote("/pending/au"), sftp.remote("/processed/au")
        (found,) = client.listdir_attr(pending)
        assert (found.filename, found.st_size) == ("customers_20250401T201230Z.csv", 7)
        assert stat.S_ISREG(found.st_mode or 0)
        assert client.open(f"{pending}/{found.filename}").read() == b"PERIDX\n"
        client.rename(f"{pending}/{found.filename}", f"{processed}/{found.filename}")
    assert (sftp.root / "processed/au/customers_20250401T201230Z.csv").exists()


def test_a_password_works_where_the_server_has_accounts_of_its_own(sftp: SftpServer) -> None:
    with pytest.raises(paramiko.AuthenticationException), session(sftp, "wrong"):
        pass
    if sftp.password is not None:
        with session(sftp, sftp.password) as client:
            assert "pending" in client.listdir("/")


def test_a_changed_host_key_is_noticed(sftp: SftpServer) -> None:
    sftp.change_host_key()
    with pytest.raises(paramiko.BadHostKeyException), session(sftp):
        pass


def test_requests_can_be_denied(tmp_path: Path) -> None:
    with SftpServer.start(tmp_path, ["nz"], denied=["rename", "posix-rename"]) as server:
        (server.root / "pending/nz/a.csv").touch()
        with session(server) as client, pytest.raises(PermissionError):
            client.rename(server.remote("/pending/nz/a.csv"), server.remote("/processed/nz/a.csv"))


def test_sessions_hang_break_and_are_served_anew(sftp: SftpServer) -> None:
    with session(sftp) as client:
        channel = client.get_channel()
        assert channel is not None
        channel.settimeout(0.5)
        sftp.freeze()
        with pytest.raises(TimeoutError):
            client.listdir(sftp.remote("/pending"))
        sftp.thaw()
        sftp.drop()
        with pytest.raises((EOFError, OSError, paramiko.SSHException)):
            client.listdir(sftp.remote("/pending"))
    with session(sftp) as client:
        assert client.listdir(sftp.remote("/pending")) == ["au"]


def test_it_stops_and_comes_back_on_the_same_port(sftp: SftpServer) -> None:
    sftp.stop()
    with pytest.raises(paramiko.ssh_exception.NoValidConnectionsError), session(sftp):
        pass
    sftp.resume()
    with session(sftp) as client:
        assert client.listdir(sftp.remote("/pending")) == ["au"]
