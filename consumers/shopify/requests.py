"""Every call we make to Shopify, by name, with what it costs.

Source: shopify.dev, Admin GraphQL API 2026-10; costs by "Rate limits": an object is 1 point, a connection as many as it
may hold, a mutation 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from consumers.engine.wire import Json, Request

VERSION = "2026-10"
PATH = f"/admin/api/{VERSION}/graphql.json"
GID = "gid://shopify/Customer/"
NAMESPACE, KEY = "ap21", "person_id"
PAGE = 50
"""Customers read at once by the comparison."""
MUTATION = 10

CUSTOMER = f"""
    id legacyResourceId firstName lastName tags note updatedAt
    defaultAddress {{ id address1 address2 city provinceCode zip countryCodeV2 }}
    defaultEmailAddress {{ emailAddress marketingState marketingOptInLevel marketingUpdatedAt }}
    defaultPhoneNumber {{ phoneNumber marketingState marketingUpdatedAt smsMarketingConsent {{ state }} }}
    metafield(namespace: "{NAMESPACE}", key: "{KEY}") {{ value }}
"""

LOOKUP = f"""query LookupCustomer($identifier: CustomerIdentifierInput!) {{
  customerByIdentifier(identifier: $identifier) {{{CUSTOMER}  }}
}}"""
CHANGED = f"""query ChangedCustomers($q: String!, $n: Int!, $after: String) {{
  customers(first: $n, query: $q, after: $after, sortKey: UPDATED_AT) {{
    nodes {{{CUSTOMER}    }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}"""
CREATE = """mutation CreateCustomer($input: CustomerInput!) {
  customerCreate(input: $input) { customer { id legacyResourceId } userErrors { field message } }
}"""
UPDATE = """mutation UpdateCustomer($input: CustomerInput!) {
  customerUpdate(input: $input) { customer { id updatedAt } userErrors { field message } }
}"""
TAGS = """mutation AddTags($id: ID!, $tags: [String!]!) {
  tagsAdd(id: $id, tags: $tags) { node { id } userErrors { field message } }
}"""
EMAIL = """mutation EmailConsent($input: CustomerEmailMarketingConsentUpdateInput!) {
  customerEmailMarketingConsentUpdate(input: $input) { customer { id } userErrors { code field message } }
}"""
SMS = """mutation SmsConsent($input: CustomerSmsMarketingConsentUpdateInput!) {
  customerSmsMarketingConsentUpdate(input: $input) { customer { id } userErrors { code field message } }
}"""
METAFIELDS = """mutation SetMetafields($metafields: [MetafieldsSetInput!]!) {
  metafieldsSet(metafields: $metafields) { metafields { id } userErrors { code field message } }
}"""
ERASE = """mutation EraseCustomer($customerId: ID!) {
  customerRequestDataErasure(customerId: $customerId) { customerId userErrors { code field message } }
}"""
ERASES = "write_customer_data_erasure"
"""The scope it takes."""
SCOPES = "query Scopes { currentAppInstallation { accessScopes { handle } } shop { name } }"
SUBSCRIPTIONS = """query Subscriptions($n: Int!) {
  webhookSubscriptions(first: $n) { nodes { id topic uri } }
}"""
SUBSCRIBE = """mutation Subscribe($topic: WebhookSubscriptionTopic!, $sub: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $sub) {
    webhookSubscription { id topic uri } userErrors { field message }
  }
}"""


def _graphql(endpoint: str, query: str, variables: Json, cost: int, *, repeatable: bool = True) -> Request:
    return Request("POST", PATH, endpoint, {"query": query, "variables": variables}, repeatable=repeatable, cost=cost)


def token(client_id: str, client_secret: str) -> Request:
    """A token for a day, by client credentials. It is about our own key, and shown to nobody."""
    form = {"client_id": client_id, "client_secret": client_secret, "grant_type": "client_credentials"}
    headers = (("Content-Type", "application/x-www-form-urlencoded"),)
    body = urlencode(form).encode()
    return Request("POST", "/admin/oauth/access_token", "token", body, rows=0, headers=headers)


def look_up(name: str, value: str) -> Request:
    """A customer by `emailAddress`, `phoneNumber` or `id`. Other than a search it does not lag behind writes."""
    return _graphql("customer-read", LOOKUP, {"identifier": {name: value}}, 6)


def changed(query: str, after: str | None) -> Request:
    """A page of the customers that a search finds, the one changed longest ago first."""
    return _graphql("customers-read", CHANGED, {"q": query, "n": PAGE, "after": after}, 6 * PAGE + 2)


def create(body: Json) -> Request:
    """A new customer. A second sending is refused as "taken", so whoever got no answer looks again."""
    return _graphql("customer-create", CREATE, {"input": body}, MUTATION, repeatable=False)


def update(customer: str, body: Json) -> Request:
    """Change some fields of a customer."""
    return _graphql("customer-update", UPDATE, {"input": {"id": customer, **body}}, MUTATION)


def add_tags(customer: str, tags: Sequence[str]) -> Request:
    """Add tags, and leave the others (in an update they would be replaced)."""
    return _graphql("customer-update", TAGS, {"id": customer, "tags": list(tags)}, MUTATION)


def set_metafields(customer: str, fields: Sequence[Json]) -> Request:
    """Set metafields of a customer."""
    owned = [{"ownerId": customer, **field} for field in fields]
    return _graphql("customer-update", METAFIELDS, {"metafields": owned}, MUTATION)


def consent(customer: str, part: str, said: Json) -> Request:
    """Change a customer's consent; `part`: emailMarketingConsent or smsMarketingConsent."""
    query = EMAIL if part == "emailMarketingConsent" else SMS
    return _graphql("consent", query, {"input": {"customerId": customer, part: said}}, MUTATION)


def erase(customer: str) -> Request:
    """Order the erasure of a customer's data; nobody says what a second order does."""
    return _graphql("erase", ERASE, {"customerId": customer}, MUTATION)


def scopes() -> Request:
    """What our key may do, and whose shop it is."""
    return _graphql("check", SCOPES, {}, 20)


def subscriptions() -> Request:
    """The webhooks that this app has asked for."""
    return _graphql("check", SUBSCRIPTIONS, {"n": 100}, 102)


def subscribe(topic: str, address: str) -> Request:
    """Ask for a webhook."""
    return _graphql("check", SUBSCRIBE, {"topic": topic, "sub": {"uri": address, "format": "JSON"}}, MUTATION)
