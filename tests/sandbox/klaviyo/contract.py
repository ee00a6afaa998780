"""Klaviyo's own OpenAPI document, where this machine has it: every exchange with the sandbox is held against it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse

NAME = "klaviyo-openapi.json"
MISSING = (
    f"{NAME} was not found, so the sandbox's answers are not held against Klaviyo's contract. It is the file "
    "openapi/stable.json of github.com/klaviyo/openapi; put it under that name into a folder and name the folder in "
    "KLAVIYO_CONTRACTS."
)


def contract_file(environ: Mapping[str, str], checkout: Path) -> Path | None:
    """The document in the folder that KLAVIYO_CONTRACTS names, else in `shared/contracts` beside the checkout."""
    folder = environ.get("KLAVIYO_CONTRACTS")
    file = (Path(folder) if folder else checkout.parent / "shared" / "contracts") / NAME
    return file if file.is_file() else None


class Contract:
    """The document, or nothing; `check` raises what openapi-core has against an exchange."""

    def __init__(self, file: Path | None) -> None:
        self.document: dict[str, Any] = json.loads(file.read_text("utf-8")) if file else {}
        self._openapi = OpenAPI.from_dict(self.document) if file else None

    def check(self, response: httpx.Response) -> None:
        """The answer, and where it says yes the request as well, must be what the document describes."""
        if self._openapi is None:
            return
        asked = response.request
        url = asked.url
        request = MockRequest(
            "https://a.klaviyo.com",
            asked.method.lower(),
            url.path,
            args=dict(url.params),
            headers=dict(asked.headers),
            data=asked.content or None,
            content_type=asked.headers.get("content-type", ""),
        )
        answer = MockResponse(
            _without_null_links(response.content),
            response.status_code,
            dict(response.headers),
            response.headers["content-type"],
        )
        if response.is_success:
            self._openapi.validate_request(request)
        self._openapi.validate_response(request, answer)


def open_contract() -> Contract:
    """The contract of this machine."""
    return Contract(contract_file(os.environ, Path(__file__).parents[3]))


def _without_null_links(content: bytes) -> bytes:
    """Live answers carry `"next": null` on the last page, which the document does not foresee."""
    if not content:
        return content
    document = json.loads(content)
    links = document.get("links")
    if isinstance(links, dict):
        document["links"] = {name: link for name, link in links.items() if link is not None}
    return json.dumps(document).encode()
