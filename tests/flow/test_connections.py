"""Several connections side by side: two countries and two brands, with folders, accounts, zones and money of their own.

`au` and `outlet` are two brands that share one Klaviyo and one Yotpo account; `nz` has its own, and another country.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
import pytest

from sandbox.kafka.broker import Broker
from sandbox.klaviyo.server import KlaviyoServer
from sandbox.sftp import FOLDERS, SftpServer
from sandbox.yotpo.server import YotpoServer
from tests.bars.shop_floor import Floor, customer, customers, folder_source, orders, sale, well

Json = Any
KIM = "kim@customer.example"
CROWD = 25
RATE = 5
YES = {"PRIVACY": "No", "EMAIL_OPT_IN": "Yes", "SMS_OPT_IN": "Yes"}


class World(NamedTuple):
    """The installation, its neighbours, and where their logs began to matter."""

    floor: Floor
    sftp: SftpServer
    ours: KlaviyoServer
    theirs: KlaviyoServer
    yotpo: YotpoServer
    yotpo_nz: YotpoServer


def brand(list_: str) -> str:
    """Consent by columns of the export, for a list of its own."""
    return (
        f'consent = [{{ column = "EMAIL_OPT_IN", channel = "email", list = "{list_}" }},'
        f' {{ column = "SMS_OPT_IN", channel = "sms", list = "{list_}" }}]'
    )


def accounts(name: str, klaviyo: KlaviyoServer, yotpo: YotpoServer, list_: str) -> str:
    """The two platforms of a connection. What is shared is shared by its address and key."""
    return (
        f'[connection.{name}.klaviyo]\nurl = "{klaviyo.url}"\nprivate_key = "pk_right"\n{brand(list_)}\n'
        f'[connection.{name}.yotpo]\nurl = "{yotpo.api}"\nguid = "guid-sandbox"\napi_key = "key-sandbox"\n'
        f'start = "earliest"\nrate = {RATE}\n'
    )


def over_sftp(sftp: SftpServer) -> str:
    places = "".join(f'{kind} = "{sftp.remote(f"/{kind}/au")}"\n' for kind in FOLDERS)
    return (
        f'[connection.au.sftp]\nhost = "{sftp.host}"\nport = {sftp.port}\nusername = "{sftp.username}"\n'
        f'private_key_file = "{sftp.private_key_file}"\nknown_hosts_file = "{sftp.known_hosts_file}"\n'
        f'poll = "0.5s"\nstill = "0.3s"\n{places}'
    )


def drop(world: World, name: str, kind: str, content: str) -> None:
    """A file for a connection, where its files arrive."""
    if name == "au":
        target = world.sftp.root / "pending" / "au" / kind
        target.with_suffix(".part").write_text(content)
        target.with_suffix(".part").rename(target)
    else:
        world.floor.drop(kind, content, connection=name)


def carry(world: World) -> None:
    """From both sources to both platforms."""
    for source in ("sftp", "folder"):
        world.floor.produce(source)
    for platform in ("klaviyo", "yotpo"):
        well(world.floor.till("consume", platform, "--once", "--port", "0"))


def kim(**cells: object) -> dict[str, object]:
    """The same person of the same address, number and minute, in every connection."""
    return customer(1, **{"EMAIL": KIM, "LAST_UPDATED": "2025-07-01T09:00:00", **cells})


def crowd(name: str) -> list[dict[str, object]]:
    return [customer(100 + n, EMAIL=f"{name}{n}@customer.example") for n in range(CROWD)]


@pytest.fixture(scope="module")
def world(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A day's files of three connections; the next day the outlet's Kim says no."""
    folder = tmp_path_factory.mktemp("connections")
    with ExitStack() as stack:
        sftp = stack.enter_context(SftpServer.start(folder / "sftp"))
        ours, theirs = (stack.enter_context(KlaviyoServer()) for _ in range(2))
        yotpo, yotpo_nz = (stack.enter_context(YotpoServer(limits=False)) for _ in range(2))
        for roll in ("AU", "OUTLET", "NZ"):
            ours.add_list(roll)
            theirs.add_list(roll)
        new_zealand = 'country = "NZ"\ncurrency = "NZD"\ntimezone = "Pacific/Auckland"\n'
        connections = {
            "au": over_sftp(sftp) + accounts("au", ours, yotpo, "AU"),
            "outlet": folder_source(folder) + accounts("outlet", ours, yotpo, "OUTLET"),
            "nz": new_zealand + folder_source(folder) + accounts("nz", theirs, yotpo_nz, "NZ"),
        }
        floor = Floor(folder, kafka, f"m{uuid.uuid4().hex[:10]}.", connections)
        made = World(floor, sftp, ours, theirs, yotpo, yotpo_nz)
        day(made)
        yield made


def day(world: World) -> None:
    said: dict[str, dict[str, object]] = {
        "au": {**YES, "CITY": "Kew", "MOBILE": "0491 570 006"},
        "outlet": {"PRIVACY": "", "CITY": "Kew"},
        "nz": {"PRIVACY": "No", "EMAIL_OPT_IN": "No", "CITY": "Napier", "MOBILE": "021 123 4567"},
    }
    for number, (name, cells) in enumerate(said.items(), start=1):
        people = [kim(**cells), *(crowd(name) if name != "nz" else [])]
        drop(world, name, "customers_20250701T000000Z.csv", customers(people))
        when = "2025-07-01T10:00:00"
        bought = sale(number, 1, EMAIL=KIM, SALE_DATETIME=when, CURRENCY="", TRAN_NUMBER=f"D{number}")
        drop(world, name, "orders_20250701T003000Z.csv", orders([bought]))
    carry(world)
    drop(
        world,
        "outlet",
        "customers_20250702T000000Z.csv",
        customers([kim(PRIVACY="", LAST_UPDATED="2025-07-02T09:00:00")]),
    )
    drop(
        world,
        "nz",
        "customers_20250702T000000Z.csv",
        customers([kim(**said["nz"], LAST_UPDATED="2025-07-02T09:00:00")]),
    )
    carry(world)


def subscribes(klaviyo: KlaviyoServer) -> list[tuple[str, str, Json]]:
    """Address, list and consent of everybody a subscribe call was made for."""
    found = []
    for line in klaviyo.requests("POST /api/profile-subscription-bulk-create-jobs"):
        data = orjson.loads(line["body"])["data"]
        roll = data["relationships"]["list"]["data"]["id"]
        people = [who["attributes"] for who in data["attributes"]["profiles"]["data"]]
        found += [(who["email"], roll, who["subscriptions"]) for who in people]
    return found


def test_the_same_address_is_two_people_in_two_accounts(world: World) -> None:
    here, there = world.ours.profile(KIM), world.theirs.profile(KIM)
    assert (here["location"]["city"], there["location"]["city"]) == ("Kew", "Napier")
    assert here["consents"]["email"]["state"] == "SUBSCRIBED"
    assert there["consents"]["email"]["state"] == "UNSUBSCRIBED"


def test_a_number_is_read_as_its_country_writes_it(world: World) -> None:
    numbers = [one.profile(KIM)["attributes"]["phone_number"] for one in (world.ours, world.theirs)]
    assert numbers == ["+61491570006", "+64211234567"]


def test_a_yes_to_one_brand_is_no_yes_to_the_other_in_the_same_account(world: World) -> None:
    assert [(email, roll) for email, roll, _ in subscribes(world.ours)] == [(KIM, "AU")]
    assert world.ours.profile(KIM)["lists"] == ["AU"]
    assert subscribes(world.theirs) == []


def test_a_time_is_read_in_the_zone_of_its_connection(world: World) -> None:
    [(_, _, consent)] = subscribes(world.ours)
    said_at = datetime.fromisoformat(consent["email"]["marketing"]["consented_at"])
    assert said_at == datetime.fromisoformat("2025-07-01T09:00:00+10:00")
    rung_up = [one.events("In-Store Order", KIM)[0]["time"] for one in (world.ours, world.theirs)]
    assert datetime.fromisoformat(rung_up[0]) - datetime.fromisoformat(rung_up[1]) == timedelta(hours=2)


def test_money_without_a_currency_is_of_the_connection(world: World) -> None:
    assert [one.events("In-Store Order", KIM)[0]["currency"] for one in (world.ours, world.theirs)] == ["AUD", "NZD"]


def test_a_sale_goes_to_its_own_connections_accounts(world: World) -> None:
    assert sorted(order["order_id"] for order in world.yotpo.orders()) == ["D1", "D2"]
    assert [order["order_id"] for order in world.yotpo_nz.orders()] == ["D3"]
    assert len(world.theirs.events("In-Store Order")) == 1


def test_two_connections_with_one_account_share_what_it_allows(world: World) -> None:
    times = [line["time"] for line in world.yotpo.requests()]
    assert len(times) > 2 * CROWD
    assert all(later - first >= 0.95 for first, later in zip(times, times[RATE:], strict=False))


def test_every_file_ends_in_its_own_folder_and_the_books_balance(world: World) -> None:
    done = {
        name: sorted(path.name for path in (world.floor.data / "processed" / name).iterdir())
        for name in ("nz", "outlet")
    }
    assert all(len(names) == 3 for names in done.values())
    assert len(list((world.sftp.root / "processed" / "au").iterdir())) == 2
    books = world.floor.audit()["groups"]
    assert {platform: sorted(books[platform]) for platform in ("klaviyo", "yotpo")} == {
        "klaviyo": ["au", "nz", "outlet"],
        "yotpo": ["au", "nz", "outlet"],
    }


def test_a_no_to_one_brand_takes_the_person_off_its_list_and_no_yes_brings_it_back(world: World) -> None:
    """Suppression at Klaviyo is by profile and channel: the no of one brand ends the other's mail, too."""
    no = {"PRIVACY": "", "EMAIL_OPT_IN": "No", "LAST_UPDATED": "2025-07-03T09:00:00"}
    drop(world, "outlet", "customers_20250703T000000Z.csv", customers([kim(**no)]))
    carry(world)
    assert world.ours.profile(KIM)["consents"]["email"]["state"] == "UNSUBSCRIBED"
    before = len(subscribes(world.ours))
    again = {**YES, "CITY": "Hawthorn", "MOBILE": "0491 570 006", "LAST_UPDATED": "2025-07-04T09:00:00"}
    drop(world, "au", "customers_20250704T000000Z.csv", customers([kim(**again)]))
    carry(world)
    assert len(subscribes(world.ours)) == before
    assert "OUTLET" not in world.ours.profile(KIM)["lists"]
    assert world.ours.profile(KIM)["consents"]["email"]["state"] == "UNSUBSCRIBED"
