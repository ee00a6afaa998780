"""What came by webhook stands in no ledger, and is accounted for all the same: counted where it stands."""

from __future__ import annotations

from confluent_kafka import TopicPartition

from consumers.engine.slot import TOTAL
from operations.audit import Audit, examine
from tests.operations.shop import TOY, Shop
from tillstream.kafka.client import admin
from tillstream.kafka.partitioner import partition_of
from tillstream.kafka.publisher import Message

DAY = "toy-webhooks:2025-04-02"
ALL = -1
KIM, PRIYA = "kim@customer.example", "priya@customer.example"


def deliver(shop: Shop, *people: str) -> None:
    """A record for each, as the server of webhooks writes them."""
    came = shop.file(DAY)
    for who in people:
        came.customer(who)
    shop.publisher.commit(came.messages)


def books(shop: Shop) -> Audit:
    return examine(shop.settings, {"toy": TOY})


def place(shop: Shop, who: str) -> int:
    return partition_of(f"au/{who}".encode(), shop.settings.topics.partitions)


def test_what_came_waits_until_it_is_done_and_the_books_balance_before_and_after(shop: Shop) -> None:
    deliver(shop, KIM, PRIYA, KIM)
    shop.consume()
    deliver(shop, PRIYA)
    audit = books(shop)
    [group] = audit.groups
    [row] = group.rows()
    assert (audit.gaps, row.file, sum(group.done[row].values()), group.total(row)) == ([], DAY, 3, 4)


def test_one_that_a_group_does_not_account_for_is_a_gap_of_its_day(shop: Shop) -> None:
    deliver(shop, KIM, KIM)
    shop.consume()
    total = f"{TOTAL}au/{DAY}/customers/delivered".encode()
    shop.publisher.commit([Message(shop.names.state("toy"), total, b"1", partition=place(shop, KIM))])
    [gap] = books(shop).gaps
    assert str(gap) == f"au, {DAY}: toy, customers: records = outcomes + waiting: 2 expected, 1 found"


def test_what_is_told_of_records_that_never_were_is_a_gap(shop: Shop) -> None:
    deliver(shop, KIM)
    shop.consume()
    total = f"{TOTAL}au/{DAY}/customers/delivered".encode()
    shop.publisher.commit([Message(shop.names.state("toy"), total, b"3", partition=place(shop, KIM))])
    [gap] = books(shop).gaps
    assert (gap.expected, gap.found) == (1, 3)


def test_what_has_left_its_topic_meanwhile_is_no_gap(shop: Shop) -> None:
    deliver(shop, KIM, KIM)
    shop.consume()
    for before in (1, ALL):
        remove(shop, place(shop, KIM), before)
        assert books(shop).balanced


def remove(shop: Shop, partition: int, before: int) -> None:
    """What retention does."""
    client = admin(shop.kafka)  # held until it has answered
    part = TopicPartition(shop.names.topic("customers"), partition, before)
    next(iter(client.delete_records([part]).values())).result(20)
