"""Records as typed dictionaries. Made by `python -m schemas.generate` from the *.avsc files: change those."""

from datetime import date, datetime
from decimal import Decimal
from typing import TypedDict


class Envelope(TypedDict):
    """What every record says last: where it came from."""

    connection: str
    """Brand and country whose folder, account or webhook this came by; [a-z0-9-]+"""
    origin: str
    """Where it was learned: apparel21-file, apparel21-poll, shopify, yotpo or clearer"""
    source_time: datetime
    """When the source says this became true; what is newest is decided by it"""
    file: str
    """Name of the CSV file; empty for polls and webhooks"""
    sha256: str
    """SHA-256 of the file's bytes in hex; of topic and body for a webhook; empty for a poll"""
    line: int
    """Physical line of the record's first row, the header is 1; 0 where there is no file"""
    file_time: datetime | None
    """The time in the file's name"""
    bulk: bool
    """Came from the bulk folder: kept, but consent in it is not seen"""


class Customer(Envelope):
    """A person as one source knows them at one time."""

    person_id: str
    """AP21's internal person id (PERIDX); empty when only a platform knows the person [personal]"""
    person_code: str
    """AP21's generated person code (PERSON_CODE) [personal]"""
    firstname: str
    """First name (FIRSTNAME) [personal]"""
    surname: str
    """Last name (SURNAME) [personal]"""
    adrs1: str
    """First address line (ADRS1) [personal]"""
    adrs2: str
    """Second address line (ADRS2) [personal]"""
    city: str
    """City or suburb (CITY) [personal]"""
    state: str
    """State or region (STATE) [personal]"""
    postcode: str
    """Postcode as text, leading zeros kept (POSTCODE) [personal]"""
    country: str
    """Country as the till wrote it (COUNTRY) [personal]"""
    mobile: str
    """Mobile number as E.164 (MOBILE); empty when there is none that can take an SMS [personal]"""
    email: str
    """E-mail address, trimmed and lowercased (EMAIL); empty when there is none [personal]"""
    dob: date | None
    """Date of birth (DOB) [personal]"""
    privacy: bool | None
    """True: wants no marketing at all (PRIVACY Yes); null: the source does not say"""
    retail_rep: bool
    """A member of staff (RETAIL_REP); blank means no"""
    last_updated: datetime | None
    """When the person was last changed in AP21 (LAST_UPDATED)"""
    created_date: datetime | None
    """When the person was created in AP21 (CREATED_DATE)"""
    joined_store_id: str
    """Id of the store where the person was created (JOINED_STORE_ID)"""
    joined_store_code: str
    """Code of the store where the person was created (JOINED_STORE_CODE)"""
    store_id: str
    """Id of the store of the last purchase (STORE_ID)"""
    store_code: str
    """Code of the store of the last purchase (STORE_CODE)"""
    store_number: str
    """Number of the store of the last purchase (STORE_NUMBER)"""
    ref1_group: str
    """Group of the exported person reference (REF1_GROUP)"""
    ref1_id: str
    """Id of the exported person reference (REF1_ID)"""
    ref1_code: str
    """Code of the exported person reference (REF1_CODE)"""
    loyalty_code: str
    """Most recent loyalty code (LOYALTY_CODE)"""
    loyalty_name: str
    """Name of that loyalty (LOYALTY_NAME)"""
    loyalty_expiry: date | None
    """Date on which that loyalty ends (LOYALTY_EXPIRY)"""
    retail_cust: str
    """Whether AP21 counts the person as a retail customer (RETAIL_CUST): Yes, No or empty"""
    email_opt_in: bool | None
    """Said yes or no to e-mail marketing (EMAIL_OPT_IN); null: the source does not say"""
    sms_opt_in: bool | None
    """Said yes or no to SMS marketing (SMS_OPT_IN); null: the source does not say"""
    shopify_id: str
    """The person's customer id in the connection's Shopify shop, once it is known [personal]"""
    previous_email: str | None
    """The address this person had before, when it has changed [personal]"""
    rescued: bool
    """Nothing but an opt-out, saved from a row that was rejected"""
    zone: str
    """IANA name of the time zone in which this record's local times were read"""
    extra: dict[str, str]
    """The merchant's own columns, by the name the merchant gave them [personal]"""


class Line(TypedDict):
    """One line of a sale or a return."""

    line_seq: str
    """Place of the line in its transaction (LINE_SEQ)"""
    style_code: str
    """Style (STYLE_CODE)"""
    style_name: str
    """Name of the style (STYLE_NAME)"""
    colour_code: str
    """Colour (COLOUR_CODE)"""
    colour_name: str
    """Name of the colour (COLOUR_NAME)"""
    size_code: str
    """Size (SIZE_CODE)"""
    skuidx: str
    """AP21's internal SKU id (SKUIDX)"""
    barcode: str
    """Barcode (BARCODE)"""
    product_ref: str
    """Product reference that the merchant uses as category (PRODUCT_REF)"""
    qty: int
    """Pieces, negative for a return (QTY)"""
    unit_price: Decimal | None
    """Price of one piece, never negative (UNIT_PRICE)"""
    line_discount: Decimal | None
    """Discount on the whole line (LINE_DISCOUNT)"""
    line_value: Decimal
    """What was paid for the line including tax, negative for a return (LINE_VALUE)"""
    tax_percent: Decimal | None
    """Tax rate in percent (TAX_PERCENT)"""
    discount_reason: str
    """Why there was a discount (DISCOUNT_REASON)"""
    return_reason: str
    """Why it came back (RETURN_REASON)"""
    orig_tran_idx: str
    """Transaction the goods were bought in, if known (ORIG_TRAN_IDX)"""
    orig_tran_number: str
    """Docket the goods were bought on, if known (ORIG_TRAN_NUMBER)"""


class Original(TypedDict):
    """The sale that a return belongs to, as the producers remember it."""

    tran_idx: str
    """Its internal transaction id"""
    tran_number: str
    """Its docket"""
    key: str
    """The Kafka key it was first published with [personal]"""
    loyalty: bool | None
    """Whether it was a sale that a loyalty platform takes; null: not known"""


class Order(Envelope):
    """One transaction of a till with its lines: a sale, an exchange or a refund."""

    tran_idx: str
    """AP21's internal transaction id (TRAN_IDX)"""
    tran_number: str
    """Docket (TRAN_NUMBER)"""
    order_number: str
    """Web order number (ORDER_NUMBER); empty in store"""
    tran_type: str
    """Sale, Layby, Layby Update, Special Order, Special Order Update (TRAN_TYPE); blank means Sale"""
    kind: str
    """sale, or refund: no line is positive, or it came from a refunds file"""
    sale_datetime: datetime
    """When it was rung up (SALE_DATETIME)"""
    store_id: str
    """Id of the store (STORE_ID)"""
    store_code: str
    """Code of the store (STORE_CODE)"""
    store_number: str
    """Number of the store (STORE_NUMBER)"""
    store_name: str
    """Name of the store (STORE_NAME)"""
    staff_code: str
    """Code of the salesperson (STAFF_CODE) [personal]"""
    staff_name: str
    """Name of the salesperson (STAFF_NAME) [personal]"""
    person_id: str
    """AP21's internal id of the buyer (PERIDX); empty for an anonymous sale [personal]"""
    email: str
    """The buyer's address, trimmed and lowercased (EMAIL); empty when there is none [personal]"""
    currency: str
    """ISO 4217 code (CURRENCY)"""
    order_total: Decimal | None
    """Total including tax as exported (ORDER_TOTAL); the lines decide"""
    order_discount: Decimal | None
    """Discount as exported (ORDER_DISCOUNT); the lines decide"""
    order_tax: Decimal | None
    """Tax as exported (ORDER_TAX); the lines decide"""
    refund_total: Decimal | None
    """Total of a refunds file (REFUND_TOTAL); the lines decide"""
    lines: list[Line]
    """The lines, in the order of the file"""
    zone: str
    """IANA name of the time zone in which sale_datetime was read"""
    staff: bool | None
    """The buyer is a member of staff; null: the buyer is not known"""
    original: Original | None
    """The sale a return belongs to; null: none, or not known"""
    extra: dict[str, str]
    """The merchant's own columns, by the name the merchant gave them [personal]"""


class OpenReward(TypedDict):
    """One reward that can still be spent."""

    reward_id: str
    """AP21's id of the reward (REWARD_ID)"""
    reward_description: str
    """What it is for (REWARD_DESCRIPTION)"""
    reward_total: Decimal | None
    """What it was worth when issued (REWARD_TOTAL)"""
    reward_available: Decimal | None
    """What is left of it (REWARD_AVAILABLE)"""
    reward_created: datetime | None
    """When it was issued (REWARD_CREATED)"""
    reward_expiry: date | None
    """Last day on which it can be spent (REWARD_EXPIRY)"""


class Reward(Envelope):
    """A rewards account, a redemption, points to give back, or a gift card."""

    kind: str
    """account (a snapshot with all its open rewards), redemption, points_back or gift_card"""
    account_id: str
    """AP21's id of the rewards account (ACCOUNT_ID) [personal]"""
    person_id: str
    """AP21's internal person id (PERIDX) [personal]"""
    email: str
    """E-mail address, trimmed and lowercased (EMAIL) [personal]"""
    program_id: str
    """Id of the rewards program (PROGRAM_ID)"""
    program_name: str
    """Name of the rewards program (PROGRAM_NAME)"""
    tier_id: str
    """Id of the tier (TIER_ID); empty when no tier is left"""
    tier_name: str
    """Name of the tier (TIER_NAME)"""
    tier_sequence: int | None
    """Place of the tier in its program's ladder, higher is better, by the newest tiers file; null: not in it"""
    tier_join_date: date | None
    """Day on which the tier was reached (TIER_JOIN_DATE)"""
    tier_locked_until: date | None
    """AP21 does not recalculate the tier before this day (TIER_LOCKED_UNTIL)"""
    join_date: date | None
    """Day on which the account was opened (JOIN_DATE)"""
    newly_joined: bool
    """The account was opened since the snapshot before this one was taken: all that it holds is news"""
    available_points: int | None
    """Points not yet expired or spent (AVAILABLE_POINTS)"""
    available_rewards: Decimal | None
    """Money not yet expired or spent (AVAILABLE_REWARDS)"""
    spend_to_next_reward: Decimal | None
    """Spend that is missing to the next reward (SPEND_TO_NEXT_REWARD)"""
    next_tier_name: str
    """Name of the next tier (NEXT_TIER_NAME)"""
    spend_to_next_tier: Decimal | None
    """Spend that is missing to the next tier (SPEND_TO_NEXT_TIER)"""
    rewards: list[OpenReward]
    """The account's open rewards (one row of the file each)"""
    complete: bool
    """No row of this account was rejected, so a reward that is not in the list is gone"""
    last_updated: datetime | None
    """When the account or the gift card was last changed (LAST_UPDATED)"""
    customer_id: str
    """The loyalty platform's own id of the person [personal]"""
    shopify_id: str
    """The person's customer id in Shopify, where the loyalty platform names it [personal]"""
    redemption_id: str
    """The loyalty platform's id of the redemption; of the one to undo for points_back"""
    redemption_text: str
    """What the platform calls this redemption; may hold its code [personal]"""
    redeemed_at: datetime | None
    """When the points were redeemed"""
    approved: bool | None
    """Whether the platform has approved the redemption; null: it does not say"""
    option_id: str
    """Id of the redemption option"""
    option_name: str
    """Name of the redemption option"""
    option_type: str
    """Discount type of the redemption option, as the platform writes it"""
    option_value: Decimal | None
    """Money the redemption option is worth; null: not in money, or not said"""
    points: int | None
    """Points spent by a redemption, or to give back; never negative"""
    reason: str
    """Why points are given back"""
    voucher_number: str | None
    """Number of the gift card (VOUCHER_NUMBER); never its PIN [personal]"""
    original_amount: Decimal | None
    """What the gift card was worth when sold (ORIGINAL_AMOUNT)"""
    used_amount: Decimal | None
    """What was spent of the gift card (USED_AMOUNT)"""
    available_amount: Decimal | None
    """What is left on the gift card (AVAILABLE_AMOUNT)"""
    expiry_date: date | None
    """Last day on which the gift card can be spent (EXPIRY_DATE)"""
    zone: str
    """IANA name of the time zone in which this record's local times were read"""
    extra: dict[str, str]
    """The merchant's own columns, by the name the merchant gave them [personal]"""


class Tier(Envelope):
    """The tier a person has in a program, and how it came about."""

    kind: str
    """earned, lost or changed (a loyalty platform says so), or snapshot (read from a file)"""
    account_id: str
    """AP21's id of the rewards account (ACCOUNT_ID) [personal]"""
    person_id: str
    """AP21's internal person id (PERIDX) [personal]"""
    email: str
    """E-mail address, trimmed and lowercased (EMAIL) [personal]"""
    customer_id: str
    """The loyalty platform's own id of the person [personal]"""
    shopify_id: str
    """The person's customer id in Shopify, where the loyalty platform names it [personal]"""
    program_id: str
    """Id of the rewards program (PROGRAM_ID)"""
    program_name: str
    """Name of the rewards program (PROGRAM_NAME)"""
    tier_id: str
    """Id of the tier (TIER_ID); empty when no tier is left"""
    tier_name: str
    """Name of the tier (TIER_NAME)"""
    tier_join_date: date | None
    """Day on which the tier was reached (TIER_JOIN_DATE)"""
    tier_locked_until: date | None
    """AP21 does not recalculate the tier before this day (TIER_LOCKED_UNTIL)"""
    tier_expiry: date | None
    """Day on which the tier ends; null: never, or the platform does not say"""
    tier_rank: int | None
    """Place of the tier in the platform's ladder, higher is better; null: the platform does not say"""
    old_tier_id: str
    """Id of the tier before this one"""
    old_tier_name: str
    """Name of the tier before this one"""
    old_tier_rank: int | None
    """Place of the tier before this one in the ladder"""
    points_balance: int | None
    """Points the person has at the platform; null: not said"""
    zone: str
    """IANA name of the time zone in which this record's local times were read"""
    extra: dict[str, str]
    """The merchant's own columns, by the name the merchant gave them [personal]"""
