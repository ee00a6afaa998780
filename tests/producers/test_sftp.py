"""A real SSH server: only the right one is trusted, nothing hangs for ever, and every trouble has its name."""

from __future__ import annotations

import base64
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from producers.courier import Courier, PutAway, Rhythm
from producers.folder import FolderInbox
from producers.inbox import Away, Locked, NotMoved, Upload, Vanished
from producers.sftp import ANSWER_SECONDS, Door, SftpInbox
from producers.spool import Spool
from sandbox.sftp import SftpServer
from tests.producers.test_courier import offer
from tests.waiting import until
from tillstream.settings import Sftp
from tillstream.telemetry import STOPPED

NAME = "customers_20250401T060000Z.csv"
FOLDERS = ("pending", "processed", "rejected", "bulk", "test")


def settings(server: SftpServer, **other: object) -> Sftp:
    """How to reach the server."""
    table = {
        "host": server.host,
        "port": server.port,
        "username": server.username,
        "private_key_file": str(server.private_key_file),
        "known_hosts_file": str(server.known_hosts_file),
        **{name: server.remote(f"/{name}/au") for name in FOLDERS},
        **other,
    }
    return Sftp.model_validate({key: value for key, value in table.items() if value is not None})


@pytest.fixture
def inbox(sftp: SftpServer) -> Iterator[SftpInbox]:
    made = Door(settings(sftp)).open()
    yield made
    made.close()


def drop(server: SftpServer, text: str, name: str = NAME) -> None:
    """A file arrives, and is whole as soon as it is there."""
    draft = server.root / "pending" / "au" / f"{name}.part"
    draft.write_text(text, encoding="utf-8")
    draft.rename(draft.with_suffix(""))


def files(server: SftpServer, folder: str) -> list[str]:
    """The files in a folder of connection au."""
    return sorted(path.name for path in (server.root / folder / "au").iterdir())


def test_a_file_is_seen_fetched_whole_and_put_away(sftp: SftpServer, inbox: SftpInbox, tmp_path: Path) -> None:
    drop(sftp, "row\n" * 500_000)
    (upload,) = inbox.look()
    inbox.fetch(upload, tmp_path / "copy")
    assert (tmp_path / "copy").read_text(encoding="utf-8") == "row\n" * 500_000
    assert inbox.archive(upload, refused=False) == NAME
    assert (files(sftp, "pending"), files(sftp, "processed")) == ([], [NAME])


def test_nothing_is_written_over(sftp: SftpServer, inbox: SftpInbox) -> None:
    (sftp.root / "processed" / "au" / NAME).write_text("older", encoding="utf-8")
    drop(sftp, "row")
    (upload,) = inbox.look()
    assert inbox.archive(upload, refused=False) == "customers_20250401T060000Z-2.csv"
    assert (sftp.root / "processed" / "au" / NAME).read_text(encoding="utf-8") == "older"


def test_a_file_of_rejects_is_written_whole_and_again(sftp: SftpServer, inbox: SftpInbox, tmp_path: Path) -> None:
    for text in ("first", "second"):
        (tmp_path / "rejects").write_text(text, encoding="utf-8")
        inbox.put("rejects.csv", tmp_path / "rejects")
    assert files(sftp, "rejected") == ["rejects.csv"]
    assert (sftp.root / "rejected" / "au" / "rejects.csv").read_text(encoding="utf-8") == "second"


def test_f03_a_file_replaced_since_it_was_listed_is_not_read(
    sftp: SftpServer, inbox: SftpInbox, tmp_path: Path
) -> None:
    drop(sftp, "row")
    (upload,) = inbox.look()
    drop(sftp, "other rows")
    with pytest.raises(Vanished):
        inbox.fetch(upload, tmp_path / "copy")
    with pytest.raises(Vanished):
        inbox.archive(upload, refused=False)


def test_f05_a_file_that_is_gone_is_not_read(sftp: SftpServer, inbox: SftpInbox, tmp_path: Path) -> None:
    with pytest.raises(Vanished):
        inbox.fetch(Upload("pending", NAME, 3, 1), tmp_path / "copy")


def test_a_host_key_in_the_configuration_is_enough(sftp: SftpServer) -> None:
    key = sftp.known_hosts_file.read_text(encoding="ascii").split(" ", 1)[1]
    Door(settings(sftp, known_hosts_file=None, host_key=key)).open().close()


def test_f13_a_server_that_nobody_vouches_for_is_not_trusted(sftp: SftpServer, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("", encoding="ascii")
    with pytest.raises(Locked, match="nobody vouches") as raised:
        Door(settings(sftp, known_hosts_file=str(tmp_path / "empty"))).open()
    assert raised.value.reason == "host_key"


def test_f13_a_file_of_known_hosts_with_a_broken_key_is_said_and_not_died_of(sftp: SftpServer, tmp_path: Path) -> None:
    (tmp_path / "broken").write_text(f"[{sftp.host}]:{sftp.port} ssh-ed25519 AAAAx\n", encoding="ascii")
    with pytest.raises(Locked, match="holds a key that is none") as raised:
        Door(settings(sftp, known_hosts_file=str(tmp_path / "broken"))).open()
    assert raised.value.reason == "host_key"


def test_f13_a_changed_host_key_shuts_the_door_for_good(sftp: SftpServer) -> None:
    door = Door(settings(sftp))
    door.open().close()
    known = sftp.known_hosts_file.read_text(encoding="ascii")
    sftp.change_host_key()
    with pytest.raises(Locked, match="another host key"):
        door.open()
    sftp.stop()
    sftp.known_hosts_file.write_text(known, encoding="ascii")
    with pytest.raises(Locked, match="another host key"):  # it does not even ask the server again
        door.open()


def test_f13_a_wrong_password_is_not_tried_again_until_it_changes(sftp: SftpServer, tmp_path: Path) -> None:
    if sftp.password is None:
        return
    secret = tmp_path / "password"
    secret.write_text("wrong", encoding="utf-8")
    door = Door(settings(sftp, private_key_file=None, password_file=str(secret)))
    with pytest.raises(Locked, match="refuses the user"):
        door.open()
    with pytest.raises(Locked, match="waiting for another one"):
        door.open()
    secret.write_text(sftp.password, encoding="utf-8")
    door.open().close()


def hurried(inbox: SftpInbox) -> None:
    """From now on it waits for answers no longer than a test likes to."""
    channel = inbox._sftp.get_channel()
    assert channel is not None
    assert channel.gettimeout() == ANSWER_SECONDS
    channel.settimeout(1)


def test_f13_a_server_that_hangs_is_given_up(sftp: SftpServer, tmp_path: Path) -> None:
    inbox = Door(settings(sftp)).open()
    drop(sftp, "row\n" * 100)
    (upload,) = inbox.look()
    hurried(inbox)
    sftp.freeze()
    with pytest.raises(Away) as raised:
        inbox.fetch(upload, tmp_path / "copy")
    assert raised.value.reason == "timeout"
    sftp.thaw()
    inbox.close()


def test_f13_a_server_that_hangs_after_the_first_bytes_is_given_up(sftp: SftpServer, tmp_path: Path) -> None:
    inbox = Door(settings(sftp)).open()
    with (sftp.root / "pending" / "au" / NAME).open("wb") as file:
        file.truncate(1 << 32)  # nothing is written: it takes no room, and far longer than it takes to freeze a server
    (upload,) = inbox.look()
    copy = tmp_path / "copy"

    def hang() -> None:
        until(lambda: copy.exists() and copy.stat().st_size > 0)
        hurried(inbox)
        sftp.freeze()

    hanging = threading.Thread(target=hang)
    hanging.start()
    with pytest.raises(Away) as raised:
        inbox.fetch(upload, copy)
    hanging.join()
    assert (raised.value.reason, 0 < copy.stat().st_size < upload.size) == ("timeout", True)
    sftp.thaw()
    inbox.close()


def test_f13_a_full_disk_at_archiving_is_said_and_counted_and_the_file_goes_when_there_is_room(
    sftp: SftpServer, tmp_path: Path
) -> None:
    """The rejects are written into a device on which nothing fits (full(4)), as a full disk answers."""
    draft = sftp.root / "rejected" / "au" / "rejects.csv.part"
    os.mknod(draft, 0o666 | stat.S_IFCHR, os.makedev(1, 7)) if os.getuid() == 0 else draft.symlink_to("/dev/full")
    courier = Courier("au", Door(settings(sftp)).open, Spool(tmp_path / "spool"), Rhythm(0.2, 0.1))
    try:
        drop(sftp, "row")
        spooled = offer(courier)
        rejects = tmp_path / "rejects"
        rejects.write_text("row", encoding="utf-8")
        courier.answer(PutAway(spooled, False, "rejects.csv", rejects))
        until(lambda: "disk_full" in courier.trouble)
        assert STOPPED.labels("ingest", "au", "disk_full")._value.get() == 1
        assert files(sftp, "pending") == [NAME]
        draft.unlink()
        until(lambda: files(sftp, "processed") == [NAME])
        assert files(sftp, "rejected") == ["rejects.csv"]
        until(lambda: not courier.trouble)
        assert STOPPED.labels("ingest", "au", "disk_full")._value.get() == 0
    finally:
        courier.close()


def test_f13_a_server_that_lets_us_in_and_then_says_nothing_is_given_up(tmp_path: Path) -> None:
    mute = {"ForceCommand": "while read -r line; do :; done", "ChrootDirectory": "none"}
    with SftpServer.start(tmp_path / "mute", options=mute) as server, pytest.raises(Away) as raised:
        Door(settings(server), answer_seconds=1).open()
    assert raised.value.reason == "timeout"


def test_f13_a_broken_session_is_away(sftp: SftpServer, inbox: SftpInbox) -> None:
    sftp.drop()
    with pytest.raises(Away):
        inbox.look()


def test_f13_a_damaged_key_is_said_and_not_died_of(sftp: SftpServer, tmp_path: Path) -> None:
    first, *body, last, _ = sftp.private_key_file.read_text(encoding="ascii").split("\n")
    octets = bytearray(base64.b64decode("".join(body)))
    octets[160] ^= 1  # a length in the private half
    (tmp_path / "key").write_text("\n".join([first, base64.b64encode(octets).decode(), last, ""]), encoding="ascii")
    with pytest.raises(Locked, match="cannot be read"):
        Door(settings(sftp, private_key_file=str(tmp_path / "key"))).open()


def test_f13_a_host_that_cannot_be_a_name_is_away(sftp: SftpServer) -> None:
    with pytest.raises(Away, match=r"sftp\.\.example") as raised:
        Door(settings(sftp, host="sftp..example")).open()
    assert raised.value.reason == "unreachable"


def test_f13_a_server_that_is_down_is_away(sftp: SftpServer) -> None:
    sftp.stop()
    with pytest.raises(Away, match=rf"^{sftp.host}: Unable to connect") as raised:
        Door(settings(sftp)).open()
    assert raised.value.reason == "unreachable"


def test_f13_a_denied_rename_has_a_name_of_its_own(tmp_path: Path) -> None:
    with SftpServer.start(tmp_path / "strict", denied=["rename", "posix-rename"]) as server:
        inbox = Door(settings(server)).open()
        drop(server, "row")
        (upload,) = inbox.look()
        with pytest.raises(NotMoved) as raised:
            inbox.archive(upload, refused=False)
        inbox.close()
    assert raised.value.reason == "rename_denied"
    assert files(server, "pending") == [NAME]


def test_f12_a_name_in_another_encoding_is_none_of_ours_and_hides_no_other(
    sftp: SftpServer, inbox: SftpInbox, tmp_path: Path
) -> None:
    pending = sftp.root / "pending" / "au"
    Path(os.fsdecode(os.fsencode(pending) + b"/Z\xfcrich.csv")).touch()
    drop(sftp, "row")
    assert sorted(upload.name for upload in inbox.look()) == ["Z\\xfcrich.csv", NAME]
    folder = FolderInbox(tmp_path, "au")
    folder.look()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/pending/au/Z\xfcrich.csv")).touch()
    assert [upload.name for upload in folder.look()] == ["Z\\xfcrich.csv"]


def test_f13_ten_thousand_files_are_listed_in_one_look(sftp: SftpServer, inbox: SftpInbox) -> None:
    for n in range(10_000):
        (
            sftp.root
            / "pending"
            / "au"
            / f"customers_2025{n % 12 + 1:02}01T{n // 360:02}{n // 6 % 60:02}{n % 60:02}Z.csv"
        ).touch()
    assert len(inbox.look()) == len(files(sftp, "pending"))


def test_f13_a_courier_comes_back_by_itself_after_the_line_was_lost(sftp: SftpServer, tmp_path: Path) -> None:
    courier = Courier("au", Door(settings(sftp)).open, Spool(tmp_path / "spool"), Rhythm(0.2, 0.1))
    try:
        until(lambda: courier.over)
        sftp.stop()
        until(lambda: "unreachable" in courier.trouble)
        sftp.resume()
        until(lambda: not courier.trouble)
        drop(sftp, "row")
        spooled = offer(courier)
        courier.answer(PutAway(spooled, False, "", spooled.path))
        until(lambda: files(sftp, "processed") == [NAME])
    finally:
        courier.close()


def test_f13_a_clock_that_is_wrong_does_not_matter(sftp: SftpServer, tmp_path: Path) -> None:
    courier = Courier("au", Door(settings(sftp)).open, Spool(tmp_path / "spool"), Rhythm(0.2, 0.1))
    try:
        drop(sftp, "row")
        os.utime(sftp.root / "pending" / "au" / NAME, (time.time() + 86_400, time.time() + 86_400))
        assert offer(courier).upload.name == NAME
    finally:
        courier.close()
