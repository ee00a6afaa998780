"""Read the text of a mapping table and say everything that is wrong with it at once, each with its line."""

import codecs
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from tillstream.mapping.compile import as_json
from tillstream.mapping.dates import date_format
from tillstream.mapping.paths import split_path
from tillstream.mapping.rows import Each, Row, Rule, shown
from tillstream.mapping.shapes import Shape, Transforms, nearest
from tillstream.settings.lines import key_lines

Path = tuple[str | int, ...]

_TOP = ("target", "extends", "delimiter", "encoding", "columns", "dates", "row", "each")
_ROW = ("source", "constant", "target", "via", "when", "note")
_EACH = ("source", "target", "note", "row")
_WHEN = ("field", "empty", "equals", "one_of")
_KINDS = {str: "text", Decimal: "amount", int: "number", datetime: "instant", date: "date", bool: "yes_no",
          list: "list"}  # fmt: skip
_FITTING: Mapping[str, type | tuple[type, ...]] = {
    "text": str, "yes_no": bool, "number": (int, Decimal), "amount": (int, Decimal),
}  # fmt: skip
_ANSWERS = {"Yes": True, "yes": True, "No": False, "no": False}
_NAMES = {"text": "a text", "amount": "an amount", "number": "a number", "instant": "a time", "date": "a date",
          "yes_no": "a yes or no", "list": "a list", "record": "a record", "map": "a set of columns"}  # fmt: skip


class Problem(NamedTuple):
    """One thing that is wrong: the line it stands on (from 1) and a sentence."""

    line: int
    message: str


class TableErrors(Exception):
    """A table that cannot be used: all its `problems` in the order of their lines, and its `file` where known."""

    def __init__(self, problems: Iterable[Problem], file: str = "") -> None:
        self.problems = tuple(sorted(problems))
        self.file = file
        place = f"{file}, line" if file else "line"
        super().__init__("\n".join(f"{place} {line}: {message}" for line, message in self.problems))


@dataclass(frozen=True, slots=True)
class Draft:
    """What one text says, before it is laid over the shipped table."""

    title: str = ""
    extends: bool = True
    rows: tuple[Row, ...] = ()
    eaches: tuple[Each, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    delimiter: str = ""
    encoding: str = ""


def read_draft(text: str, source: Shape, transforms: Transforms, target: Shape | None = None) -> Draft:
    """The table that a TOML text describes; raises `TableErrors` with every problem found in it."""
    try:
        data = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        line = int(at[1]) if at else text.count("\n") + 1
        raise TableErrors([Problem(line, f"this is not TOML: {error}")]) from None
    reader = _Reader(key_lines(text), transforms, target)
    draft = reader.draft(data, source)
    if reader.problems:
        raise TableErrors(reader.problems)
    return draft


def accepts(transform: Callable[..., Any]) -> frozenset[str]:
    """The kinds of field a transform takes, by its first parameter's type; empty where it takes any."""
    hints = get_type_hints(transform)
    first = next((hints[name] for name in hints if name != "return"), None)
    choices = (get_origin(first),) if get_origin(first) is list else get_args(first) or (first,)
    return frozenset(_KINDS[kind] for kind in choices if kind in _KINDS)


class _Reader:
    """Walks one parsed text and collects what is wrong on the way."""

    def __init__(self, lines: Mapping[Path, int], transforms: Transforms, target: Shape | None) -> None:
        self.problems: list[Problem] = []
        self._lines = lines
        self._transforms = transforms
        self._target = target

    def draft(self, data: dict[str, Any], source: Shape) -> Draft:
        self._unknown((), data, _TOP)
        rows = self._rows(("row",), data.get("row"), source, self._target)
        eaches = tuple(self._eaches(data.get("each"), source))
        used = {row.source for row in rows}
        return Draft(
            title=self._typed((), data, "target", str, ""),
            extends=self._typed((), data, "extends", bool, True),
            rows=rows,
            eaches=eaches,
            columns=self._columns(self._typed((), data, "columns", dict, {}), source, used),
            dates=self._dates(self._typed((), data, "dates", dict, {}), source, used),
            delimiter=self._delimiter(self._typed((), data, "delimiter", str, "")),
            encoding=self._encoding(self._typed((), data, "encoding", str, "")),
        )

    def _say(self, path: Path, message: str) -> None:
        while path and path not in self._lines:
            path = path[:-1]
        self.problems.append(Problem(self._lines.get(path, 1), message))

    def _unknown(self, path: Path, data: Mapping[str, Any], known: Sequence[str]) -> None:
        for key in data:
            if key not in known:
                self._say((*path, key), f'nothing here is called "{key}"{nearest(key, known)}')

    def _typed(self, path: Path, data: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
        value = data.get(key, default)
        if isinstance(value, kind):
            return value
        kinds = {str: "a text", bool: "true or false", dict: "a table", list: "a list"}
        self._say((*path, key), f'"{key}" must be {kinds[kind]}')
        return default

    def _rows(self, path: Path, data: Any, source: Shape, target: Shape | None) -> tuple[Row, ...]:
        entries = data if isinstance(data, list) else [] if data is None else [data]
        rows = []
        for number, entry in enumerate(entries):
            if isinstance(data, list) and isinstance(entry, dict):
                rows.append(self._row((*path, number), entry, source, target))
            else:
                self._say(path, f"rows are written as [[{'.'.join(map(str, path))}]]")
        self._order(path, rows)
        return tuple(rows)

    def _row(self, path: Path, data: dict[str, Any], shape: Shape, target: Shape | None) -> Row:
        self._unknown(path, data, _ROW)
        row = Row(
            target=self._target_of(path, data, target),
            source=self._typed(path, data, "source", str, ""),
            constant=as_json(data.get("constant")),
            via=self._typed(path, data, "via", str, ""),
            when=self._rule((*path, "when"), data, shape, target),
            note=self._typed(path, data, "note", str, ""),
            line=self._lines.get(path, 1),
        )
        if (row.source != "") == ("constant" in data):
            self._say(path, 'a row needs either a "source" or a "constant"')
        if row.source and not _open(target, row.target):
            self._known((*path, "source"), row.source, shape)
        self._via(path, row, shape)
        return row

    def _target_of(self, path: Path, data: dict[str, Any], target: Shape | None) -> str:
        text: str = self._typed(path, data, "target", str, "")
        if not text:
            self._say(path, 'a row needs a "target"')
        elif not split_path(text):
            self._say((*path, "target"), f'"{text}" is no path; a name with a dot in it needs quotes: a."b.c"')
        elif target and not target.knows(text):
            self._say((*path, "target"), f'{target.name} has no field "{text}"{nearest(text, target.paths())}')
        return text

    def _known(self, path: Path, name: str, shape: Shape) -> None:
        if not shape.gives(name):
            hint = nearest(name, filter(shape.gives, shape.paths()))
            self._say(path, f'{shape.name} has no field "{name}"{hint}')

    def _via(self, path: Path, row: Row, shape: Shape) -> None:
        if not row.via:
            return
        if row.via not in self._transforms:
            hint = nearest(row.via, self._transforms)
            self._say((*path, "via"), f'there is no transform "{row.via}"{hint}')
            return
        if not row.source:
            self._say((*path, "via"), "a constant is sent as it is written, without a transform")
        kind, kinds = shape.kind(row.source) if row.source else "", accepts(self._transforms[row.via])
        if kind and kinds and kind not in kinds:
            wanted = " or ".join(_NAMES[name] for name in sorted(kinds))
            self._say((*path, "via"), f'"{row.via}" takes {wanted}, but "{row.source}" is {_NAMES[kind]}')

    def _rule(self, path: Path, row: dict[str, Any], shape: Shape, target: Shape | None) -> Rule | None:
        if "when" not in row:
            return None
        data = self._typed(path[:-1], row, "when", dict, {})
        self._unknown(path, data, _WHEN)
        name = self._typed(path, data, "field", str, "")
        if not name:
            self._say(path, 'a rule needs a "field"')
        elif not _open(target, str(row.get("target", ""))):
            self._known(path, name, shape)
        if sum(key in data for key in _WHEN[1:]) != 1:
            self._say(path, 'a rule needs exactly one of "empty", "equals" and "one_of"')
            return None
        if "empty" in data:
            return Rule(name, empty=self._typed(path, data, "empty", bool, True))
        values = [data["equals"]] if "equals" in data else self._typed(path, data, "one_of", list, [])
        return Rule(name, one_of=self._values(path, name, values, shape.kind(name)))

    def _values(self, path: Path, name: str, values: Sequence[Any], kind: str) -> tuple[Any, ...]:
        """What a field is compared with: a yes or no may be written as our pages show it."""
        answers = _ANSWERS if kind == "yes_no" else {}
        found = tuple(answers.get(value, value) if isinstance(value, str) else value for value in values)
        for value in found:
            if not isinstance(value, _FITTING.get(kind, object)):
                self._say(path, f'"{name}" is {_NAMES[kind]} and never equals {shown(value)}')
        return found

    def _order(self, path: Path, rows: Sequence[Row]) -> None:
        """Rows of one target are tried from the top, so nothing may stand below one that always applies."""
        settled: dict[str, int] = {}
        for number, row in enumerate(rows):
            if row.target and row.target in settled:
                at = settled[row.target]
                self._say((*path, number), f'never reached: "{row.target}" is always set by the row on line {at}')
            elif row.when is None:
                settled[row.target] = row.line

    def _eaches(self, data: Any, shape: Shape) -> Iterable[Each]:
        if data is None:
            return
        if isinstance(data, dict):
            yield self._each(("each",), data, shape)
        elif isinstance(data, list) and all(isinstance(entry, dict) for entry in data):
            targets = [entry.get("target") for entry in data]
            for number, entry in enumerate(data):
                if entry.get("target") in targets[:number]:
                    self._say(("each", number), f'"{entry.get("target")}" is a list already')
                yield self._each(("each", number), entry, shape)
        else:
            self._say(("each",), "a list is written as [each] with [[each.row]]")

    def _each(self, path: Path, data: dict[str, Any], shape: Shape) -> Each:
        self._unknown(path, data, _EACH)
        source = self._typed(path, data, "source", str, "")
        lists = sorted(name for name in shape.parts if shape.kinds.get(name, "list") == "list")
        if source not in lists:
            self._say((*path, "source"), f'{shape.name} has no list "{source}"; it has: {", ".join(lists) or "none"}')
        rows = self._rows((*path, "row"), data.get("row"), shape.parts.get(source, _ANYTHING), None)
        if not rows:
            self._say(path, "a list needs at least one [[each.row]]")
        target = self._target_of(path, data, self._target)
        return Each(source, target, rows, self._typed(path, data, "note", str, ""), self._lines.get(path, 1))

    def _columns(self, data: dict[str, Any], shape: Shape, used: set[str]) -> dict[str, str]:
        for theirs, ours in data.items():
            if not isinstance(ours, str):
                self._say(("columns", theirs), f'the column "{theirs}" must be given one of our names, as a text')
            elif ours not in used:
                self._known(("columns", theirs), ours, shape)
        return data

    def _dates(self, data: dict[str, Any], shape: Shape, used: set[str]) -> dict[str, tuple[str, ...]]:
        formats: dict[str, tuple[str, ...]] = {}
        for column, given in data.items():
            if column not in used:
                self._known(("dates", column), column, shape)
            if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
                self._say(("dates", column), f'"{column}" must be a list of formats such as "D/MM/YYYY h:mm:ss AM/PM"')
                continue
            for wrong in filter(None, map(_format_problem, given)):
                self._say(("dates", column), wrong)
            formats[column] = tuple(given)
        return formats

    def _delimiter(self, text: str) -> str:
        if text not in ("", ",", ";", "\t", "|"):
            self._say(("delimiter",), "the delimiter must be a comma, a semicolon, a tab or a pipe")
        return text

    def _encoding(self, text: str) -> str:
        if text and not _codec(text):
            hint = nearest(text, ("utf-8", "windows-1252", "utf-16"))
            self._say(("encoding",), f'there is no encoding "{text}"{hint}')
        return text


class _Anything(dict[str, str]):
    """The fields of a list that nobody knows: its absence was said already, so its rows say nothing more."""

    def __contains__(self, _name: object) -> bool:
        return True


_ANYTHING = Shape("list", _Anything())


def _open(target: Shape | None, path: str) -> bool:
    """Whether a file's row goes where any column of the merchant's own may go (`extra.vip_sms`)."""
    return target is not None and split_path(path)[:1] != () and split_path(path)[0] in target.open


def _format_problem(text: str) -> str:
    wanted = date_format(text)
    return wanted if isinstance(wanted, str) else ""


def _codec(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding
    except (LookupError, ValueError):
        return False
