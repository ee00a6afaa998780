"""What the real Klaviyo refuses besides: filters, fields, moments and shapes that it does not know."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.klaviyo.server import KlaviyoServer
from tests.sandbox.klaviyo.conftest import Api, event, pointers, yes

KIM, LEE = "kim@customer.example", "lee@customer.example"
MOBILE = "+61491570006"
CROWD = ",".join(f'"p{number}@customer.example"' for number in range(101))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/api/profiles", 'equals(first_name,"Kim")'),
        ("/api/profiles", "greater-or-equal(updated,2026-01-01T00:00:00Z)"),
        ("/api/profiles", 'any(created,["2026-01-01T00:00:00Z"])'),
        ("/api/profiles", "greater-than(updated,2026-01-01 00:00:00Z)"),
        ("/api/profiles", "greater-than(updated,yesterday)"),
        ("/api/profiles", f"any(email,[{CROWD}])"),
        ("/api/profiles", "any(email,[])"),
        ("/api/profiles", f'equals(email,"{KIM}"),'),
        ("/api/lists", 'equals(shoe_size,"9")'),
        ("/api/lists", 'less-than(created,"2026-01-01T00:00:00Z")'),
        ("/api/metrics", 'any(integration.name,["API"])'),
        ("/api/events", 'any(metric_id,["a"])'),
        ("/api/profile-bulk-import-jobs", 'equals(id,"a")'),
    ],
)
def test_a_field_is_filtered_by_its_own_operators_alone(api: Api, path: str, text: str) -> None:
    answer = api.get(path, {"filter": text})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"] == {"parameter": "filter"}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/profiles", {"fields[profile]": "email,nickname"}),
        ("/api/profiles", {"additional-fields[profile]": "consent"}),
        ("/api/profiles", {"sort": "first_name"}),
        ("/api/events", {"sort": "value"}),
    ],
)
def test_unknown_fields_and_sort_orders_are_refused(api: Api, path: str, query: dict[str, str]) -> None:
    assert api.get(path, query).status_code == 400


def test_profiles_are_sorted(api: Api) -> None:
    for email in (LEE, KIM):
        api.upsert(email=email)
    found = api.get("/api/profiles", {"sort": "-email", "fields[profile]": "email"}).json()["data"]
    assert [one["attributes"] for one in found] == [{"email": LEE}, {"email": KIM}]


@pytest.mark.parametrize("time", ["2026-11-20 03:14:00Z", "2026-11-20t03:14:00z", "20261120T031400Z", "1780000000", 7])
def test_a_moment_is_written_with_capitals_and_dashes(api: Api, time: object) -> None:
    assert api.event(KIM, time=time).status_code == 400
    assert api.event(KIM, time="2026-11-20T03:14:00Z").status_code == 202


def test_without_text_messages_a_number_alone_names_nobody(api: Api, klaviyo: KlaviyoServer) -> None:
    klaviyo.settings(sms_prefixes=[])
    assert api.upsert(phone_number=MOBILE).status_code == 400
    assert pointers(api.load({"email": KIM}, {"phone_number": MOBILE})) == [
        "/data/attributes/profiles/data/1/attributes"
    ]
    assert api.upsert(phone_number=MOBILE, external_id="7").status_code == 201


def test_a_metric_that_had_a_value_once_has_one_always(api: Api, klaviyo: KlaviyoServer) -> None:
    for number, value in enumerate(({}, {"value": 12.5}, {})):
        api.event(KIM, unique_id=str(number), **value)
    assert [one["value"] for one in klaviyo.events()] == [None, 12.5, 0]


def test_shapes_that_nobody_foresaw_are_the_senders_mistake(api: Api, klaviyo: KlaviyoServer) -> None:
    odd: dict[str, Any] = event(KIM)
    odd["attributes"]["metric"]["data"]["type"] = "flow"
    assert pointers(api.events(odd)) == [
        "/data/attributes/events-bulk-create/data/0/attributes/events/data/0/attributes/metric/data/attributes/name"
    ]
    person = {"type": "profile", "attributes": {"email": KIM}, "meta": {"patch_properties": {"append": ["Stores"]}}}
    kind = "profile-bulk-import-job"
    load = {"data": {"type": kind, "attributes": {"profiles": {"data": [person]}}}}
    assert pointers(api.post(f"/api/{kind}s", load)) == ["/data/attributes/profiles/data/0/meta"]
    assert klaviyo.counts()["jobs"] == 0


def test_without_a_list_the_account_says_whether_to_confirm(api: Api, klaviyo: KlaviyoServer) -> None:
    klaviyo.settings(double_opt_in=True)
    kinds = {kind: {"consent": "SUBSCRIBED"} for kind in ("marketing", "transactional")}
    api.subscribe(yes(KIM), {"phone_number": MOBILE, "subscriptions": {"sms": kinds}})
    (only,) = klaviyo.profiles()
    assert list(only["consents"]) == ["sms.transactional"]
    assert (klaviyo.confirm(KIM), klaviyo.confirm(MOBILE)) == (1, 1)
    assert klaviyo.profile(KIM)["consents"]["email"]["state"] == "SUBSCRIBED"
    assert klaviyo.profile(MOBILE)["consents"]["sms"]["state"] == "SUBSCRIBED"
