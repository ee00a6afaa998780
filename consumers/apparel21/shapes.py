"""What Apparel21's mapping tables may read: the fields of our events, and what we know beside them."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.definitions import definition
from tillstream.mapping.shapes import Shape, shape_of

OF_CUSTOMER = Shape("What is known of the customer", {
    "country": "Name of the connection's country",
}, kinds={"country": "text"})  # fmt: skip

OF_VOUCHER = Shape("What is known of the voucher", {
    "order_number": "Made from the redemption's id",
    "amount": "What the voucher is worth",
    "country": "Name of the connection's country",
    "sku": "From the settings: SKU of the gift voucher",
    "type": "From the settings: type of the voucher",
    "subject": "From the settings: subject of the e-mail",
    "message": "From the settings: text of the e-mail",
    "sender": "From the settings: who sends it",
    "origin": "From the settings: where the payment comes from",
    "card_type": "From the settings: card type of the payment",
    "merchant_id": "From the settings: gateway of the payment",
}, kinds={"amount": "amount", "sku": "number", **dict.fromkeys(
    ("order_number", "country", "type", "subject", "message", "sender", "origin", "card_type", "merchant_id"), "text")},
)  # fmt: skip

PERSON_FIELDS: Mapping[str, str] = {
    "id": "Id",
    "firstname": "Firstname",
    "surname": "Surname",
    "email": "Contacts/Email",
    "address1": "Addresses/Billing/AddressLine1",
    "address2": "Addresses/Billing/AddressLine2",
    "city": "Addresses/Billing/City",
    "state": "Addresses/Billing/State",
    "postcode": "Addresses/Billing/Postcode",
    "country": "Addresses/Billing/Country",
}
"""A field of the person as tables name it -> where it stands in Apparel21's record."""

OF_PERSON = Shape("The person in Apparel21", {
    **{name: f"{path} of the person in Apparel21" for name, path in PERSON_FIELDS.items()},
    "name": "First name and surname of the person in Apparel21",
}, kinds=dict.fromkeys((*PERSON_FIELDS, "name"), "text"))  # fmt: skip


TIER = shape_of(definition("tiers"))
CUSTOMER = shape_of(definition("customers")).plus(known=OF_CUSTOMER)
VOUCHER = shape_of(definition("rewards")).plus(known=OF_VOUCHER, person=OF_PERSON)
