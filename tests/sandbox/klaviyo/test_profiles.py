"""Who is found by what, and how profiles are searched and paged."""

from __future__ import annotations

import pytest

from sandbox.klaviyo.filters import Comparison, FilterError, read
from sandbox.klaviyo.server import KlaviyoServer
from tests.sandbox.klaviyo.conftest import Api

KIM, LEE = "kim@customer.example", "lee@customer.example"
MOBILE = "+61491570006"


def test_a_new_person_is_created_and_a_known_one_updated(api: Api, klaviyo: KlaviyoServer) -> None:
    assert api.upsert(email=KIM, first_name="Kim").status_code == 201
    assert api.upsert(email="KIM@Customer.example", last_name="Tran").status_code == 200
    (kim,) = klaviyo.profiles()
    assert (kim["attributes"]["first_name"], kim["attributes"]["last_name"]) == ("Kim", "Tran")


def test_a_known_number_takes_the_new_address_onto_its_profile(api: Api, klaviyo: KlaviyoServer) -> None:
    api.upsert(email=KIM, phone_number=MOBILE)
    api.upsert(email=LEE, phone_number=MOBILE)
    (one,) = klaviyo.profiles()
    assert one["email"] == LEE


def test_a_renamed_profile_is_found_by_its_new_address_alone(api: Api, klaviyo: KlaviyoServer) -> None:
    kim = api.upsert(email=KIM).json()["data"]["id"]
    change = {"data": {"type": "profile", "id": kim, "attributes": {"email": LEE}}}
    assert api.post(f"/api/profiles/{kim}", change, "PATCH").status_code == 200
    assert klaviyo.profile(LEE)["id"] == kim
    assert api.upsert(email=KIM).status_code == 201


def test_patch_properties_append_take_and_unset(api: Api, klaviyo: KlaviyoServer) -> None:
    api.upsert(email=KIM, properties={"Stores": ["KEW"], "Old": 1})
    orders = {"append": {"Stores": "RUNDLE"}, "unappend": {"Stores": "KEW"}, "unset": "Old"}
    api.upsert({"meta": {"patch_properties": orders}}, email=KIM)
    assert klaviyo.profile(KIM)["properties"] == {"Stores": ["RUNDLE"]}


def test_unknown_fields_and_people_without_identifier_are_refused(api: Api) -> None:
    assert api.upsert(email=KIM, nickname="K").json()["errors"][0]["detail"] == (
        "'nickname' is not a valid field for the resource 'profile'."
    )
    assert api.upsert(first_name="Kim").status_code == 400


def test_profiles_are_searched_by_identifier_and_by_time(api: Api, klaviyo: KlaviyoServer) -> None:
    for email in (KIM, LEE):
        api.upsert(email=email)
    klaviyo.seed(attributes={"email": "amy@customer.example"}, suppressions={"UNSUBSCRIBE": "2026-01-02T00:00:00Z"})

    def found(text: str) -> list[str]:
        answer = api.get("/api/profiles", {"filter": text, "fields[profile]": "email"})
        return [profile["attributes"]["email"] for profile in answer.json()["data"]]

    timestamp = "subscriptions.email.marketing.suppression.timestamp"
    assert found(f'equals(email,"{KIM}")') == [KIM]
    assert found(f'any(email,["{LEE}","nobody@customer.example","{KIM.upper()}"])') == [LEE, KIM]
    assert found(f"greater-than({timestamp},2026-01-01T00:00:00Z)") == ["amy@customer.example"]
    assert found(f"greater-than({timestamp},2026-01-03T00:00:00Z)") == []
    assert found(f'and(equals(email,"{KIM}"),less-than(created,2020-01-01T00:00:00Z))') == []


def test_pages_lead_from_one_to_the_next(api: Api, klaviyo: KlaviyoServer) -> None:
    api.load(*({"email": f"p{number}@customer.example"} for number in range(45)))
    seen, path = [], "/api/profiles"
    while path:
        page = api.get(path).json()
        seen += [profile["id"] for profile in page["data"]]
        path = (page["links"]["next"] or "").removeprefix(klaviyo.url)
    assert len(seen) == len(set(seen)) == 45


def test_filters_are_read_whole() -> None:
    assert read('and(any(id,["a","b,c"]),greater-than(updated,2026-01-01T00:00:00Z))') == (
        Comparison("any", "id", ("a", "b,c")),
        Comparison("greater-than", "updated", ("2026-01-01T00:00:00Z",)),
    )
    with pytest.raises(FilterError):
        read('contains(email,"kim")')


def test_an_event_naming_both_merges_a_profile_known_by_number_alone(api: Api, klaviyo: KlaviyoServer) -> None:
    api.upsert(email=KIM, first_name="Kym")
    api.upsert(phone_number=MOBILE, first_name="Kim", last_name="Tran")
    api.event(profile={"data": {"type": "profile", "attributes": {"phone_number": MOBILE}}}, unique_id="a")
    both = {"data": {"type": "profile", "attributes": {"email": KIM, "phone_number": MOBILE}}}
    api.event(profile=both, unique_id="b")
    (kim,) = klaviyo.profiles()
    assert kim["attributes"] == {"email": KIM, "phone_number": MOBILE, "first_name": "Kym", "last_name": "Tran"}
    assert [event["unique"] for event in klaviyo.events(who=KIM)] == ["a", "b"]


def test_deletion_takes_exactly_one_identifier_and_empties_events(api: Api, klaviyo: KlaviyoServer) -> None:
    api.upsert(email=KIM)
    api.event(KIM, properties={"Pieces": 2})

    def erase(**attributes: str) -> int:
        profile = {"data": {"type": "profile", "attributes": attributes}}
        data = {"type": "data-privacy-deletion-job", "attributes": {"profile": profile}}
        return api.post("/api/data-privacy-deletion-jobs", {"data": data}).status_code

    assert erase(email=KIM, phone_number=MOBILE) == 400
    assert erase(email=KIM) == 202
    assert (klaviyo.profiles(), klaviyo.events()[0]["properties"]) == ([], {})
    assert klaviyo.counts()["erased"] == [KIM]


def test_list_members_come_and_go_without_consent(api: Api, klaviyo: KlaviyoServer) -> None:
    kim = api.upsert(email=KIM).json()["data"]["id"]
    member = {"data": [{"type": "profile", "id": kim}]}
    path = "/api/lists/Y6nRLr/relationships/profiles"
    assert api.post(path, member).status_code == 204
    assert klaviyo.profile(KIM)["lists"] == ["Y6nRLr"]
    assert klaviyo.profile(KIM)["consents"] == {}
    assert api.post(path, member, "DELETE").status_code == 204
    assert klaviyo.profile(KIM)["lists"] == []
