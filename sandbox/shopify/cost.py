"""What a request costs, and the leaky bucket that it is paid from.

Source: shopify.dev, "API rate limits": an object is one point, a connection as many as are asked for, a mutation ten;
scalars and enums are free. The difference to what was really found is given back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    value_from_ast_untyped,
)
from graphql.language import FragmentDefinitionNode, FragmentSpreadNode, InlineFragmentNode, SelectionNode

MUTATION = 10
DEAREST = 1000
"""What one request may cost at most."""

Fragments = Mapping[str, FragmentDefinitionNode]


def requested(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments, variables: Mapping[str, Any]
) -> int:
    """The points reserved before a request is carried out."""
    roots = fields(operation.selection_set, fragments)
    if operation.operation is OperationType.MUTATION:
        return MUTATION * len(roots)
    root = schema.query_type
    return 0 if root is None else sum(_cost(root, one, fragments, variables) for one in roots)


def actual(found: object) -> int:
    """The points for what was found: the objects of the answer, without the answer itself."""
    if isinstance(found, dict):
        return sum((isinstance(one, dict)) + actual(one) for one in found.values())
    if isinstance(found, list):
        return sum((isinstance(one, dict)) + actual(one) for one in found)
    return 0


def _cost(parent: GraphQLObjectType, field: FieldNode, fragments: Fragments, variables: Mapping[str, Any]) -> int:
    known = parent.fields.get(field.name.value)
    if known is None or field.selection_set is None:
        return 0
    return 1 + _inside(known.type, field, fragments, variables)


def _inside(kind: GraphQLOutputType, field: FieldNode, fragments: Fragments, variables: Mapping[str, Any]) -> int:
    inner = get_named_type(kind)
    if not isinstance(inner, GraphQLObjectType) or field.selection_set is None:
        return 0
    below = fields(field.selection_set, fragments)
    if not inner.name.endswith("Connection"):
        return sum(_cost(inner, one, fragments, variables) for one in below)
    pages = sum(_cost(inner, one, fragments, variables) for one in below if one.name.value == "pageInfo")
    each = sum(_cost(inner, one, fragments, variables) for one in below if one.name.value in ("nodes", "edges"))
    return pages + _first(field, variables) * each


def _first(field: FieldNode, variables: Mapping[str, Any]) -> int:
    for argument in field.arguments or ():
        if argument.name.value in ("first", "last"):
            number = value_from_ast_untyped(argument.value, dict(variables))
            return int(number) if isinstance(number, int) else 1
    return 1


def fields(selection: SelectionSetNode, fragments: Fragments) -> list[FieldNode]:
    """The fields of a selection, fragments opened."""
    return [field for node in selection.selections for field in _opened(node, fragments)]


def _opened(node: SelectionNode, fragments: Fragments) -> list[FieldNode]:
    if isinstance(node, FieldNode):
        return [node]
    if isinstance(node, InlineFragmentNode):
        return fields(node.selection_set, fragments)
    if isinstance(node, FragmentSpreadNode) and node.name.value in fragments:
        return fields(fragments[node.name.value].selection_set, fragments)
    return []
