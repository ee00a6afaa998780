"""What we know of each kind of file beyond its table: what must be there, what decides, what makes one record."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file.

    `topic` is the event topic its records go to, `constants` the event fields that follow from the kind. `mandatory`
    are the groups of columns of which one must be in the header; `filled` may not be blank where a row fills the event
    or an element of its list; a cell that cannot be read rejects its row where the column `decides`, elsewhere it is
    left empty. `key` is the column whose equal values make one record, with `items` the event field that holds a row
    each ("" = every row is a record); `whole` = one bad row rejects all of them. `zone_column` holds the store whose
    time zone applies, `country_column` the country of a phone number, `time` the event field that says when the row was
    true.
    """

    name: str
    topic: str
    mandatory: tuple[tuple[str, ...], ...]
    filled: tuple[str, ...]
    decides: frozenset[str]
    key: str = ""
    items: str = ""
    whole: bool = False
    zone_column: str = ""
    country_column: str = ""
    time: str = "last_updated"
    constants: Mapping[str, str] = field(default_factory=dict)


_PERSON = ("PERIDX", "EMAIL")
_SALE_FILLED = ("TRAN_IDX", "SALE_DATETIME", "QTY", "LINE_VALUE")

_CUSTOMERS = Kind(
    name="customers",
    topic="customers",
    mandatory=(("PERIDX",), ("EMAIL",), ("PRIVACY",)),
    filled=("PERIDX",),
    decides=frozenset({"PERIDX", "EMAIL", "PRIVACY", "EMAIL_OPT_IN", "SMS_OPT_IN", "LAST_UPDATED"}),
    country_column="COUNTRY",
)
_ORDERS = Kind(
    name="orders",
    topic="orders",
    mandatory=(("TRAN_IDX",), ("TRAN_NUMBER",), ("SALE_DATETIME",), ("QTY",), ("LINE_VALUE",), _PERSON),
    filled=("TRAN_NUMBER", *_SALE_FILLED),
    decides=frozenset({
        *("TRAN_IDX", "TRAN_NUMBER", "PERIDX", "EMAIL", "SALE_DATETIME", "QTY", "UNIT_PRICE", "LINE_DISCOUNT"),
        *("LINE_VALUE", "ORDER_TOTAL", "ORDER_DISCOUNT", "ORDER_TAX", "REFUND_TOTAL"),
    }),
    key="TRAN_IDX",
    items="lines",
    whole=True,
    zone_column="STORE_CODE",
    time="sale_datetime",
)  # fmt: skip
_REFUNDS = replace(
    _ORDERS,
    name="refunds",
    mandatory=(("TRAN_IDX",), ("SALE_DATETIME",), ("QTY",), ("LINE_VALUE",), _PERSON),
    filled=_SALE_FILLED,
    constants={"kind": "refund"},
)
_REWARDS = Kind(
    name="rewards",
    topic="rewards",
    mandatory=(("ACCOUNT_ID",), ("LAST_UPDATED",), _PERSON),
    filled=("ACCOUNT_ID", "REWARD_ID"),
    decides=frozenset({"ACCOUNT_ID", "PERIDX", "EMAIL", "REWARD_ID", "LAST_UPDATED"}),
    key="ACCOUNT_ID",
    items="rewards",
    constants={"kind": "account"},
)
_GIFTCARDS = Kind(
    name="giftcards",
    topic="rewards",
    mandatory=(("VOUCHER_NUMBER",),),
    filled=("VOUCHER_NUMBER",),
    decides=frozenset({"VOUCHER_NUMBER", "PERIDX", "EMAIL", "LAST_UPDATED"}),
    constants={"kind": "gift_card"},
)
_TIERS = Kind(
    name="tiers",
    topic="programs",
    mandatory=(("PROGRAM_ID",), ("TIER_ID",), ("TIER_NAME",), ("SEQUENCE",)),
    filled=("PROGRAM_ID", "TIER_ID", "TIER_NAME", "SEQUENCE"),
    decides=frozenset({"PROGRAM_ID", "TIER_ID", "SEQUENCE"}),
)

FILE_KINDS: Mapping[str, Kind] = {
    kind.name: kind for kind in (_CUSTOMERS, _ORDERS, _REFUNDS, _REWARDS, _GIFTCARDS, _TIERS)
}
"""Every kind of file by the word its names begin with."""
