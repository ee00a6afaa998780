"""Rewards accounts from a folder of CSV files through real Kafka to a Klaviyo: each event once, whatever happens."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sandbox.kafka.broker import Broker
from sandbox.klaviyo.server import KlaviyoServer
from tests.bars.shop_floor import Floor, customer, customers, shop
from tests.producers.desks import example
from tests.waiting import until

HEADER = example("rewards").partition("\n")[0]
PEOPLE = range(40)
TIERS = example("tiers")


def row(
    person: int, updated: str, reward: str = "", tier: str = "2,Silver,2024-01-01,", next_tier: str = "Gold"
) -> str:
    """A row of a rewards file; `reward` are the six columns of a reward, or nothing."""
    account = f"{9000 + person},{100 + person},p{person}@customer.example,1,Wattle Club,{tier},2024-01-01"
    return f"{account},120,0.00,180.00,{next_tier},{'180.00' if next_tier else ''},{reward or ',,,,,'},{updated}"


def reward(number: int, left: str) -> str:
    return f"{number},Thank you,15.00,{left},2025-03-01T06:00:00,2025-04-30"


def file(*rows: str) -> str:
    return "\n".join([HEADER, *rows, ""])


FIRST = file(*(row(person, "2025-04-01T02:00:00", reward(5000 + person, "15.00")) for person in PEOPLE))
GOLD = "3,Gold,2025-04-09,2026-04-09"
SECOND = file(
    *(
        line
        for person in PEOPLE
        for line in (
            row(person, "2025-04-10T02:00:00", reward(5000 + person, "5.00"), GOLD, ""),
            row(person, "2025-04-10T02:00:00", reward(6000 + person, "15.00"), GOLD, ""),
        )
    )
)
THIRD = file(*(row(person, "2025-05-02T02:00:00", reward(6000 + person, "15.00"), GOLD, "") for person in PEOPLE[:-1]))


def told(klaviyo: KlaviyoServer) -> Counter[str]:
    return Counter(event["metric"] for event in klaviyo.events())


@pytest.fixture
def floor(kafka: Broker, prefix: str, tmp_path: Path, klaviyo: KlaviyoServer) -> Floor:
    return shop(tmp_path, kafka, prefix, klaviyo)


def test_each_event_is_told_once_through_kills_repeats_and_late_files(floor: Floor, klaviyo: KlaviyoServer) -> None:
    floor.drop("tiers_20250401T055500Z.csv", TIERS)
    floor.drop("rewards_20250401T061500Z.csv", FIRST)
    floor.carry()
    assert klaviyo.events() == []
    assert klaviyo.profile("p7@customer.example")["properties"] == {
        "Rewards Program": "Wattle Club",
        "Rewards Tier": "Silver",
        "Rewards Tier Since": "2024-01-01",
        "Rewards Points": 120,
        "Rewards Balance": 0,
        "Spend To Next Reward": 180,
        "Next Tier": "Gold",
        "Spend To Next Tier": 180,
        "Next Reward Expiry": "2025-04-30",
    }
    floor.drop("rewards_20250410T061500Z.csv", SECOND)
    floor.produce()
    klaviyo.settings(latency=0.2)
    worker = floor.start("consume", "klaviyo")
    until(klaviyo.events, what="the worker is in the midst of it")
    worker.kill()
    klaviyo.settings(latency=0)
    floor.consume()
    once = {"Reward Redeemed": 40, "Reward Issued": 40, "Rewards Tier Changed": 40}
    assert told(klaviyo) == once
    properties: dict[str, Any] = klaviyo.profile("p7@customer.example")["properties"]
    assert (properties["Rewards Tier"], properties["Rewards Tier Locked Until"]) == ("Gold", "2026-04-09")
    assert not {"Next Tier", "Spend To Next Tier"} & properties.keys()
    floor.drop("rewards_20250405T061500Z.csv", FIRST.replace("2025-04-01T02", "2025-04-04T02"))
    floor.drop("rewards_20250412T061500Z.csv", SECOND + "\n")
    floor.carry()
    assert told(klaviyo) == once
    floor.drop("rewards_20250502T061500Z.csv", THIRD)
    floor.carry()
    assert told(klaviyo) == {**once, "Reward Expired": 39}
    (climbed,) = klaviyo.events("Rewards Tier Changed", "p7@customer.example")
    assert climbed["properties"] == {
        "Account ID": "9007",
        "Rewards Program": "Wattle Club",
        "From": "Silver",
        "To": "Gold",
        "Direction": "up",
    }
    books = floor.books()
    assert books["rewards"]["superseded"] == 40
    assert books["rewards"]["unchanged"] == 40
    assert books["tiers"]["skipped"]["rewards_file"] + books["tiers"]["superseded"] == 199
    assert not books["tiers"]["delivered"]


def test_what_is_known_of_rewards_goes_along_to_a_new_address(floor: Floor, klaviyo: KlaviyoServer) -> None:
    """The old address's worker passes it on; the snapshot after the move is compared with the one before it."""
    old, new = "p7@customer.example", "kim@customer.example"
    floor.drop("tiers_20250401T055500Z.csv", TIERS)
    floor.drop("customers_20250401T060000Z.csv", customers([customer(107, EMAIL=old)]))
    floor.drop("rewards_20250401T061500Z.csv", file(row(7, "2025-04-01T02:00:00", reward(5007, "15.00"))))
    floor.carry()
    renamed = customer(107, EMAIL=new, LAST_UPDATED="2025-04-05T09:00:00")
    floor.drop("customers_20250405T060000Z.csv", customers([renamed]))
    floor.carry()
    floor.drop("rewards_20250410T061500Z.csv", file(*(line for line in SECOND.splitlines() if f",{old}," in line)))
    floor.carry()
    assert klaviyo.profiles(old) == []
    assert told(klaviyo) == {"Reward Redeemed": 1, "Reward Issued": 1, "Rewards Tier Changed": 1}
    assert {event["email"] for event in klaviyo.events()} == {new}
    properties = klaviyo.profile(new)["properties"]
    assert properties["Rewards Tier"] == "Gold"
    assert "Next Tier" not in properties
    floor.audit()
