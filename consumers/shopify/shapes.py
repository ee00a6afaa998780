"""What Shopify's mapping table may read: the fields of a customer, and what we know beside them."""

from __future__ import annotations

from schemas.definitions import definition
from tillstream.mapping.shapes import Shape, shape_of

KNOWN = Shape("What is known of the customer", {
    "email_yes": "What was last said of e-mail marketing by all persons at the address: any no is a no",
    "email_since": "When that was said",
    "sms_yes": "The same of marketing by SMS",
    "sms_since": "When that was said",
    "tags": "The tags of the setting `tags`",
}, kinds={"email_yes": "yes_no", "email_since": "instant", "sms_yes": "yes_no", "sms_since": "instant",
          "tags": "list"})  # fmt: skip

PLACE = Shape("The postal address, where there is one", {
    "adrs1": "First address line (ADRS1)", "adrs2": "Second address line (ADRS2)", "city": "City or suburb (CITY)",
    "state": "State or region (STATE)", "postcode": "Postcode (POSTCODE)",
    "country": "Country as the till wrote it (COUNTRY), else the connection's",
}, kinds=dict.fromkeys(("adrs1", "adrs2", "city", "state", "postcode", "country"), "text"))  # fmt: skip

PERSON = Shape("The AP21 person", {"person_id": "AP21's person id: the first at this address"},
               kinds={"person_id": "text"})  # fmt: skip

CUSTOMER = shape_of(definition("customers")).plus(
    kinds={"known": "record", "places": "list", "people": "list"}, known=KNOWN, places=PLACE, people=PERSON
)
