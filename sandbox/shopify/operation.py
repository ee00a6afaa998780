"""One GraphQL operation: read out of a request's text, and carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    execute_sync,
    parse,
    validate,
)

from sandbox.shopify import cost
from sandbox.shopify.schema import schema
from sandbox.shopify.world import World
from sandbox.web.answer import Json


@dataclass(frozen=True, slots=True)
class Call:
    """Where an operation is carried out: the store, and the address it was asked at."""

    world: World
    origin: str


@dataclass(frozen=True, slots=True)
class Operation:
    """The one operation of a request that is to be carried out."""

    document: DocumentNode
    node: OperationDefinitionNode

    @property
    def roots(self) -> list[str]:
        """Its root fields' names."""
        return [one.name.value for one in cost.fields(self.node.selection_set, self.fragments)]

    @property
    def fragments(self) -> dict[str, FragmentDefinitionNode]:
        """The fragments of its document by name."""
        return {one.name.value: one for one in self.document.definitions if isinstance(one, FragmentDefinitionNode)}

    @property
    def mutates(self) -> bool:
        """Whether it changes anything."""
        return self.node.operation is OperationType.MUTATION

    def execute(self, variables: Mapping[str, Any], fields: Mapping[str, Any], call: Call) -> Json:
        """What it does and finds; `fields` are the functions behind the root fields, by name."""
        name = self.node.name.value if self.node.name else None
        result = execute_sync(schema(), self.document, fields, call, dict(variables), name)
        errors = [_told(error) for error in result.errors or ()]
        if not errors:
            return {"data": result.data}
        began = any("path" in error for error in errors)
        return {"data": result.data, "errors": errors} if began else {"errors": errors}


@lru_cache(maxsize=256)
def read(query: str, name: str | None) -> Operation | str:
    """The operation of this name (or the only one), or why there is none."""
    try:
        document = parse(query)
    except GraphQLSyntaxError as error:
        return error.message
    if errors := validate(schema(), document):
        return errors[0].message
    found = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    named = [one for one in found if name is None or (one.name is not None and one.name.value == name)]
    if len(named) != 1:
        return f'No operation named "{name}"' if name else "An operation name is required"
    return Operation(document, named[0])


def _told(error: GraphQLError) -> Json:
    """A wrong variable has no path; an error of a field has one, and stands beside what else was found."""
    code = {} if error.path else {"extensions": {"code": "INVALID_VARIABLE"}}
    return {"message": error.message, **({"path": list(error.path)} if error.path else {}), **code}
