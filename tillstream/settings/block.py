"""What every table of settings has in common: unknown keys are errors, secrets may be files, errors come at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self, get_args

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, ValidationInfo, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from tillstream.settings.kinds import Secret, below_the_file


class Refusal(NamedTuple):
    """Why a table is refused although each key is right by itself; an empty `key` means the table as a whole."""

    key: str
    what: str


class Block(BaseModel):
    """A table of settings. A field of kind `Secret` may also be given as a file, under its name followed by `_file`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True)

    @classmethod
    def refuse(cls, _table: Mapping[str, Any], /) -> Iterator[Refusal]:
        """What is wrong between keys; override it. It is given what was written, before it was read."""
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, table: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        """Read the table, and raise what is wrong with its keys together with what is wrong between them."""
        if not isinstance(table, Mapping):
            return handler(table)
        errors = [_refused((key,) if key else (), what) for key, what in (*_doubled(cls, table), *cls.refuse(table))]
        try:
            read = handler(_with_files(cls, table, info))
        except ValidationError as error:
            errors = [_again(cls, detail) for detail in error.errors(include_url=False)] + errors
        if errors:
            raise ValidationError.from_exception_data(cls.__name__, errors, hide_input=True)
        return read


def secrets(model: type[BaseModel]) -> dict[str, str]:
    """The secrets a table may hold: the key of the file -> the key of the text."""
    return {
        f"{field.alias or name}_file": field.alias or name
        for name, field in model.model_fields.items()
        if field.annotation is Secret or Secret in get_args(field.annotation)
    }


def _doubled(model: type[BaseModel], table: Mapping[str, Any]) -> Iterator[Refusal]:
    for twin, key in secrets(model).items():
        if twin in table and key in table:
            yield Refusal(twin, f"give either {key} or {twin}, not both")
        elif twin in table and not (isinstance(table[twin], str | Path) and str(table[twin])):
            yield Refusal(twin, "should be the name of a file")


def _with_files(model: type[BaseModel], table: Mapping[str, Any], info: ValidationInfo) -> dict[str, Any]:
    twins = secrets(model)
    written = {key: table[twin] for twin, key in twins.items() if isinstance(table.get(twin), str | Path)}
    files = {key: Secret(below_the_file(Path(file), info), f"{key}_file") for key, file in written.items()}
    return {**{key: value for key, value in table.items() if key not in twins}, **files}


def _refused(loc: tuple[str | int, ...], what: str) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError("refused", "{what}", {"what": what}), loc=loc, input=None)


def _again(model: type[BaseModel], detail: Any) -> InitErrorDetails:
    """The same error, raised anew one table further out; it forgets the input, which may be a secret."""
    what = in_plain_words(detail)
    if detail["type"] == "missing":
        twin = f"{detail['loc'][-1]}_file"
        what = f"is missing (or {twin})" if len(detail["loc"]) == 1 and twin in secrets(model) else "is missing"
    kept = detail["type"] if detail["type"] in ("missing", "extra_forbidden") else "refused"
    told = detail.get("ctx", {}).get("what", what)
    return InitErrorDetails(type=PydanticCustomError(kept, "{what}", {"what": told}), loc=detail["loc"], input=None)


def in_plain_words(detail: Any) -> str:
    """What an error of pydantic says, as a person who never heard of pydantic says it."""
    match detail["type"]:
        case "model_type" | "dict_type" | "mapping_type" | "model_attributes_type":
            return "should be a table"
        case "tuple_type" | "list_type":
            return "should be a list"
        case "date_parsing" | "date_from_datetime_parsing" | "date_from_datetime_inexact":
            return 'should be a day, such as "2025-01-31"'
        case "time_parsing" | "time_type":
            return 'should be a time of day, such as "06:30"'
        case _:
            told = str(detail["msg"]).removeprefix("Value error, ").replace("Input should be", "should be")
            return told.split(", unable to parse")[0]
