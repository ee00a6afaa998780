"""What a shop has anyway: a Kafka, and a place where its files arrive; real ones where this machine has them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from sandbox.kafka.broker import QUICK_GROUPS, Broker
from sandbox.kafka.embedded import EmbeddedKafka
from sandbox.kafka.jars import VERSION, jars, java
from sandbox.program import MissingProgramError, ProgramDiedError
from sandbox.sftp import FOLDERS, SftpServer


class ShowStopper(Exception):
    """The demo cannot go on; the message says why, for a person."""


class Neighbour(NamedTuple):
    """Something that is there: its settings in the configuration, how it is told to a person, whether it is real."""

    settings: str
    told: str
    real: bool = True


def put_up_kafka(folder: Path, hold: ExitStack) -> Neighbour:
    """A real broker, or librdkafka's own where there is no Java. Raises ShowStopper."""
    try:
        java()
        libs = jars()
    except (MissingProgramError, ProgramDiedError) as error:
        mock = EmbeddedKafka()
        hold.callback(mock.stop)
        return Neighbour(mock.bootstrap, _instead(str(error), mock.bootstrap), real=False)
    try:
        broker = Broker.start(folder, libs=libs, settings=QUICK_GROUPS)
    except ProgramDiedError as error:
        raise ShowStopper(str(error)) from error
    hold.callback(broker.kill)  # its data goes with the folder
    return Neighbour(broker.bootstrap, f"Apache Kafka {VERSION}, a real broker, on {broker.bootstrap}")


def _instead(why: str, bootstrap: str) -> str:
    return (
        f"librdkafka's in-process broker on {bootstrap}, no real Kafka, for {why.splitlines()[0]}\n"
        "not shown then: retention and compaction, that data outlives its process, `tillstream lag` and `status`"
    )


def put_up_door(folder: Path, hold: ExitStack) -> tuple[Path, Neighbour]:
    """The folder on this machine, and the table of the configuration."""
    try:
        server = hold.enter_context(SftpServer.start(folder))
    except (MissingProgramError, ProgramDiedError) as error:
        make_folders(folder, "au")
        table = f'[connection.au.folder]\npath = "{folder}"\npoll = "1s"\nstill = "0.5s"\n'
        return folder, Neighbour(table, f"the folder {folder}, no SFTP server, for {str(error).splitlines()[0]}")
    told = f"OpenSSH, a real SFTP server, on {server.host}:{server.port}"
    return server.root, Neighbour(_sftp_table(server), told)


def make_folders(folder: Path, connection: str) -> None:
    """Where the files of a connection land, and where they go from there."""
    for name in FOLDERS:
        (folder / name / connection).mkdir(parents=True)


def _sftp_table(server: SftpServer) -> str:
    secret = f'password = "{server.password}"' if server.password else f'private_key_file = "{server.private_key_file}"'
    places = "".join(f'{name} = "{server.remote(f"/{name}/au")}"\n' for name in FOLDERS)
    return f"""[connection.au.sftp]
host = "{server.host}"
port = {server.port}
username = "{server.username}"
{secret}
known_hosts_file = "{server.known_hosts_file}"
{places}poll = "1s"
still = "0.5s"
"""
