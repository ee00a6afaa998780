"""The contract's own example files, and what they must come to at Klaviyo: worked out by hand, row by row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.bars.shop_floor import LIST

FILES = Path(__file__).parents[1] / "files"
CUSTOMERS = (FILES / "customers_20250401T060000Z.csv").read_text("utf-8")
ORDERS = (FILES / "orders_20250401T063000Z.csv").read_text("utf-8")

ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "utf-8": lambda text: text.encode("utf-8"),
    "utf-8 with BOM": lambda text: text.encode("utf-8-sig"),
    "windows-1252": lambda text: text.encode("windows-1252"),
}


def moment(text: str) -> float:
    """Unix seconds of an ISO 8601 time with offset."""
    return datetime.fromisoformat(text).timestamp()


DONCASTER = {"Joined Store ID": "4983", "Joined Store Code": "DONCASTER", "Source": "DONCASTER"}
LATEST = {"Latest Store ID": "4983", "Latest Store Code": "DONCASTER", "Latest Store Number": "113"}

PRIYA: dict[str, Any] = {
    "attributes": {
        "email": "priya.oconnor@customer.example",
        "phone_number": "+61491570006",
        "first_name": "Priya",
        "last_name": "O'Connor",
    },
    "location": {
        "address1": "Level 2, 21 Bourke St",
        "city": "Melbourne",
        "region": "VIC",
        "zip": "3000",
        "country": "AUSTRALIA",
    },
    "properties": {
        "AP21 Person ID": "73152",
        "Person Code": "OCONPR00",
        "Date Of Birth": "1990-02-14T12:00:00",
        "Privacy": "No",
        "Retail Rep": "No",
        "Last Updated": "2025-04-01T16:05:11+11:00",
        "Created Date": "2023-11-20T10:12:00+11:00",
        **DONCASTER,
        **LATEST,
        "Ref1 Group": "OptIn",
        "Ref1 ID": "20411",
        "Ref1 Code": "Yes",
        "Loyalty Code": "CLUB",
        "Loyalty Name": "Club Member",
        "Loyalty Expiry": "2026-03-31",
        "Retail Customer": "Yes",
        # 194.90 bought, 59.95 brought back; the gift card and the web sale do not count
        "Total In-Store Order Value": 134.95,
        "In-Store Order Count": 1,
        "Last In-Store Order Date": "2025-03-29T14:22:05+11:00",
        "Primary Store": "DONCASTER",
    },
    "said": {
        "email": ("SUBSCRIBED", moment("2025-04-01T16:05:11+11:00")),
        "sms": ("SUBSCRIBED", moment("2025-04-01T16:05:11+11:00")),
    },
    "suppressed": [],
}

ZOE: dict[str, Any] = {
    "attributes": {
        "email": "zoe.dangelo@customer.example",
        "phone_number": "+61491570156",
        "first_name": "Zoë",
        "last_name": "D’Angelo",
    },
    "location": {
        "address1": 'Unit 3, "The Loft", 14 Smith St',
        "city": "Darwin",
        "region": "NT",
        "zip": "0800",
        "country": "Australia",
    },
    "properties": {
        "AP21 Person ID": "73160",
        "Person Code": "DANGZO00",
        "Date Of Birth": "1988-07-14T12:00:00",
        "Privacy": "Yes",
        "Retail Rep": "No",
        "Last Updated": "2025-04-01T09:00:00+11:00",
        "Created Date": "2019-03-02T11:00:00+11:00",
        "Joined Store ID": "5129",
        "Joined Store Code": "RUNDLE",
        "Source": "RUNDLE",
        **LATEST,
        "Retail Customer": "Yes",
    },
    "said": {"email": ("UNSUBSCRIBED", None), "sms": ("UNSUBSCRIBED", None)},
    "suppressed": ["UNSUBSCRIBE"],
}

# Two persons, one address: the row of 1 April wins over that of 30 March, and its no over the other's yes.
AMY: dict[str, Any] = {
    "attributes": {
        "email": "amy.lee@customer.example",
        "phone_number": "+61491570159",
        "first_name": "Amy",
        "last_name": "Lee",
    },
    "location": {"address1": "1 Lake Rd", "city": "Ballarat", "region": "VIC", "zip": "3350", "country": "AUSTRALIA"},
    "properties": {
        "AP21 Person ID": "91004",
        "Person Code": "LEEAMY01",
        "Date Of Birth": "1975-05-05T12:00:00",
        "Privacy": "Yes",
        "Retail Rep": "No",
        "Last Updated": "2025-04-01T10:00:00+11:00",
        "Created Date": "2024-06-01T09:00:00+10:00",
        "Joined Store ID": "5129",
        "Joined Store Code": "RUNDLE",
        "Source": "RUNDLE",
        "Latest Store ID": "5129",
        "Latest Store Code": "RUNDLE",
        "Latest Store Number": "114",
        "Retail Customer": "Yes",
    },
    "said": {"email": ("UNSUBSCRIBED", None), "sms": ("UNSUBSCRIBED", None)},
    "suppressed": ["UNSUBSCRIBE"],
}

LIAM: dict[str, Any] = {
    "attributes": {"email": "liam.nguyen@customer.example", "first_name": "Liam", "last_name": "Nguyen"},
    "location": {
        "address1": "7 Smith St\nRear entrance",
        "city": "Fitzroy",
        "region": "VIC",
        "zip": "3065",
        "country": "AUSTRALIA",
    },
    "properties": {
        "AP21 Person ID": "80117",
        "Person Code": "NGUYLI00",
        "Date Of Birth": "1985-12-01T12:00:00",
        "Privacy": "No",
        "Retail Rep": "No",
        "Last Updated": "2025-04-01T16:05:11+11:00",
        "Created Date": "2025-04-01T16:05:11+11:00",
        **DONCASTER,
        "Retail Customer": "Yes",
        "Total In-Store Order Value": 10,
        "In-Store Order Count": 1,
        "Last In-Store Order Date": "2025-03-31T10:11:00+11:00",
        "Primary Store": "DONCASTER",
    },
    "said": {"email": ("SUBSCRIBED", moment("2025-04-01T16:05:11+11:00"))},
    "suppressed": [],
}

# 02:30 on 6 April 2025 happens twice in Melbourne; the first one counts.
KIM: dict[str, Any] = {
    "attributes": {
        "email": "kim@wattle.example",
        "phone_number": "+61491570110",
        "first_name": "Kim",
        "last_name": "Staff",
    },
    "location": {},
    "properties": {
        "AP21 Person ID": "60001",
        "Person Code": "STAFKI00",
        "Privacy": "No",
        "Retail Rep": "Yes",
        "Last Updated": "2025-04-06T02:30:00+11:00",
        "Created Date": "2015-02-01T09:00:00+11:00",
        **DONCASTER,
        **LATEST,
        "Loyalty Code": "STAFF40",
        "Loyalty Name": "Staff 40%",
        "Retail Customer": "No",
    },
    "said": {"email": ("SUBSCRIBED", moment("2025-04-06T02:30:00+11:00"))},
    "suppressed": [],
}

PROFILES = {person["attributes"]["email"]: {**person, "lists": [LIST]} for person in (PRIYA, ZOE, AMY, LIAM, KIM)}

STORE = {"Store ID": "4983", "Store Code": "DONCASTER", "Store Number": "113", "Store Name": "Doncaster"}
STAFF = {"Staff Code": "KS01", "Staff Name": "Kim Staff"}
SCARF = {
    "SKU": "9300000000024",
    "Style Code": "SC0007",
    "Product Name": "Men's silk scarf",
    "Colour": "Navy",
    "Quantity": 1,
    "Item Price": 59.95,
    "Row Total": 59.95,
    "Discount": 0,
}


def event(metric: str, who: dict[str, Any], tran: str, time: str, value: float, **properties: Any) -> dict[str, Any]:
    """An event as Klaviyo keeps it: sales of 2025 start no flows; a property that is 0 is dropped."""
    return {
        "metric": metric,
        "email": who["attributes"]["email"],
        "unique": f"ap21-au-{tran}",
        "time": moment(time),
        "value": value,
        "currency": "AUD",
        "backfill": True,
        "properties": {"AP21 Transaction ID": tran, "Currency": "AUD", **STORE, **properties["properties"]},
    }


EVENTS = [
    event("In-Store Order", PRIYA, "913748", "2025-03-29T14:22:05+11:00", 194.90, properties={
        "Order ID": "D11300004711", **STAFF, "Discount Value": 15, "Tax": 17.72, "Item Count": 2,
        "Item Names": ["Dress, linen wrap", "Men's silk scarf"], "Categories": ["Dresses", "Accessories"],
        "Items": [
            {"SKU": "9300000000017", "Style Code": "DR2041", "Product Name": "Dress, linen wrap", "Colour": "Sage",
             "Size": "10", "Quantity": 1, "Item Price": 149.95, "Row Total": 134.95, "Discount": 15,
             "Discount Reason": "Autumn 10%"},
            SCARF,
        ],
    }),
    event("In-Store Refund", PRIYA, "913801", "2025-03-31T10:05:00+11:00", 59.95, properties={
        "Order ID": "D11300004740", **STAFF, "Tax": 5.45, "Item Count": 1, "Item Names": ["Men's silk scarf"],
        "Categories": ["Accessories"], "Original Order ID": "D11300004711", "Reason": "Changed mind", "Items": [SCARF],
    }),
    event("In-Store Order", LIAM, "913802", "2025-03-31T10:11:00+11:00", 49.95, properties={
        "Order ID": "D11300004741", "Tax": 4.54, "Item Count": 1, "Item Names": ["Organic tee"], "Categories": ["Tops"],
        "Items": [{"SKU": "9300000000048", "Style Code": "TS0101", "Product Name": "Organic tee", "Colour": "White",
                   "Size": "L", "Quantity": 1, "Item Price": 49.95, "Row Total": 49.95, "Discount": 0}],
    }),
    event("In-Store Refund", LIAM, "913802", "2025-03-31T10:11:00+11:00", 39.95, properties={
        "Order ID": "D11300004741", "Tax": 3.63, "Item Count": 1, "Item Names": ["Basic tee"], "Categories": ["Tops"],
        "Reason": "Wrong size",
        "Items": [{"SKU": "9300000000031", "Style Code": "TS0100", "Product Name": "Basic tee", "Colour": "White",
                   "Size": "M", "Quantity": 1, "Item Price": 39.95, "Row Total": 39.95, "Discount": 0}],
    }),
    event("In-Store Order", PRIYA, "913805", "2025-03-31T12:10:00+11:00", 50.00, properties={
        "Order ID": "D11300004743", **STAFF, "Item Count": 1, "Item Names": ["Gift card $50"],
        "Categories": ["Gift cards"],
        "Items": [{"SKU": "6321", "Style Code": "GIFTCARD", "Product Name": "Gift card $50", "Quantity": 1,
                   "Item Price": 50, "Row Total": 50, "Discount": 0}],
    }),
]  # fmt: skip

BOOKS = {
    "customers": {"delivered": 5, "superseded": 1, "skipped": {"no_email": 2}},
    "orders": {"delivered": 4, "skipped": {"anonymous": 1, "not_a_sale": 1, "web": 1}},
}
