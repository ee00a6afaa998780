"""A client that speaks as Apparel21 wants it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

import httpx
import pytest
from defusedxml.ElementTree import fromstring

from sandbox.apparel21.server import Apparel21Server

USER = ("tillstream", "sandbox")


class Client:
    """One HTTP client of a sandbox; `version` 0 sends no Accept header."""

    def __init__(self, server: Apparel21Server) -> None:
        self.server = server
        self.client = httpx.Client(base_url=server.api, auth=USER, trust_env=False, timeout=60)

    def get(self, path: str, version: int = 2, **query: Any) -> httpx.Response:
        """GET with the country and a query."""
        return self.send("GET", path, None, version, **query)

    def post(self, path: str, body: str, version: int = 2, **query: Any) -> httpx.Response:
        """POST of XML."""
        return self.send("POST", path, body, version, **query)

    def put(self, path: str, body: str = "", version: int = 2, **query: Any) -> httpx.Response:
        """PUT of XML."""
        return self.send("PUT", path, body, version, **query)

    def send(self, method: str, path: str, body: str | None, version: int, **query: Any) -> httpx.Response:
        """Any request as it should be."""
        headers = {"Content-Type": "text/xml", "Accept": f"version_{version}.0" if version else "*/*"}
        content = body.encode() if body is not None else None
        return self.client.request(
            method, path, params={"countryCode": "AU", **query}, content=content, headers=headers
        )

    def person(self, identity: int, version: int = 2) -> Element:
        """A person with custom data."""
        return tree(self.get(f"/Persons/{identity}", version, CustomData="true"))


def tree(answer: httpx.Response) -> Element:
    """The answer's document."""
    root: Element = fromstring(answer.content)
    return root


def code(answer: httpx.Response) -> tuple[int, int]:
    """Status and Apparel21's own error code, 0 for none."""
    found = tree(answer).findtext("ErrorCode") if answer.content.startswith(b"<?xml") else None
    return answer.status_code, int(found or 0)


def person(**texts: str) -> str:
    """A person's body with these elements; `Email`, `City` and `Home` stand where they belong."""
    plain = {"Firstname": "Liam", "Surname": "Nguyen", **texts}
    email, city = plain.pop("Email", "liam.nguyen@customer.example"), plain.pop("City", "Fitzroy")
    inner = "".join(f"<{tag}>{text}</{tag}>" if not text.startswith("<") else text for tag, text in plain.items())
    return (
        f"<Person>{inner}<Addresses><Billing><City>{city}</City></Billing></Addresses>"
        f"<Contacts><Email>{email}</Email></Contacts></Person>"
    )


@pytest.fixture
def api(apparel21: Apparel21Server) -> Iterator[Client]:
    """A client of this test's Apparel21."""
    client = Client(apparel21)
    yield client
    client.client.close()
