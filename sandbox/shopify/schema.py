"""The simulated part of the Admin GraphQL schema, ready to validate and execute with."""

from __future__ import annotations

from functools import cache
from importlib import resources

import phonenumbers
from graphql import GraphQLError, GraphQLSchema, build_schema
from graphql.type import GraphQLScalarType

from sandbox.web.world import moment

TOPICS = {
    "CUSTOMERS_CREATE": "customers/create",
    "CUSTOMERS_UPDATE": "customers/update",
    "CUSTOMERS_DELETE": "customers/delete",
    "CUSTOMERS_MERGE": "customers/merge",
    "CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE": "customers_email_marketing_consent/update",
    "CUSTOMERS_MARKETING_CONSENT_UPDATE": "customers_marketing_consent/update",
    "CUSTOMER_TAGS_ADDED": "customer.tags_added",
    "CUSTOMER_TAGS_REMOVED": "customer.tags_removed",
    "CUSTOMERS_PURCHASING_SUMMARY": "customers/purchasing_summary",
    "BULK_OPERATIONS_FINISH": "bulk_operations/finish",
    "APP_UNINSTALLED": "app/uninstalled",
}
"""A subscription's topic, and the same in the header of a delivery."""


@cache
def schema() -> GraphQLSchema:
    """The schema; countries are those with a telephone system, which is all that a shop ships to."""
    text = resources.files(__package__).joinpath("schema.graphql").read_text("utf-8")
    countries = " ".join(sorted(phonenumbers.SUPPORTED_REGIONS - {"001"}))
    topics = " ".join(TOPICS)
    built = build_schema(f"{text}\nenum CountryCode {{ {countries} }}\nenum WebhookSubscriptionTopic {{ {topics} }}\n")
    times = built.type_map["DateTime"]
    if isinstance(times, GraphQLScalarType):
        times.coerce_input_value = _moment
    return built


def _moment(value: object) -> str:
    """An ISO 8601 text as it came; anything else fails the request's validation."""
    if not isinstance(value, str) or "T" not in value or moment(value) is None:
        raise GraphQLError(f"invalid DateTime {value!r}")
    return value
