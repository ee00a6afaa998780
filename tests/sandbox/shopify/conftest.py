"""A simulated store of one's own, a client that knows its token, and somebody who hears its webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.shopify.server import ShopifyServer
from tests.sandbox.listener import Listener

PATH = "/admin/api/2026-10/graphql.json"
MIA, NUMBER = "mia.tan@customer.example", "+61412000111"

LOOK = """query LookupCustomer($identifier: CustomerIdentifierInput!) {
  customerByIdentifier(identifier: $identifier) {
    id legacyResourceId firstName lastName tags note updatedAt
    defaultEmailAddress { emailAddress marketingState marketingOptInLevel marketingUpdatedAt }
    defaultPhoneNumber { phoneNumber smsMarketingConsent { state } }
    metafield(namespace: "ap21", key: "person_id") { value compareDigest }
  }
}"""
SEARCH = """query SearchCustomers($q: String!, $after: String) {
  customers(first: 2, query: $q, after: $after, sortKey: UPDATED_AT) {
    nodes { id defaultEmailAddress { emailAddress } defaultPhoneNumber { phoneNumber } }
    pageInfo { hasNextPage endCursor }
  }
}"""
CREATE = """mutation CreateCustomer($input: CustomerInput!) {
  customerCreate(input: $input) {
    customer { id legacyResourceId createdAt defaultEmailAddress { emailAddress marketingState } }
    userErrors { field message }
  }
}"""
UPDATE = """mutation UpdateCustomer($input: CustomerInput!) {
  customerUpdate(input: $input) { customer { id updatedAt } userErrors { field message } }
}"""
TAGS = """mutation AddTags($id: ID!, $tags: [String!]!) {
  tagsAdd(id: $id, tags: $tags) { node { id } userErrors { field message } }
}"""
EMAIL = """mutation EmailConsent($input: CustomerEmailMarketingConsentUpdateInput!) {
  customerEmailMarketingConsentUpdate(input: $input) {
    customer { id defaultEmailAddress { marketingState } } userErrors { code field message }
  }
}"""
SMS = """mutation SmsConsent($input: CustomerSmsMarketingConsentUpdateInput!) {
  customerSmsMarketingConsentUpdate(input: $input) { customer { id } userErrors { code field message } }
}"""
METAFIELDS = """mutation SetMetafields($metafields: [MetafieldsSetInput!]!) {
  metafieldsSet(metafields: $metafields) {
    metafields { id namespace key value } userErrors { code field message }
  }
}"""
UPSERT = """mutation UpsertCustomer($identifier: CustomerSetIdentifiers, $input: CustomerSetInput!) {
  customerSet(identifier: $identifier, input: $input) { customer { id tags } userErrors { code field message } }
}"""
SUBSCRIBE = """mutation Sub($topic: WebhookSubscriptionTopic!, $sub: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $sub) {
    webhookSubscription { id topic uri } userErrors { field message }
  }
}"""

PERSON = {
    "email": MIA, "phone": NUMBER, "firstName": "Mia", "lastName": "Tan", "note": "Joined in store 012",
    "tags": ["instore-signup", "ap21"],
    "addresses": [
        {"address1": "8 Elm St", "city": "Carlton", "provinceCode": "VIC", "countryCode": "AU", "zip": "3053"}
    ],
    "metafields": [
        {"namespace": "ap21", "key": "person_id", "type": "single_line_text_field", "value": "104552"}
    ],
    "emailMarketingConsent": {
        "marketingState": "SUBSCRIBED", "marketingOptInLevel": "SINGLE_OPT_IN",
        "consentUpdatedAt": "2026-03-02T04:11:09Z",
    },
}  # fmt: skip


class Api:
    """One HTTP client of a sandbox, with its fixed token."""

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(
            base_url=url, headers={"X-Shopify-Access-Token": "shpat_sandbox"}, trust_env=False, timeout=60
        )

    def post(self, query: str, **variables: Any) -> httpx.Response:
        """One GraphQL request."""
        return self.client.post(PATH, json={"query": query, "variables": variables})

    def ask(self, query: str, **variables: Any) -> Any:
        """The one root field of an answer."""
        (found,) = self.post(query, **variables).json()["data"].values()
        return found

    def create(self, **customer: Any) -> str:
        """The id of a new customer."""
        made = self.ask(CREATE, input=customer)
        assert made["userErrors"] == []
        identity: str = made["customer"]["id"]
        return identity

    def wrong(self, query: str, **variables: Any) -> list[tuple[list[str] | None, str]]:
        """The fields and messages of the userErrors."""
        return [(one["field"], one["message"]) for one in self.ask(query, **variables)["userErrors"]]

    def codes(self, query: str, **variables: Any) -> list[str]:
        """The codes of the userErrors."""
        return [one["code"] for one in self.ask(query, **variables)["userErrors"]]

    def search(self, text: str) -> list[str]:
        """The addresses that a search finds on its first page."""
        return [one["defaultEmailAddress"]["emailAddress"] for one in self.ask(SEARCH, q=text)["nodes"]]


@pytest.fixture
def api(shopify: ShopifyServer) -> Iterator[Api]:
    """A client of this test's store."""
    client = Api(shopify.url)
    yield client
    client.client.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Somebody to subscribe."""
    with Listener() as found:
        yield found
