"""What every request must pass before anybody reads it: user, country, version, content type, XML."""

from __future__ import annotations

import base64
import re
from urllib.parse import parse_qsl
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from sandbox.apparel21.routes import RELEASES, find
from sandbox.apparel21.wire import Call, Refused, page
from sandbox.apparel21.world import World
from sandbox.web.answer import Answer, Knock
from sandbox.web.front import ORDERED, Front

_VERSION = re.compile(rb"version_(\d+)\.0", re.IGNORECASE)


class Apparel21(Front[World]):
    """One simulated server behind HTTP."""

    content_type = b"text/xml; charset=utf-8"

    def answer(self, knock: Knock) -> Answer:
        """What Apparel21 says to this request."""
        settings = self.world.settings
        wanted = base64.b64encode(f"{settings.username}:{settings.password}".encode())
        if knock.headers.get(b"authorization", b"") != b"Basic " + wanted:
            return page(401, "401 - Unauthorized: Access is denied due to invalid credentials.")
        found = find(knock.method, knock.path)
        if found is None or not self.world.since(RELEASES.get(found[0], "")):
            return page(404, "404 - File or directory not found.")
        name, handler, ids = found
        return self.carried(lambda: handler(self.world, self._call(knock, ids, root=name == "GET /")))

    def endpoint(self, knock: Knock) -> str:
        """Its method and path template, or the bare path where nobody knows it."""
        found = find(knock.method, knock.path)
        return found[0] if found else f"{knock.method} {knock.path}"

    def refusal(self, status: int, told: str = ORDERED) -> bytes:
        """The body of an ordinary error: an HTML page where the web server speaks, XML where Apparel21 does."""
        if status >= 500 or status == 401:
            return page(status, f"{status} - {told}").body
        return Refused(status, 5170, told).answer.body

    def _call(self, knock: Knock, ids: tuple[str, ...], *, root: bool) -> Call:
        query = {name.lower(): text for name, text in parse_qsl(knock.query.decode("latin-1"), keep_blank_values=True)}
        country = query.get("countrycode", "")
        if country not in self.world.settings.countries and not root:
            raise Refused(403, 5029, "the country is not set up")
        match = _VERSION.search(knock.headers.get(b"accept", b""))
        version = int(match[1]) if match else 1  # without the header only what version 1 had
        if version > self.world.settings.versions:
            raise Refused(400, 5045, "the version is not supported")
        base = f"http://{knock.headers.get(b'host', b'localhost').decode('latin-1')}/RetailAPI"
        return Call(base, ids, query, _body(knock), version, country)


def _body(knock: Knock) -> Element | None:
    if knock.method not in ("POST", "PUT") or (not knock.body and b"content-type" not in knock.headers):
        return None
    if knock.headers.get(b"content-type", b"").split(b";")[0].strip().lower() != b"text/xml":
        raise Refused(403, 5122, "the content type is not XML")
    if not knock.body:
        return None
    try:
        root: Element = fromstring(knock.body)
    except (ParseError, DefusedXmlException):
        raise Refused(403, 5121, "the payload cannot be deserialised") from None
    return root
