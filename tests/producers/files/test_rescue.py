"""Somebody's no goes through, whatever else is wrong with the row; a yes never does."""

from datetime import UTC, datetime
from typing import Any

import pytest

from producers.files.layouts import Consent, Place
from tests.producers.files.reading import PERSON, outcome

KIM = "kim@customer.example"


@pytest.mark.parametrize(
    ("row", "rescue"),
    [
        ("7,nonsense,Yes,,,", {"person_id": "7", "privacy": True}),
        (f",{KIM},Yes,,,", {"email": KIM, "privacy": True}),
        (f"7,{KIM},Yes,Yes,No,soon", {"person_id": "7", "email": KIM, "privacy": True, "sms_opt_in": False}),
        (f"7,{KIM},perhaps,No,,", {"person_id": "7", "email": KIM, "email_opt_in": False}),
        (
            "7,nonsense,,,No,2025-04-01T09:00:00",
            {"person_id": "7", "sms_opt_in": False, "last_updated": datetime(2025, 3, 31, 22, tzinfo=UTC)},
        ),
        (f"7,{KIM},Yes", {"person_id": "7", "email": KIM, "privacy": True}),
        (f'7,{KIM},Yes,,,"2025"x', {"person_id": "7", "email": KIM, "privacy": True}),
        (f"7,{KIM},Yes,,,\x81", {"person_id": "7", "email": KIM, "privacy": True}),
        ("7,nonsense,No,Yes,Yes,", None),
        ("7,nonsense,,,,", None),
        (",nonsense,Yes,,,", None),
        ("7,Yes,Yes", None),
        (f"7,Level 2, 21 Bourke St,{KIM},Yes,,,", None),
    ],
)
def test_a_clear_refusal_is_saved_with_who_it_is(row: str, rescue: dict[str, Any] | None) -> None:
    rows, rejects = outcome("customers", (PERSON + row + "\n").encode("latin-1"))
    assert not rows
    assert rejects[0].rescue == rescue


def test_the_merchants_own_words_for_no_are_known() -> None:
    place = Place(consents=(Consent("Vip Sms", yes=("Ja",), no=("Nein",)),))
    content = "PERIDX,EMAIL,PRIVACY,VIP_SMS\n1,,No,ja\n2,,No,\n3,?,No,NEIN\n4,?,No,Ja\n5,,No,vielleicht\n"
    rows, rejects = outcome("customers", content, place=place)
    assert [row.values["extra"] for row in rows] == [{"vip_sms": "ja"}, {}]
    assert [(reject.column, reject.rule, reject.rescue) for reject in rejects] == [
        ("EMAIL", "email", {"person_id": "3", "extra": {"vip_sms": "NEIN"}}),
        ("EMAIL", "email", None),
        ("VIP_SMS", "consent", None),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252", "utf-16"])
def test_a_refusal_and_an_address_are_read_in_the_letters_of_their_row(encoding: str) -> None:
    place = Place(consents=(Consent("VIP_SMS", yes=("Sim",), no=("Não",)),))
    content = "PERIDX,EMAIL,PRIVACY,LAST_UPDATED,VIP_SMS\n7,zoë@customer.example,,soon,NÃO\n".encode(encoding)
    _, (reject,) = outcome("customers", content, place=place)
    assert reject.rescue == {"person_id": "7", "email": "zoë@customer.example", "extra": {"vip_sms": "NÃO"}}


def test_a_reference_code_can_say_no_and_any_other_code_says_nothing() -> None:
    place = Place(consents=(Consent("REF1_CODE", ("In",), ("Out",)), Consent("REF1_CODE", ("Yes",), ("Never",))))
    content = "PERIDX,EMAIL,PRIVACY,REF1_CODE\n1,,No,Florist\n2,?,No,never\n3,?,No,Florist\n"
    rows, rejects = outcome("customers", content, place=place)
    assert [row.values["ref1_code"] for row in rows] == ["Florist"]
    assert [reject.rescue for reject in rejects] == [{"person_id": "2", "ref1_code": "never"}, None]


def test_only_a_customers_file_speaks_of_consent() -> None:
    _, rejects = outcome("giftcards", "VOUCHER_NUMBER,EMAIL\n1,?\n")
    assert rejects[0].rescue is None
