"""Write events straight to Kafka, as the producers write them, where ingest is not what is measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from confluent_kafka import Producer

from bench.ground import Ground
from producers.scribe import Event, Provenance, Scribe, moment
from schemas.codec import codec
from schemas.definitions import blank
from schemas.records import Line
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
        event = scribe.write("customers", email(number), str(number), _customer(number, edition, changed), moment(changed, exported, number + 2))
        assert isinstance(event, Event)
        yield event.message


def _customer(number: int, edition: int, changed: datetime) -> dict[str, Any]:
    city, state, postcode = PLACES[number % 4]
    return {
        **_NOBODY,
        **{"person_id": str(number), "person_code": f"PERSON{number % 100:02d}", "firstname": "Priya", "surname": f"O'Connor {number % 977}"},
        **{"adrs1": f"Level {edition + 2}, {number % 250} Bourke St", "city": city, "state": state, "postcode": postcode, "country": "AUSTRALIA"},
        **{"mobile": f"+614{10_000_000 + number:08d}", "email": email(number), "dob": date(1960 + number % 45, 1 + number % 12, 1 + number % 28)},
        **{"privacy": False, "email_opt_in": True, "sms_opt_in": number % 3 > 0, "last_updated": changed, "created_date": LONG_AGO - timedelta(days=400)},
        **{"joined_store_id": "4983", "joined_store_code": "DONCASTER", "store_id": "4983", "store_code": "DONCASTER", "store_number": "113"},
        **{"loyalty_code": "CLUB", "loyalty_name": "Club Member", "loyalty_expiry": date(2027, 3, 31), "retail_cust": "Yes"},
        "zone": "Australia/Melbourne",
    }


def _orders(ground: Ground, buyers: Iterable[int], first: int, lines: int) -> Iterator[Message]:
    scribe = _scribe(ground, f"orders-{first}")
    value = sum((line["line_value"] for line in _LINES[:lines]), Decimal(0))
    for number, buyer in enumerate(buyers, first):
        sold = LONG_AGO + timedelta(seconds=number)
        values = {
            **_NOTHING_SOLD,
            **{"tran_idx": str(900_000 + number), "tran_number": f"D113{number:08d}", "tran_type": "Sale", "sale_datetime": sold},
            **{"store_id": "4983", "store_code": "DONCASTER", "store_number": "113", "store_name": "Doncaster", "person_id": str(buyer)},
            **{"email": email(buyer), "currency": "AUD", "order_total": value, "lines": _LINES[:lines], "zone": "Australia/Melbourne"},
        }
        event = scribe.write("orders", email(buyer), values["tran_idx"], values, moment(sold, LONG_AGO + timedelta(days=9), number + 2))
        assert isinstance(event, Event)
        yield event.message


def _scribe(ground: Ground, file: str) -> Scribe:
    return Scribe(codec(None), ground.names, Provenance("au", "apparel21-file", f"{file}.csv", file.encode().hex().ljust(64, "0")[:64]))


def _write(ground: Ground, messages: Iterable[Message]) -> None:
    producer = Producer({
        **{"bootstrap.servers": ground.broker.bootstrap, "partitioner": "murmur2_random", "enable.idempotence": True},
        **{"compression.type": "zstd", "linger.ms": 20, "queue.buffering.max.messages": 200_000},
    })
    for message in messages:
        while True:
            try:
                producer.produce(message.topic, message.value, message.key, headers=list(message.headers))
            except BufferError:
                producer.poll(0.1)
            else:
                break
    assert producer.flush(120) == 0


_NOBODY, _NOTHING_SOLD = blank("customers"), blank("orders")
_LINES: list[Line] = [
    {
        **{"line_seq": str(place), "style_code": style, "style_name": name, "colour_code": "SAGE", "colour_name": "Sage", "size_code": "10"},
        **{"skuidx": f"2891{place}", "barcode": f"93000000000{place:02d}", "product_ref": "Dresses", "qty": 1, "unit_price": Decimal(price)},
        **{"line_discount": Decimal("0.00"), "line_value": Decimal(price), "tax_percent": Decimal("10.00"), "discount_reason": ""},
        **{"return_reason": "", "orig_tran_idx": "", "orig_tran_number": ""},
    }  # type: ignore[typeddict-item]  # a literal in parts
    for place, (style, name, price) in enumerate((("DR2041", "Dress, linen wrap", "149.95"), ("SC0007", "Silk scarf", "59.95")), 1)
]
