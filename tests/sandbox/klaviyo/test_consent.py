"""Consent as the API writes it: by channel, by list, with double opt-in, and never for nobody."""

from __future__ import annotations

from sandbox.klaviyo.server import KlaviyoServer
from tests.sandbox.klaviyo.conftest import Api, no, pointers, yes

KIM, LEE = "kim@customer.example", "lee@customer.example"
MOBILE = "+61491570006"


def state(klaviyo: KlaviyoServer, who: str, channel: str = "email") -> str:
    """What a person said about a channel."""
    consents = klaviyo.profile(who)["consents"]
    return str(consents[channel]["state"]) if channel in consents else "NEVER_SUBSCRIBED"


def test_each_channel_is_its_own(api: Api, klaviyo: KlaviyoServer) -> None:
    text = {"sms": {"marketing": {"consent": "SUBSCRIBED"}}}
    api.subscribe({"email": KIM, "phone_number": MOBILE, "subscriptions": text})
    assert (state(klaviyo, KIM), state(klaviyo, KIM, "sms")) == ("NEVER_SUBSCRIBED", "SUBSCRIBED")


def test_text_messages_need_a_number_and_a_country_with_a_sending_number(api: Api) -> None:
    text = {"sms": {"marketing": {"consent": "SUBSCRIBED"}}}
    assert pointers(api.subscribe({"email": KIM, "subscriptions": text})) == [
        "/data/attributes/profiles/data/0/attributes/phone_number"
    ]
    assert api.subscribe({"phone_number": "+442079460000", "subscriptions": text}).status_code == 400


def test_the_form_of_a_subscribe_body_is_checked(api: Api) -> None:
    assert api.subscribe({"email": KIM, "subscriptions": {}}).status_code == 400
    assert api.subscribe({"email": KIM, "subscriptions": {"fax": {}}}).status_code == 400
    assert api.subscribe(no(KIM)).status_code == 400
    assert api.subscribe(yes(KIM), roll="none").status_code == 400


def test_an_opt_out_is_dated_now_and_suppresses(api: Api, klaviyo: KlaviyoServer) -> None:
    api.upsert(email=KIM)
    api.unsubscribe(no(KIM))
    assert state(klaviyo, KIM) == "UNSUBSCRIBED"
    assert list(klaviyo.profile(KIM)["suppressions"]) == ["UNSUBSCRIBE"]


def test_an_opt_out_of_nobody_is_lost(api: Api, klaviyo: KlaviyoServer) -> None:
    assert api.unsubscribe(no(KIM)).status_code == 202
    assert klaviyo.profiles() == []
    assert klaviyo.counts()["tallies"] == {"unsubscribes_of_nobody": 1}


def test_an_opt_out_from_a_list_is_global_for_those_who_are_not_on_it(api: Api, klaviyo: KlaviyoServer) -> None:
    api.subscribe(yes(KIM), roll="Y6nRLr")
    api.upsert(email=LEE)
    api.unsubscribe(no(KIM), no(LEE), roll="Y6nRLr")
    assert (state(klaviyo, KIM), klaviyo.profile(KIM)["lists"]) == ("SUBSCRIBED", [])
    assert state(klaviyo, LEE) == "UNSUBSCRIBED"


def test_double_opt_in_waits_for_the_click_unless_the_import_is_historical(api: Api, klaviyo: KlaviyoServer) -> None:
    klaviyo.add_list("double", double=True)
    api.subscribe(yes(KIM), roll="double")
    assert klaviyo.profiles() == []
    assert klaviyo.confirm(KIM) == 1
    assert (state(klaviyo, KIM), klaviyo.profile(KIM)["lists"]) == ("SUBSCRIBED", ["double"])
    api.subscribe(yes(LEE, consented_at="2025-08-14T02:31:00Z"), roll="double", historical_import=True)
    assert klaviyo.profile(LEE)["consents"]["email"]["at"] == 1755138660.0


def test_unsuppressing_takes_away_only_what_the_merchant_did(api: Api, klaviyo: KlaviyoServer) -> None:
    api.upsert(email=KIM)
    api.unsubscribe(no(KIM))
    assert api.suppress(KIM, KIM).json()["data"]["attributes"]["status"] == "processing"
    assert sorted(klaviyo.profile(KIM)["suppressions"]) == ["UNSUBSCRIBE", "USER_SUPPRESSED"]
    job = api.suppress(KIM, LEE, verb="delete").json()["data"]
    done = api.get(f"/api/{job['type']}s/{job['id']}").json()["data"]["attributes"]
    assert (done["completed_count"], done["skipped_count"]) == (1, 1)
    assert list(klaviyo.profile(KIM)["suppressions"]) == ["UNSUBSCRIBE"]


def test_effects_may_lag_behind_their_202(api: Api, klaviyo: KlaviyoServer) -> None:
    api.upsert(email=KIM)
    klaviyo.settings(lag=60)
    api.unsubscribe(no(KIM))
    assert state(klaviyo, KIM) == "NEVER_SUBSCRIBED"
    klaviyo.advance(61)
    assert state(klaviyo, KIM) == "UNSUBSCRIBED"
