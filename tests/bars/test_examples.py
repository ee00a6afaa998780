"""The contract's example files, dropped into a real sshd, come to just what they should at Klaviyo, and only once."""

from __future__ import annotations

import csv
import io
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import paramiko
import pytest

from sandbox.kafka.broker import Broker
from sandbox.klaviyo.server import KlaviyoServer
from sandbox.sftp import SftpServer
from tests.bars.section_eight import BOOKS, CUSTOMERS, ENCODINGS, EVENTS, ORDERS, PROFILES
from tests.bars.shop_floor import Floor, account, sftp_source


def upload(sftp: SftpServer, name: str, content: bytes) -> None:
    """As AP21's scheduled job does it."""
    key = paramiko.Ed25519Key.from_private_key_file(str(sftp.private_key_file))
    with paramiko.SSHClient() as client:
        client.load_host_keys(str(sftp.known_hosts_file))
        client.connect(sftp.host, sftp.port, sftp.username, pkey=key, allow_agent=False, look_for_keys=False)
        with client.open_sftp() as session:
            session.putfo(io.BytesIO(content), sftp.remote(f"/pending/au/{name}"))


def shuffled(text: str) -> str:
    """The same rows in another order: lines of one order apart, and the other way round."""
    header, *rows = list(csv.reader(io.StringIO(text)))
    random.Random(8).shuffle(rows)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()


def profiles_at(klaviyo: KlaviyoServer) -> dict[str, Any]:
    """Klaviyo's profiles in the words of `section_eight`: an opt-out is dated when it is made, an opt-in when said."""
    return {
        profile["email"]: {
            **{name: profile[name] for name in ("attributes", "location", "properties", "lists")},
            "said": {
                channel: (said["state"], said["at"] if said["state"] == "SUBSCRIBED" else None)
                for channel, said in profile["consents"].items()
                if said["state"] != "NEVER_SUBSCRIBED"
            },
            "suppressed": sorted(profile["suppressions"]),
        }
        for profile in klaviyo.profiles()
    }


def events_at(klaviyo: KlaviyoServer) -> list[dict[str, Any]]:
    """Klaviyo's events in the words of `section_eight`."""
    names = ("metric", "email", "unique", "value", "currency", "backfill", "properties")
    found = [
        {**{name: event[name] for name in names}, "time": datetime.fromisoformat(event["time"]).timestamp()}
        for event in klaviyo.events()
    ]
    return sorted(found, key=lambda event: (event["unique"], event["metric"]))


def told(books: dict[str, Any]) -> dict[str, Any]:
    """The outcomes that occurred."""
    return {topic: {name: count for name, count in counts.items() if count} for topic, counts in books.items()}


@pytest.fixture
def floor(kafka: Broker, prefix: str, tmp_path: Path, sftp: SftpServer, klaviyo: KlaviyoServer) -> Floor:
    return Floor(tmp_path, kafka, prefix, {"au": sftp_source(sftp) + account(klaviyo)})


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_examples_come_to_klaviyo_as_the_contract_says_and_again_not_one_call(
    floor: Floor, sftp: SftpServer, klaviyo: KlaviyoServer, encoding: str
) -> None:
    write = ENCODINGS[encoding]
    upload(sftp, "customers_20250401T060000Z.csv", write(CUSTOMERS))
    upload(sftp, "orders_20250401T063000Z.csv", write(ORDERS))
    floor.produce("sftp")
    floor.consume()
    assert profiles_at(klaviyo) == PROFILES
    assert events_at(klaviyo) == EVENTS
    assert told(floor.books()) == BOOKS
    calls = len(klaviyo.requests())
    again_under_other_names(floor, sftp, write)
    assert klaviyo.requests()[calls:] == []
    again_in_another_order(floor, sftp, next(other for name, other in ENCODINGS.items() if name != encoding))
    assert klaviyo.requests()[calls:] == []


def again_under_other_names(floor: Floor, sftp: SftpServer, write: Any) -> None:
    upload(sftp, "customers_20250402T060000Z.csv", write(CUSTOMERS))
    upload(sftp, "orders_20250402T063000Z.csv", write(ORDERS))
    floor.produce("sftp")
    floor.consume()
    assert told(floor.books()) == BOOKS


def again_in_another_order(floor: Floor, sftp: SftpServer, write: Any) -> None:
    upload(sftp, "customers_20250403T060000Z.csv", write(shuffled(CUSTOMERS)))
    upload(sftp, "orders_20250403T063000Z.csv", write(shuffled(ORDERS)))
    floor.produce("sftp")
    floor.consume()
    audit = floor.audit()
    assert audit["groups"]["klaviyo"]["au"]["orders"]["delivered"] == BOOKS["orders"]["delivered"]
    assert [page["none"].get("unchanged", 0) for page in audit["files"]] == [0, 0, 0, 7]
    assert list((sftp.root / "pending" / "au").iterdir()) == []
