"""Orders, the gift vouchers that come of them, and what persons bought. Source: Apparel21 Retail API guide, "Orders",
"Gift vouchers" and "Sales history"."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from xml.etree.ElementTree import Element

from sandbox.apparel21.wire import LISTED, Call, Refused, add, created, nothing, said, xml
from sandbox.apparel21.world import Order, Person, Voucher, World
from sandbox.web.answer import Answer

ORIGINS = ("CreditCard", "DirectDebit", "Zip", "Openpay", "AdyenWallet", "GiftVoucher")
CENT = Decimal("0.01")


def create(world: World, call: Call) -> Answer:
    """POST /Persons/{id}/Orders; an order of the voucher's SKU makes a voucher, which is mailed at once."""
    person = _person(world, call)
    body = call.xml
    number = said(body, "OrderNumber")
    same = next((one for one in world.orders.values() if number and one.number == number), None)
    if same is not None:
        raise Refused(400, world.settings.duplicate_code, f"the order number exists{_secret(world, same)}")
    _addressed(person, body)
    lines = list(body.iterfind("OrderDetails/OrderDetail"))
    _sound(body, lines)
    due = sum((_money(said(line, "Value")) for line in lines), Decimal(0))
    _paid(world, body, due)
    order = Order(world.serial(), number, person.id, due, world.now())
    for line in lines:
        if said(line, "SkuId") in map(str, world.shop.voucher_skus):
            order.voucher = _voucher(world, order, line, body).number
    world.orders[order.id] = order
    return created(call, f"/Persons/{person.id}/Orders/{order.id}")


def _secret(world: World, order: Order) -> str:
    """What a talkative server says about an order that nobody should repeat."""
    made = world.vouchers.get(order.voucher)
    return f": voucher {made.number}, PIN {made.pin}" if made else ""


def _person(world: World, call: Call) -> Person:
    person = world.visible(call.ids[0])
    if person is None:
        raise nothing()
    return person


def _addressed(person: Person, body: Element) -> None:
    if said(body, "PersonId") != str(person.id):
        raise Refused(400, 5025, "the person is another than the URL's")
    if not _any(body, "Addresses/Billing"):
        raise Refused(400, 5005, "the billing address is missing")
    if not _any(body, "Addresses/Delivery"):
        raise Refused(400, 5021, "the delivery address is missing")
    if not said(body, "Contacts/Email"):
        raise Refused(400, 5004, "the e-mail address is missing")


def _sound(body: Element, lines: Sequence[Element]) -> None:
    """Every line says what, how many and for how much, and no text holds what the database cannot."""
    if any(ord(letter) > 0xFFFF for one in body.iter() for letter in one.text or ""):
        raise Refused(403, 5246, "emoji are not supported")
    if not lines or not all(said(line, tag) for line in lines for tag in ("SkuId", "Quantity", "Price", "Value")):
        raise Refused(403, 5121, "an order needs lines with SkuId, Quantity, Price and Value")


def _any(body: Element, path: str) -> bool:
    found = body.find(path)
    return found is not None and any((one.text or "").strip() for one in found)


def _paid(world: World, body: Element, due: Decimal) -> None:
    payments = list(body.iterfind("Payments/PaymentDetail"))
    for one in payments:
        if said(one, "Origin") not in ORIGINS:
            raise Refused(403, 5028, "the payment origin is not valid")
        if said(one, "Origin") == "CreditCard" and said(one, "MerchantId") not in world.shop.merchants:
            raise Refused(403, 5100, "the merchant id is not valid")
    if sum((_money(said(one, "Amount")) for one in payments), Decimal(0)) != due:
        raise Refused(400, 5026, "the payments are not the amount due")


def _money(text: str) -> Decimal:
    try:
        return Decimal(text).quantize(CENT)
    except InvalidOperation:
        raise Refused(403, 5121, "an amount is not a number") from None


def _voucher(world: World, order: Order, line: Element, body: Element) -> Voucher:
    told = line.find("ExtraVoucherInformation")
    if said(line, "Quantity") != "1":
        raise Refused(403, 5077, "a voucher has the quantity 1")
    if not said(body, "Addresses/Delivery/ContactName"):
        raise Refused(403, 5072, "the contact name is missing")
    if not said(told, "VoucherType"):
        raise Refused(403, 5076, "the voucher type is missing")
    if said(told, "VoucherType") not in world.shop.voucher_types:
        raise Refused(403, 5074, "the voucher type is not valid")
    if not said(told, "EmailSubject"):
        raise Refused(403, 5075, "the subject is missing")
    if not said(told, "Email"):
        raise Refused(403, 5069, "the e-mail address is missing")
    number = f"{world.random.randrange(10**11, 10**12)}"
    pin = world.settings.pin or f"{world.random.randrange(10_000):04d}"
    made = Voucher(number, pin, _money(said(line, "Value")), said(told, "Email"), order.id)
    world.vouchers[number] = made
    return made


def listed(world: World, call: Call) -> Answer:
    """GET /Persons/{id}/Orders and GET /Orders?updatedAfter=."""
    changed = "updatedafter" in call.query and world.since("2021")
    if not call.ids and not changed:
        raise Refused(403, 5421, "a person or updatedAfter is needed")
    person = str(_person(world, call).id) if call.ids else ""
    since = world.moment(call.query["updatedafter"]) if changed else 0.0
    found = [one for one in world.orders.values() if person in ("", str(one.person)) and one.at > since]
    start, rows = call.page()
    part = found[start - 1 : start - 1 + rows]
    if not part:
        raise nothing()
    root = Element("Orders", {**LISTED, "TotalRows": str(len(found)), "PageStartRow": str(start)})
    for order in part:
        root.append(_order(world, order))
    return xml(root)


def _order(world: World, order: Order) -> Element:
    one = Element("Order")
    told = (("Id", order.id), ("OrderNumber", order.number), ("PersonId", order.person), ("TotalDue", order.amount),
            ("OrderDateTime", world.iso(order.at)))  # fmt: skip
    for tag, text in told:
        add(one, tag, text)
    line = add(add(one, "OrderDetails", **LISTED), "OrderDetail")
    add(line, "Status", "Shipped")
    add(line, "Value", order.amount)
    add(line, "Message", _secret(world, order))
    return one


# -- vouchers -------------------------------------------------------------------------------------------------------


def voucher(world: World, call: Call) -> Answer:
    """GET /Voucher/{number}?pin=."""
    found = _known(world, call)
    return xml(_balance(found))


def validated(world: World, call: Call) -> Answer:
    """GET /Voucher/GVValid/{number}?pin=&amount=: the same, and the id that spending needs."""
    found = _known(world, call)
    if _money(call.query.get("amount", "")) > found.amount - found.used:
        raise Refused(403, 5062, "insufficient funds")
    found.validation = found.validation or f"{world.serial()}"
    root = _balance(found)
    add(root, "ValidationId", found.validation)
    return xml(root)


def lock(world: World, call: Call) -> Answer:
    """PUT /Voucher/Lock/{number}?ValidationId=&LockSeconds=."""
    found = world.vouchers.get(call.ids[0])
    if found is None:
        raise Refused(403, 5056, "the voucher does not exist")
    if not found.validation or call.query.get("validationid") != found.validation:
        raise Refused(403, 5061, "the validation id is wrong")
    found.locked = world.now() + float(call.query.get("lockseconds", "3600"))
    return Answer(200)


def _known(world: World, call: Call) -> Voucher:
    found = world.vouchers.get(call.ids[0])
    if found is None:
        raise Refused(403, 5056, "the voucher does not exist")
    if call.query.get("pin") != found.pin:
        raise Refused(403, 5053, "the PIN is wrong")
    return found


def _balance(found: Voucher) -> Element:
    root = Element("Voucher")
    told = (("VoucherNumber", found.number), ("ExpiryDate", found.expiry), ("OriginalAmount", found.amount),
            ("UsedAmount", found.used), ("AvailableAmount", found.amount - found.used))  # fmt: skip
    for tag, text in told:
        add(root, tag, text)
    return root


def vouchers(world: World, call: Call) -> Answer:
    """GET /Vouchers/VouchersSimple: licensed apart, version 4.0, and the PIN only in a form that nobody can read."""
    if not world.settings.licensed or call.version < 4:
        raise Refused(403, 5247, "the endpoint is not licensed for this web store")
    if not world.vouchers:
        raise nothing()
    root = Element("Vouchers", LISTED)
    for found in world.vouchers.values():
        one = _balance(found)
        add(one, "Pin", "ENCRYPTED")
        root.append(one)
    return xml(root)


# -- what was bought ------------------------------------------------------------------------------------------------


def transactions(world: World, call: Call) -> Answer:
    """GET /Persons/{id}/RetailTransactions: completed sales, page by page."""
    person = _person(world, call)
    number = call.query.get("ordernumber", "")
    found = [one for one in world.transactions if one["person"] == person.id and number in ("", one["order"])]
    start, rows = call.page()
    part: Sequence[dict[str, object]] = found[start - 1 : start - 1 + rows]
    if not part:
        raise nothing()
    attributes = {**LISTED, "TotalRows": str(len(found)), "PageStartRow": str(start), "PageRows": str(rows)}
    root = Element("Transactions", attributes)
    for row, sale in enumerate(part, start=start):
        one = add(root, "Transaction")
        told = (("RowNumber", row), ("Id", sale["id"]), ("Number", sale["number"]), ("OrderNumber", sale["order"]),
                ("Type", sale["type"]), ("SaleDate", f"{sale['date']}T00:00:00"),
                ("StoreCode", sale["store"]))  # fmt: skip
        for tag, text in told:
            add(one, tag, text)
        _details(one, sale)
    return xml(root)


def _details(one: Element, sale: dict[str, object]) -> None:
    lines = sale["lines"] if isinstance(sale["lines"], list) else []
    details = add(one, "Details", **LISTED, TotalRows=str(len(lines)))
    for number, line in enumerate(lines):
        detail = add(details, "Detail")
        add(detail, "Sequence", number)
        for tag, text in line.items():
            add(detail, tag, text)
