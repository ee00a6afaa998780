"""Steer a running sandbox Apparel21, and read out what really reached it, over HTTP."""

from __future__ import annotations

from typing import Any

from sandbox.web import remote
from sandbox.web.answer import Json


class Remote(remote.Remote):
    """The control side of the sandbox at `url`; the Retail API is at `{url}/RetailAPI`.

    `counts` also tells persons, orders and vouchers; `settings` takes the fields of `world.Settings`.
    """

    @property
    def api(self) -> str:
        """What `[connection.X.apparel21] url` takes."""
        return f"{self.url}/RetailAPI"

    def persons(self, who: str | None = None) -> list[Json]:
        """Persons with texts, references, cards, loyalties and rewards account; of one id or e-mail."""
        return self._list("persons", who=who)

    def person(self, who: str | int) -> Json:
        """The one person with this id or e-mail; raises ValueError for none or several."""
        return self._one("persons", str(who))

    def seed(self, email: str = "", **person: Any) -> Json:
        """Put a person there: id, texts by path, references, cards, loyalties, tier, points, locked, web, brand."""
        named = {"Contacts/Email": email} if email else {}
        return self._post("persons", {**person, "texts": {**named, **person.get("texts", {})}})

    def till(self, who: str | int, *, reads: int = 0, **changes: Any) -> None:
        """A till changes texts or cards of a person: at once, or right after each of the next so many readings."""
        self._post("till", {"who": str(who), "reads": reads, **changes})

    def mark(self, who: str | int, **marks: Any) -> None:
        """Set a person's hidden marks: web, brand."""
        self._post("marks", {"who": str(who), **marks})

    def orders(self) -> list[Json]:
        """All web orders, oldest first."""
        return self._list("orders")

    def vouchers(self) -> list[Json]:
        """All vouchers with number, PIN, amount and the address they were mailed to."""
        return self._list("vouchers")

    def add_card(self, name: str, **fields: Json) -> None:
        """Set up a card of custom data; fields by label, with type, length, least, most, tags, several, adhoc."""
        self._post("cards", {"name": name, "fields": fields})

    def require(self, kind: int) -> None:
        """Make a reference type compulsory for new persons."""
        self._post("compulsory", {"type": kind})

    def sell(self, person: int, number: str, date: str, **sale: Any) -> None:
        """A completed sale: also order, type, store and lines."""
        self._post("transactions", {"person": person, "number": number, "date": date, **sale})
