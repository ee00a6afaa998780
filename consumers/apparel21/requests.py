"""Every call we make to the Retail API, by name. Source: Apparel21 Retail API guide; the version is asked per resource.

From version 3.0 on, a PUT of a person without `Loyalties` ends the person's loyalties, so 2.0 it is.
"""

from __future__ import annotations

from urllib.parse import quote

from consumers.apparel21.xml import Element, dump
from consumers.engine.wire import Request

QUOTA = "retail-api"
"""One host takes one request at a time, whatever it is about, so all requests stand in one queue."""
PAGE = 100

Query = tuple[tuple[str, str], ...]
V1, V2 = ((("Accept", f"version_{number}.0"),) for number in (1, 2))


class Api:
    """The calls of one country's web store."""

    def __init__(self, country_code: str) -> None:
        self._country: Query = (("countryCode", country_code),)

    def _get(self, path: str, query: Query = (), version: Query = V2) -> Request:
        return Request("GET", path, QUOTA, query=(*self._country, *query), headers=version)

    def _send(self, method: str, path: str, body: Element, version: Query = V2) -> Request:
        """Nothing that changes anything is repeated blindly: the plan looks first."""
        return Request(method, path, QUOTA, dump(body), query=self._country, repeatable=False, headers=version)

    def root(self) -> Request:
        """The HTML page that names the release."""
        return self._get("/")

    def search(self, email: str) -> Request:
        """Who has this address, among those whom the web store can see."""
        return self._get("/Persons", (("email", email),))

    def changed(self, after: str, start: int) -> Request:
        """A page of the persons changed after a time of Apparel21's own clock (ISO 8601), from row `start` on (1 is
        the first); a server may know no pages and give them all."""
        return self._get("/Persons/", (("updatedAfter", after), ("startRow", str(start)), ("pageRows", str(PAGE))))

    def person(self, identity: str, *, cards: bool) -> Request:
        """One person; `cards`: with the custom data."""
        return self._get(f"/Persons/{identity}", (("CustomData", "true"),) if cards else ())

    def create_person(self, body: Element) -> Request:
        """A new person. The answer's `Location` has the id."""
        return self._send("POST", "/Persons/", body)

    def replace_person(self, identity: str, body: Element) -> Request:
        """Everything about a person; refused when the time stamp in it is stale."""
        return self._send("PUT", f"/Persons/{identity}", body)

    def template(self, card: str) -> Request:
        """The fields of a card of custom data."""
        return self._get(f"/Persons/customdatatemplates/{quote(card, safe='')}")

    def reference_types(self) -> Request:
        """The reference types that persons can have."""
        return self._get("/PersonReferenceTypes/")

    def references(self, kind: int) -> Request:
        """The codes of a reference type."""
        return self._get(f"/References/{kind}")

    def programs(self) -> Request:
        """The reward programs with their tiers."""
        return self._get("/Rewards/Programs", version=V1)

    def account(self, identity: str) -> Request:
        """A rewards account."""
        return self._get(f"/Rewards/Accounts/{identity}", version=V1)

    def replace_account(self, identity: str, body: Element) -> Request:
        """Tier and lock date of a rewards account; a lock date that is not sent is cleared."""
        return self._send("PUT", f"/Rewards/Accounts/{identity}", body, V1)

    def enrol(self, body: Element) -> Request:
        """A rewards account for a person."""
        return self._send("POST", "/Rewards/Accounts", body, V1)

    def create_order(self, person: str, body: Element) -> Request:
        """An order; its `OrderNumber` is unique, so that a second one is refused."""
        return self._send("POST", f"/Persons/{person}/Orders/", body)

    def orders(self, person: str, start: int) -> Request:
        """A page of a person's web orders, from row `start` (1 is the first)."""
        return self._get(f"/Persons/{person}/Orders/", (("startRow", str(start)), ("pageRows", str(PAGE))))
