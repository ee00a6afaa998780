"""The customers: regulars and strangers, families who share a telephone, and cards that were filled in badly."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from random import Random
from unicodedata import normalize

from sandbox.shop.plan import CHANGE, NAME, PERSON, Plan, dice
from sandbox.shop.stock import STORES, Store

_COLUMNS = """
PERIDX PERSON_CODE FIRSTNAME SURNAME ADRS1 ADRS2 CITY STATE POSTCODE COUNTRY MOBILE EMAIL DOB PRIVACY RETAIL_REP
LAST_UPDATED CREATED_DATE JOINED_STORE_ID JOINED_STORE_CODE STORE_ID STORE_CODE STORE_NUMBER REF1_GROUP REF1_ID
REF1_CODE LOYALTY_CODE LOYALTY_NAME LOYALTY_EXPIRY RETAIL_CUST EMAIL_OPT_IN SMS_OPT_IN
"""
CUSTOMER_COLUMNS = tuple(_COLUMNS.split())
_FIRST_NAMES = """
Priya Zoë Liam Amy John Mia Oli Kai René Chloé Noah Ava Jack Isla Tom Ruby Leo Ella Max Grace Sam Lucy Finn Anh Mere
Aroha Jürgen Siân Wei Fatima
"""
_LAST_NAMES = """
O'Connor D’Angelo Nguyen Smith Lee Tran Reed Moss Müller Brown Wilson Taylor White Martin Chen Singh Kelly King Núñez
Walker Young Ryan Patel McDonald Ngata Kowalski Fraser Null
"""
_FIRST, _LAST = _FIRST_NAMES.split(), _LAST_NAMES.split()
_STREETS = (
    "Bourke St",
    "Smith St",
    "High St",
    "Lake Rd",
    "Quay St",
    "Station St",
    "King William Rd",
    "Rue de l’Église",
)
_PLACEHOLDERS = ("n/a", "none@customer.example", "-", "noemail@customer.example")
_FIRST_PERSON = 70_000


def person_id(number: int) -> int:
    """The PERIDX of the person with this number."""
    return _FIRST_PERSON + number


def email_of(plan: Plan, number: int) -> str:
    """A person's e-mail; one in a hundred shares that of the person before, one in twelve has none."""
    roll = number % 100
    if roll == 99:
        return email_of(plan, number - 1)
    if roll % 12 == 5:
        return ""
    first, last = _name(plan, number)
    return f"{_plain(first)}.{_plain(last)}{number}@customer.example"


def is_staff(number: int) -> bool:
    """One in two hundred works here."""
    return number % 200 == 13


def customer(plan: Plan, number: int) -> dict[str, str]:
    """One row of the customers file."""
    roll = dice(plan, PERSON, number)
    first, last = _name(plan, number)
    home, latest = roll.choice(STORES), roll.choice(STORES)
    changes = [day for day in range(1, plan.edition + 1) if dice(plan, CHANGE, number, day).random() < 0.05]
    created = _moment(roll, plan, 3000)
    updated = max(created, _moment(roll, plan, 300))
    if changes:
        updated = datetime.combine(plan.last_day + timedelta(days=changes[-1]), updated.time())
    row = {
        "PERIDX": str(person_id(number)),
        "PERSON_CODE": f"{_plain(last)[:4]}{_plain(first)[:2]}{number % 100:02d}".upper(),
        "FIRSTNAME": first.upper() if roll.random() < 0.05 else first,
        "SURNAME": last,
        "DOB": _birthday(roll),
        "RETAIL_REP": "Yes" if is_staff(number) else roll.choice(("No", "No", "")),
        "LAST_UPDATED": _written(roll, updated),
        "CREATED_DATE": _written(roll, created),
        "RETAIL_CUST": "No" if is_staff(number) else "Yes",
        **_address(roll, home, len(changes)),
        **_stores(home, latest),
        **_reach(plan, roll, number),
        **_consent(roll, flipped=len(changes) % 2 == 1),
    }
    return {**row, **_loyalty(roll, number)}


def _name(plan: Plan, number: int) -> tuple[str, str]:
    roll = dice(plan, NAME, number)
    return roll.choice(_FIRST), roll.choice(_LAST)


def _plain(text: str) -> str:
    """Letters of a name as people write them in an address."""
    return "".join(letter for letter in normalize("NFKD", text.lower()) if "a" <= letter <= "z")


def _address(roll: Random, home: Store, moves: int) -> dict[str, str]:
    street = f"{roll.randint(1, 250) + moves} {roll.choice(_STREETS)}"
    kind = roll.random()
    first, second = street, ""
    if kind < 0.1:
        first, second = f'Unit {roll.randint(1, 40)}, "The Loft"', street
    elif kind < 0.13:
        first = f"{street}\nRear entrance"
    elif kind < 0.2:
        first = ""
    country = roll.choice(("AUSTRALIA", "Australia", "AUSTRALIA", ""))
    return {
        "ADRS1": first,
        "ADRS2": second,
        "CITY": home.suburb,
        "STATE": home.state,
        "POSTCODE": home.postcode,
        "COUNTRY": country,
    }


def _stores(home: Store, latest: Store) -> dict[str, str]:
    return {
        "JOINED_STORE_ID": str(home.id),
        "JOINED_STORE_CODE": home.code,
        "STORE_ID": str(latest.id),
        "STORE_CODE": latest.code,
        "STORE_NUMBER": latest.number,
    }


def _reach(plan: Plan, roll: Random, number: int) -> dict[str, str]:
    """How a person is reached: families share a mobile, and some cards hold a landline or a placeholder."""
    owner = number - 1 if number % 60 == 41 else number
    digits = f"4{10 + owner // 1_000_000 % 10}{owner % 1_000_000:06d}"
    written = (
        f"0{digits}",
        f"0{digits[:3]} {digits[3:6]} {digits[6:]}",
        f"+61 {digits[:3]} {digits[3:6]} {digits[6:]}",
    )
    kind = roll.random()
    mobile = roll.choice(written) if kind < 0.85 else "03 5550 0123" if kind < 0.88 else ""
    email = email_of(plan, number)
    if not email and roll.random() < 0.3:
        email = roll.choice(_PLACEHOLDERS)
    elif roll.random() < 0.05:
        email = f"{email.upper()} "
    return {"MOBILE": mobile, "EMAIL": email}


def _consent(roll: Random, *, flipped: bool) -> dict[str, str]:
    kind = roll.random()
    if kind < 0.15:
        return {"PRIVACY": "Yes", "EMAIL_OPT_IN": "No", "SMS_OPT_IN": "No"}
    if kind < 0.25:
        return {"PRIVACY": "", "EMAIL_OPT_IN": "", "SMS_OPT_IN": ""}
    wanted = "No" if flipped else "Yes"
    return {"PRIVACY": "No", "EMAIL_OPT_IN": wanted, "SMS_OPT_IN": roll.choice(("Yes", "No", ""))}


def _loyalty(roll: Random, number: int) -> dict[str, str]:
    if is_staff(number):
        return {"LOYALTY_CODE": "STAFF40", "LOYALTY_NAME": "Staff 40%"}
    if roll.random() < 0.4:
        reference = {"REF1_GROUP": "OptIn", "REF1_ID": "20411", "REF1_CODE": "Yes"}
        return {"LOYALTY_CODE": "CLUB", "LOYALTY_NAME": "Club Member", "LOYALTY_EXPIRY": "2027-03-31", **reference}
    return {}


def _birthday(roll: Random) -> str:
    kind, year = roll.random(), roll.randint(1940, 2008)
    month, day = roll.randint(1, 12), roll.randint(1, 28)
    if kind < 0.3:
        return ""
    if kind < 0.33:
        return "01/01/1900"
    return f"{day:02d}/{month:02d}/{year}" if kind < 0.5 else f"{year}-{month:02d}-{day:02d}"


def _moment(roll: Random, plan: Plan, days: int) -> datetime:
    """A moment in the opening hours of one of the last `days` days."""
    day = plan.last_day - timedelta(days=roll.randint(0, days))
    return datetime.combine(day, time(9)) + timedelta(seconds=roll.randint(0, 8 * 3600))


def _written(roll: Random, moment: datetime) -> str:
    """A moment as an export writes it; one in ten as the till shows it."""
    if roll.random() < 0.9:
        return moment.isoformat()
    hour = moment.hour % 12 or 12
    half = "AM" if moment.hour < 12 else "PM"
    return f"{moment.day}/{moment.month:02d}/{moment.year} {hour}:{moment:%M:%S} {half}"
