"""Write records.py, the typed view of the Avro definitions: `python -m schemas.generate`."""

from collections.abc import Iterator
from typing import Any

from schemas.definitions import ENVELOPE, FOLDER, RECORDS, Json, definition, record_within

TARGET = FOLDER / "records.py"

HEAD = '''"""Records as typed dictionaries. Made by `python -m schemas.generate` from the *.avsc files: change those."""

from datetime import date, datetime
from decimal import Decimal
from typing import TypedDict
'''

PLAIN = {"string": "str", "boolean": "bool", "long": "int", "int": "int", "null": "None"}
LOGICAL = {"timestamp-micros": "datetime", "date": "date", "decimal": "Decimal"}


def generated() -> str:
    """The text of records.py."""
    records = [definition(topic) for topic in RECORDS]
    envelope: Json = {
        "name": "Envelope",
        "doc": "What every record says last: where it came from.",
        "fields": [field for field in records[0]["fields"] if field["name"] in ENVELOPE],
    }
    classes = [_class(envelope, "TypedDict", envelope["fields"])]
    for record in records:
        classes += [_class(inner, "TypedDict", inner["fields"]) for inner in _inner(record)]
        classes.append(_class(record, "Envelope", [f for f in record["fields"] if f["name"] not in ENVELOPE]))
    return HEAD + "".join(f"\n\n{text}" for text in classes)


def _inner(record: Json) -> Iterator[Json]:
    for field in record["fields"]:
        found = record_within(field["type"])
        if found is not None:
            yield from _inner(found)
            yield found


def _class(record: Json, base: str, fields: list[Json]) -> str:
    doc = record["doc"].rstrip(".")
    lines = [f"class {record['name']}({base}):", f'    """{doc}."""', ""]
    for field in fields:
        lines.append(f"    {field['name']}: {_type(field['type'])}")
        lines.append(f'    """{field["doc"]}{" [personal]" if field.get("personal") else ""}"""')
    return "\n".join(lines) + "\n"


def _type(avro: Any) -> str:
    if isinstance(avro, str):
        return PLAIN[avro]
    if isinstance(avro, list):
        return " | ".join(_type(branch) for branch in sorted(avro, key=lambda branch: branch == "null"))
    match avro:
        case {"logicalType": logical}:
            return LOGICAL[logical]
        case {"type": "map", "values": values}:
            return f"dict[str, {_type(values)}]"
        case {"type": "array", "items": items}:
            return f"list[{_type(items)}]"
        case _:
            return str(avro["name"])


if __name__ == "__main__":
    TARGET.write_text(generated(), encoding="utf-8")
