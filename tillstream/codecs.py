"""The codec of an installation, as its settings have it."""

from __future__ import annotations

from schemas.codec import Codec, codec
from tillstream.settings import Settings


def codec_of(settings: Settings, role: str = "") -> Codec:
    """Writes and reads our events.

    A role remembers in the state folder what the schema registry said, so that it can start while that is away; who
    names none remembers nothing.
    """
    url, prefix, folder = settings.registry.url, settings.topics.prefix, settings.state.folder
    if not url or not role:
        return codec(url.read() if url else None, prefix)
    folder.mkdir(parents=True, exist_ok=True)
    return codec(url.read(), prefix, folder / f"registry-{role}.json")
