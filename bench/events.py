"""Write events straight to Kafka, as the producers write them, where ingest is not what is measured."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from confluent_kafka import Producer

from bench.ground import Ground
from producers.scribe import Event, Provenance, Scribe, moment
from schemas.codec import codec
from schemas.definitions import blank
from tillstream.kafka.publisher import Message

LONG_AGO = datetime(2026, 3, 1, 2, tzinfo=UTC)
"""When people changed and bought: long enough ago to be history for every platform."""
PLACES = (("Melbourne", "VIC", "3000"), ("Sydney", "NSW", "2000"), ("Brisbane", "QLD", "4000"), ("Perth", "WA", "6000"))


def customers(ground: Ground, count: int, *, edition: int = 0, export: int = 0) -> None:
    """An export of all customers: everybody differs in each `edition`, nobody in each `export` of one."""
    _write(ground, _customers(ground, count, edition, export))


def orders(ground: Ground, buyers: Iterable[int], first: int = 0, *, lines: int = 2) -> None:
    """One order for each buyer (a customer's number), newer and newer."""
    _write(ground, _orders(ground, buyers, first, lines))


def email(number: int) -> str:
    """A customer's address."""
    return f"person.{number}@customer.example"


def _customers(ground: Ground, count: int, edition: int, export: int) -> Iterator[Message]:
    scribe = _scribe(ground, f"customers-{edition}-{export}")
    exported = LONG_AGO + timedelta(days=1 + edition + export)
    changed = LONG_AGO + timedelta(hours=edition)
    for number in range(count):
        values, when = _customer(number, edition, changed), moment(changed, exported, number + 2)
        event = scribe.write("customers", email(number), values["person_id"], values, when)
        assert isinstance(event, Event)
        yield event.message


def _customer(number: int, edition: int, changed: datetime) -> dict[str, Any]:
    city, state, postcode = PLACES[number % 4]
    return {
        **_NOBODY,
        "person_id": str(number),
        "surname": f"O'Connor {number % 977}",
        "adrs1": f"Level {edition + 2}, {number % 250} Bourke St",
        "city": city,
        "state": state,
        "postcode": postcode,
        "mobile": f"+614{10_000_000 + number:08d}",
        "email": email(number),
        "dob": date(1960 + number % 45, 1 + number % 12, 1 + number % 28),
        "sms_opt_in": number % 3 > 0,
        "last_updated": changed,
    }


def _orders(ground: Ground, buyers: Iterable[int], first: int, lines: int) -> Iterator[Message]:
    scribe, exported = _scribe(ground, f"orders-{first}"), LONG_AGO + timedelta(days=9)
    basket = LINES[:lines]
    for number, buyer in enumerate(buyers, first):
        sold = LONG_AGO + timedelta(seconds=number)
        values = {
            **_NOTHING_SOLD,
            "tran_idx": str(900_000 + number),
            "tran_number": f"D113{number:08d}",
            "sale_datetime": sold,
            "person_id": str(buyer),
            "email": email(buyer),
            "order_total": sum(line["line_value"] for line in basket),
            "lines": basket,
        }
        when = moment(sold, exported, number + 2)
        event = scribe.write("orders", email(buyer), values["tran_idx"], values, when)
        assert isinstance(event, Event)
        yield event.message


def _scribe(ground: Ground, file: str) -> Scribe:
    sha256 = hashlib.sha256(file.encode()).hexdigest()
    return Scribe(codec(None), ground.names, Provenance("au", "apparel21-file", f"{file}.csv", sha256))


def _write(ground: Ground, messages: Iterable[Message]) -> None:
    producer = Producer(
        {
            "bootstrap.servers": ground.broker.bootstrap,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "compression.type": "zstd",
            "linger.ms": 20,
            "queue.buffering.max.messages": 200_000,
            "log_level": 0,
        }
    )
    for message in messages:
        while True:
            try:
                producer.produce(message.topic, message.value, message.key, headers=list(message.headers))
            except BufferError:
                producer.poll(0.1)
            else:
                break
    assert producer.flush(120) == 0


STORE = {"store_id": "4983", "store_code": "DONCASTER", "store_number": "113"}
_NOBODY: dict[str, Any] = {
    **blank("customers"),
    **STORE,
    "person_code": "OCONPR00",
    "firstname": "Priya",
    "country": "AUSTRALIA",
    "privacy": False,
    "email_opt_in": True,
    "created_date": LONG_AGO - timedelta(days=400),
    "joined_store_id": "4983",
    "joined_store_code": "DONCASTER",
    "loyalty_code": "CLUB",
    "loyalty_name": "Club Member",
    "loyalty_expiry": date(2027, 3, 31),
    "retail_cust": "Yes",
    "zone": "Australia/Melbourne",
}
_NOTHING_SOLD: dict[str, Any] = {
    **blank("orders"),
    **STORE,
    "tran_type": "Sale",
    "store_name": "Doncaster",
    "currency": "AUD",
    "zone": "Australia/Melbourne",
}


def _line(place: int, style: str, name: str, price: Decimal) -> dict[str, Any]:
    return {
        "line_seq": str(place),
        "style_code": style,
        "style_name": name,
        "colour_code": "SAGE",
        "colour_name": "Sage",
        "size_code": "10",
        "skuidx": f"2891{place}",
        "barcode": f"93000000000{place:02d}",
        "product_ref": "Dresses",
        "qty": 1,
        "unit_price": price,
        "line_discount": Decimal("0.00"),
        "line_value": price,
        "tax_percent": Decimal("10.00"),
    }


LINES = (
    _line(1, "DR2041", "Dress, linen wrap", Decimal("149.95")),
    _line(2, "SC0007", "Silk scarf", Decimal("59.95")),
)
