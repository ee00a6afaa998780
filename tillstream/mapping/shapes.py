"""What a mapping table may read: the fields of an event, with their meaning, kind and nested parts."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, NamedTuple

from tillstream.mapping.paths import split_path

NONE: Mapping[str, Any] = MappingProxyType({})


class Shape(NamedTuple):
    """The fields of one kind of record.

    `fields` gives each field's meaning (shown to people). `parts` gives the shape of a nested record, or of one
    element of a list (`lines`). Under a field named in `open` any key may be asked for (`extra.vip_sms`).
    `kinds` says what a field holds (`text`, `amount`, `number`, `instant`, `date`, `yes_no`, `list`, `record`,
    `map`), and under the name `extra.*` what the keys of an open field hold; without a kind it may be anything.
    """

    name: str
    fields: Mapping[str, str]
    parts: Mapping[str, "Shape"] = NONE
    open: frozenset[str] = frozenset()
    kinds: Mapping[str, str] = NONE

    def plus(self, fields: Mapping[str, str] = NONE, kinds: Mapping[str, str] = NONE, **parts: "Shape") -> "Shape":
        """The shape with more fields, their kinds, and more parts; what each part is says its own name.

        >>> sale = Shape("Sale", {"key": ""}).plus({"price": ""}, known=Shape("What we know", {"total": ""}))
        >>> sale.paths(), sale.meaning("known")
        (['known', 'key', 'price', 'known.total'], 'What we know')
        """
        named = {name: part.name for name, part in parts.items()}
        return self._replace(
            fields={**named, **self.fields, **fields}, parts={**self.parts, **parts}, kinds={**self.kinds, **kinds}
        )

    def knows(self, path: str) -> bool:
        """Whether there is a field by this name; those of a list's elements are named like those of a record.

        >>> sale = Shape("Original", {"key": "Its Kafka key"})
        >>> order = Shape("Order", {"original": "", "extra": ""}, {"original": sale}, open=frozenset({"extra"}))
        >>> order.knows("extra.size"), order.knows("original.key"), order.knows("key")
        (True, True, False)
        """
        if path in self.fields:
            return True
        head, *rest = split_path(path) or ("",)
        if not rest:
            return False
        if head in self.open:
            return True
        return head in self.parts and self.parts[head].knows(".".join(rest))

    def gives(self, path: str) -> bool:
        """Whether a record has one value by this name: known, and not a field of the elements of a list."""
        head = (split_path(path) or ("",))[0]
        return self.knows(path) and (path in self.fields or self.kinds.get(head) != "list")

    def kind(self, path: str) -> str:
        """What the field holds, or an empty text where that is not known."""
        if path in self.kinds or path in self.fields:
            return self.kinds.get(path, "")
        head, *rest = split_path(path) or ("",)
        if head in self.open:
            return self.kinds.get(f"{head}.*", "")
        return self.parts[head].kind(".".join(rest)) if rest and head in self.parts else ""

    def meaning(self, path: str) -> str:
        """What the field means, or an empty text where nobody said."""
        if path in self.fields:
            return self.fields[path]
        head, *rest = split_path(path) or ("",)
        return self.parts[head].meaning(".".join(rest)) if rest and head in self.parts else ""

    def paths(self) -> list[str]:
        """Every name a table may use, nested ones with a dot."""
        nested = [f"{head}.{path}" for head, part in self.parts.items() for path in part.paths()]
        return [*self.fields, *nested]


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that ends a message about an unknown name.

    >>> nearest("emial", ["email", "mobile"])
    ', did you mean "email"?'
    >>> nearest("zzz", ["email"])
    ''
    """
    lowered = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return f', did you mean "{lowered[found[0]]}"?' if found else ""


def shape_of(schema: Mapping[str, Any]) -> Shape:
    """The shape of an Avro record, from its parsed schema; meanings are the fields' `doc`.

    >>> shape_of({"type": "record", "name": "Person", "fields": [
    ...     {"name": "email", "type": ["null", "string"], "doc": "Where letters go"}]}).fields
    {'email': 'Where letters go'}
    """
    fields: dict[str, str] = {}
    parts: dict[str, Shape] = {}
    kinds: dict[str, str] = {}
    opened: set[str] = set()
    for field in schema["fields"]:
        name, inner = field["name"], _plain(field["type"])
        fields[name] = field.get("doc", "")
        kinds[name] = _kind(inner)
        element = _plain(inner["items"]) if _is(inner, "array") else inner
        if _is(element, "record"):
            parts[name] = shape_of(element)
        if _is(inner, "map"):
            opened.add(name)
            kinds[f"{name}.*"] = _kind(_plain(inner["values"]))
    return Shape(schema["name"], fields, parts, frozenset(opened), kinds)


def _plain(avro: Any) -> Any:
    """A nullable type without its null."""
    if not isinstance(avro, list):
        return avro
    solid = [kind for kind in avro if kind != "null"]
    return solid[0] if len(solid) == 1 else {"type": "union"}


def _is(avro: Any, kind: str) -> bool:
    return isinstance(avro, Mapping) and avro.get("type") == kind


_LOGICAL = {"decimal": "amount", "timestamp-micros": "instant", "timestamp-millis": "instant", "date": "date"}
_AVRO = {"string": "text", "enum": "text", "int": "number", "long": "number", "float": "number", "double": "number",
         "boolean": "yes_no", "array": "list", "record": "record", "map": "map"}  # fmt: skip


def _kind(avro: Any) -> str:
    if isinstance(avro, Mapping):
        return _LOGICAL.get(avro.get("logicalType", ""), _AVRO.get(avro["type"], ""))
    return _AVRO.get(avro, "")


Transforms = Mapping[str, Callable[..., Any]]
