"""What every request must pass before anybody reads it: user, country, version, content type, XML."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from sandbox.apparel21.routes import find
from sandbox.apparel21.wire import Call, Refused, page
from sandbox.apparel21.world import World
from sandbox.web.answer import Answer, Knock

_VERSION = re.compile(rb"version_(\d+)\.0", re.IGNORECASE)


def answer(world: World, knock: Knock) -> Answer:
    """What Apparel21 says to this request."""
    if not _known(world, knock.headers):
        return page(401, "401 - Unauthorized: Access is denied due to invalid credentials.")
    found = find(knock.method, knock.path)
    if found is None:
        return page(404, "404 - File or directory not found.")
    route, ids = found
    try:
        return route.handler(world, _call(world, knock, ids, root=route.endpoint == "GET /"))
    except Refused as refused:
        return refused.answer()


def _known(world: World, headers: Mapping[bytes, bytes]) -> bool:
    settings = world.settings
    wanted = base64.b64encode(f"{settings.username}:{settings.password}".encode())
    return headers.get(b"authorization", b"") == b"Basic " + wanted


def _call(world: World, knock: Knock, ids: tuple[str, ...], *, root: bool) -> Call:
    query = {name.lower(): text for name, text in parse_qsl(knock.query.decode("latin-1"), keep_blank_values=True)}
    country = query.get("countrycode", "")
    if country not in world.settings.countries and not root:
        raise Refused(403, 5029, "the country is not set up")
    version = _version(world, knock.headers.get(b"accept", b""))
    base = f"http://{knock.headers.get(b'host', b'localhost').decode('latin-1')}/RetailAPI"
    return Call(base, ids, query, _body(knock), version, country)


def _version(world: World, accept: bytes) -> int:
    """Without the header only what version 1 had."""
    match = _VERSION.search(accept)
    version = int(match[1]) if match else 1
    if version > world.settings.versions:
        raise Refused(400, 5045, "the version is not supported")
    return version


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
