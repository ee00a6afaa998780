"""What the simulated Retail API must do, line by line; each test is named after its line."""

from __future__ import annotations

import re

import httpx
import pytest

from sandbox.apparel21.server import Apparel21Server
from tests.sandbox.apparel21.conftest import USER, Client, code, person, tree

PRIYA = "priya.oconnor@customer.example"


def field(label: str, value: str) -> str:
    """Custom data with one field of the card Loyalty."""
    inner = f"<Fields><Field Name='{label}'>{value}</Field></Fields>"
    return f"<CustomData><Cards><Card Name='Loyalty'>{inner}</Card></Cards></CustomData>"


def reference(kind: int, one: int) -> str:
    """One reference."""
    inner = f"<ReferenceTypeId>{kind}</ReferenceTypeId><Id>{one}</Id>"
    return f"<References><Reference>{inner}</Reference></References>"


def loyalty(**texts: object) -> str:
    """One loyalty record."""
    inner = "".join(f"<{tag}>{text}</{tag}>" for tag, text in texts.items())
    return f"<Loyalties><Loyalty>{inner}</Loyalty></Loyalties>"


GOLD = field("Tier", "<ListValues><Value>Gold</Value></ListValues>")


def test_line_01_the_door_wants_user_country_content_type_and_xml(api: Client, apparel21: Apparel21Server) -> None:
    def knock(
        user: tuple[str, str] = USER, country: str = "AU", kind: str = "text/xml", body: str = "<Person/>"
    ) -> object:
        headers = {"Content-Type": kind} if kind else {}
        query = {"countryCode": country} if country else {}
        answer = httpx.post(
            f"{apparel21.api}/Persons", params=query, content=body.encode(), headers=headers, auth=user, trust_env=False
        )
        return code(answer)

    assert knock() == (400, 5000)
    assert knock(user=("tillstream", "wrong")) == (401, 0)
    assert knock(country="") == (403, 5029)
    assert knock(country="FR") == (403, 5029)
    assert knock(country="AU-GA-IO") == (400, 5000)
    assert knock(kind="application/json") == (403, 5122)
    assert knock(body="<Person>") == (403, 5121)
    assert code(api.post("/Persons", person().replace("Firstname", "firstname"))) == (400, 5001)


def test_line_01_paths_and_query_names_have_no_case_and_a_slash_at_the_end_is_nothing(
    apparel21: Apparel21Server,
) -> None:
    apparel21.seed(PRIYA)
    for path in ("/Persons", "/persons/", "/PERSONS"):
        answer = httpx.get(
            f"{apparel21.url}/retailapi{path}", params={"CountryCode": "AU", "EMAIL": PRIYA}, auth=USER, trust_env=False
        )
        assert answer.status_code == 200, path


def test_line_01_the_root_page_names_the_release(api: Client) -> None:
    answer = api.get("/")
    assert answer.headers["content-type"] == "text/html"
    assert "2025.1" in answer.text


def test_line_02_versions_are_negotiated(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7, cards={"Loyalty": {"Note": "VIP"}})
    assert code(api.get("/Persons/7", 5)) == (400, 5045)
    assert api.person(7, 2).find("CustomData") is not None
    assert api.person(7, 0).find("CustomData") is None
    body = person(UpdateTimeStamp=apparel21.person(7)["stamp"], CustomData=GOLD)
    assert api.put("/Persons/7", body, 0).status_code == 200
    assert apparel21.person(7)["cards"] == {"Loyalty": {"Note": "VIP"}}


def test_line_03_searches_find_by_any_filter_and_nobody_is_a_404(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7, texts={"Contacts/Phones/Home": "0491 570 006"})
    apparel21.seed("kim@customer.example", id=8, texts={"Surname": "Staff"})
    assert [one.findtext("Id") for one in tree(api.get("/Persons", email=PRIYA.upper()))] == ["7"]
    assert [one.findtext("Id") for one in tree(api.get("/Persons", surname="staff"))] == ["8"]
    assert [one.findtext("Id") for one in tree(api.get("/Persons", phone="0491570006"))] == ["7"]
    assert code(api.get("/Persons", email="nobody@customer.example")) == (404, 5008)
    assert code(api.get("/Persons", email=PRIYA, LoyaltyOnly="true")) == (404, 5008)
    assert code(api.get("/Persons/9")) == (404, 5008)


def test_line_03_an_ambiguous_search_is_a_list_or_an_error(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7)
    apparel21.seed(PRIYA, id=8)
    assert len(tree(api.get("/Persons", email=PRIYA))) == 2
    apparel21.settings(several="5013")
    assert code(api.get("/Persons", email=PRIYA)) == (400, 5013)


def test_line_03_changed_persons_come_page_by_page_or_all_at_once(api: Client, apparel21: Apparel21Server) -> None:
    assert code(api.get("/Persons", updatedAfter="2025-03-31T09:15")) == (404, 5008)
    for number in range(5):
        apparel21.seed(f"p{number}@customer.example", id=100 + number)
    first = tree(api.get("/Persons", updatedAfter="2025-03-31", startRow=1, pageRows=2))
    assert ([one.findtext("Id") for one in first], first.get("TotalRows")) == (["100", "101"], "5")
    apparel21.settings(pages_persons=False)
    assert len(tree(api.get("/Persons", updatedAfter="2025-03-31", startRow=1, pageRows=2))) == 5
    assert code(api.get("/Persons", updatedAfter="2999-01-01")) == (404, 5008)
    assert code(api.get("/Persons", updatedAfter="2025-03-31", startRow=0)) == (400, 5034)


@pytest.mark.parametrize("after", ["2025-03-31T09:15:00Z", "2025-03-31T09:15:00+11:00", "2025-03-31 09:15", "soon"])
def test_line_03_times_that_are_asked_for_are_local_and_have_no_offset(
    api: Client, apparel21: Apparel21Server, after: str
) -> None:
    apparel21.seed(PRIYA)
    assert code(api.get("/Persons", updatedAfter=after)) == (403, 5144)
    assert code(api.get("/Orders", updatedAfter=after)) == (403, 5144)


def test_line_03_old_releases_know_nothing_of_changes_and_cards(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA)
    apparel21.settings(release="2019.2")
    assert len(tree(api.get("/Persons", updatedAfter="2999-01-01"))) == 1
    assert api.get("/Persons/customdatatemplates").status_code == 404
    apparel21.settings(release="2023.2")
    assert api.get("/Persons", updatedAfter="2999-01-01").status_code == 404
    assert api.get("/Persons/customdatatemplates").status_code == 200
    assert api.get("/Rewards/RewardsSimple", 1).content.startswith(b"<html>")


def test_line_03_the_time_stamp_has_two_forms(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7)
    own = api.person(7).findtext("UpdateTimeStamp") or ""
    assert re.fullmatch(r"\d{1,2}/\d{2}/\d{4} \d{1,2}:\d{2}:\d{2} [AP]M", own)
    bare = tree(api.get("/Persons/7/UpdateTimeStamp/")).findtext("UpdateTimeStamp") or ""
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}", bare)
    day, month, year = own.split(" ", maxsplit=1)[0].split("/")
    assert bare.startswith(f"{year}-{month}-{int(day):02d}T")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (person(Surname=""), (400, 5000)),
        (person(Firstname=""), (400, 5001)),
        (person(Code="NGUYLI00"), (400, 5003)),
        (person(Email=PRIYA), (400, 5006)),
        (person(Surname="Wolfeschlegelsteinhausen"), (403, 5014)),
        (person(DateOfBirth="1/12/1985"), (400, 5099)),
        (person(Privacy="perhaps"), (400, 5111)),
        (person(R=reference(1321, 1)), (400, 5089)),
        (person(R=reference(1321, 20501)), (400, 5090)),
        (person(L=loyalty(LoyaltyTypeId=1)), (400, 5106)),
        (person(L=loyalty(CardNo="LM1")), (400, 5101)),
        (person(L=loyalty(LoyaltyTypeId=30861, CardNo="XX1")), (400, 5104)),
        (person(L=loyalty(LoyaltyTypeId=30861, Balance="x")), (400, 5109)),
        (person(L=loyalty(LoyaltyTypeId=30861, Expiry="31/12/2026")), (403, 5144)),
        (person(C="<CustomData><Cards><Card Name='Other'/></Cards></CustomData>"), (403, 5193)),
        (person(C="<CustomData><Cards><Card/></Cards></CustomData>"), (403, 5194)),
        (person(DocketNumber="77"), (403, 5210)),
    ],
)  # fmt: skip
def test_line_03_a_new_person_is_checked(
    api: Client, apparel21: Apparel21Server, body: str, told: tuple[int, int]
) -> None:
    apparel21.seed(PRIYA)
    assert code(api.post("/Persons/", body)) == told
    assert apparel21.counts()["persons"] == 1


def test_line_03_a_new_person_has_a_place(api: Client, apparel21: Apparel21Server) -> None:
    docket = person(DocketNumber="D11300004711", RewardProgramId="1", CustomData=GOLD)
    answer = api.post("/Persons/", docket)
    assert (answer.status_code, answer.content) == (201, b"")
    number = re.search(r"/RetailAPI/Persons/(\d+)\?countryCode=AU$", answer.headers["location"])
    assert number
    made = apparel21.person(number[1])
    assert (made["texts"]["Privacy"], made["cards"]) == ("false", {"Loyalty": {"Tier": ["Gold"]}})
    assert made["account"]["tier"] == 2
    assert code(api.post("/Persons/", docket.replace("liam", "leo"))) == (403, 5209)


def test_line_03_a_compulsory_reference_is_missed(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.require(1321)
    assert code(api.post("/Persons/", person())) == (400, 5091)


@pytest.mark.parametrize(
    ("label", "value", "told"),
    [
        ("Points", "ten", 5196), ("Points", "-1", 5199), ("Points", "2000000", 5200), ("Colour", "red", 5195),
        ("Email opt in", "Yes", 5196), ("Note", "x" * 41, 5198), ("Tier", "Gold", 5196),
        ("Tier expiry", "1/04/2026", 5201),
        ("Tier", "<ListValues><Value>Gold</Value><Value>Silver</Value></ListValues>", 5203),
    ],
)  # fmt: skip
def test_line_03_custom_data_keeps_to_its_types(
    api: Client, apparel21: Apparel21Server, label: str, value: str, told: int
) -> None:
    apparel21.seed(PRIYA, id=7)
    body = person(UpdateTimeStamp=apparel21.person(7)["stamp"], C=field(label, value))
    assert code(api.put("/Persons/7", body)) == (403, told)


def test_line_03_a_closed_list_takes_its_own_values_only(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.add_card("Loyalty", Tier={"type": "TagList", "tags": ["Silver"]})
    assert code(api.post("/Persons/", person(C=GOLD))) == (403, 5204)


def test_line_03_a_put_replaces_all_but_custom_data_and_loyalties(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.seed(
        PRIYA, id=7, texts={"Title": "Ms"}, references={"1321": 20411}, cards={"Loyalty": {"Note": "VIP"}},
        loyalties=[{"type": 30861, "Message": "Silver"}],
    )  # fmt: skip
    assert api.put("/Persons/7", person(UpdateTimeStamp=apparel21.person(7)["stamp"])).status_code == 200
    kept = apparel21.person(7)
    assert "Title" not in kept["texts"]
    assert kept["references"] == {}
    assert kept["cards"] == {"Loyalty": {"Note": "VIP"}}
    assert kept["loyalties"][0]["values"]["Message"] == "Silver"


def test_line_03_from_version_three_loyalties_that_are_left_out_end(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7, loyalties=[{"type": 30861}])
    assert api.put("/Persons/7", person(UpdateTimeStamp=apparel21.person(7)["stamp"]), 3).status_code == 200
    assert apparel21.person(7)["loyalties"][0]["values"]["StatusId"] == "1232"


def test_line_03_a_loyalty_type_is_held_once(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7, loyalties=[{"type": 30861}])
    more = loyalty(LoyaltyTypeId=30861)
    stamp = apparel21.person(7)["stamp"]
    assert code(api.put("/Persons/7", person(UpdateTimeStamp=stamp, L=more))) == (400, 5103)


def test_line_03_a_put_wants_id_address_and_the_stamp_of_now(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7)
    stamp = apparel21.person(7)["stamp"]
    assert code(api.put("/Persons/7", person(Id="8", UpdateTimeStamp=stamp))) == (400, 5151)
    assert code(api.put("/Persons/7", person(Email="", UpdateTimeStamp=stamp))) == (400, 5004)
    assert code(api.put("/Persons/7", person(City="", UpdateTimeStamp=stamp))) == (400, 5005)
    assert code(api.put("/Persons/7", person())) == (400, 5010)
    assert code(api.put("/Persons/7", person(UpdateTimeStamp="1/04/2025 4:05:11 PM"))) == (400, 5010)


def test_line_04_of_two_puts_at_once_one_wins(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7)
    stamp = apparel21.person(7)["stamp"]
    both = [api.put("/Persons/7", person(Title=title, UpdateTimeStamp=stamp)) for title in ("Ms", "Dr")]
    assert [code(answer) for answer in both] == [(200, 0), (400, 5010)]
    assert apparel21.person(7)["texts"]["Title"] == "Ms"


def test_line_04_a_till_edit_comes_between_reading_and_writing(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7)
    apparel21.till(7, reads=1, texts={"Title": "Dr"})
    read = api.person(7).findtext("UpdateTimeStamp") or ""
    assert code(api.put("/Persons/7", person(UpdateTimeStamp=read))) == (400, 5010)
    assert apparel21.person(7)["texts"]["Title"] == "Dr"
    again = api.person(7)
    assert again.findtext("Title") == "Dr"
    assert api.put("/Persons/7", person(UpdateTimeStamp=again.findtext("UpdateTimeStamp") or "")).status_code == 200


def test_line_05_who_is_not_marked_is_not_seen_but_holds_the_address(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7, web=False)
    assert code(api.get("/Persons", email=PRIYA)) == (404, 5008)
    assert code(api.get("/Persons/7")) == (404, 5008)
    assert code(api.post("/Persons", person(Email=PRIYA))) == (400, 5006)
    apparel21.mark(7, web=True)
    assert api.get("/Persons/7").status_code == 200


def test_line_05_another_brand_may_have_the_same_address(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7, brand="acacia")
    assert code(api.get("/Persons", email=PRIYA)) == (404, 5008)
    assert api.post("/Persons", person(Email=PRIYA)).status_code == 201


def test_line_06_a_request_id_counts_once(api: Client, apparel21: Apparel21Server) -> None:
    account = apparel21.seed(PRIYA, id=7, tier=2)["account"]["id"]
    points = "<PointsPost><RequestId>a-1</RequestId><PersonId>7</PersonId><Points>50</Points></PointsPost>"
    path = f"/Rewards/Accounts/{account}"
    assert code(api.post(f"{path}/Points", points, 1)) == (201, 0)
    assert code(api.post(f"{path}/Points", points, 1)) == (403, 5163)
    assert code(api.post(f"{path}/Points", points.replace("a-1", ""), 1)) == (403, 5164)
    more = points.replace("a-1", "a-2").replace("</Points>", "</Points>{}")
    long, odd = f"<Description>{'x' * 251}</Description>", "<ExpiryDate>31/12/2026</ExpiryDate>"
    assert code(api.post(f"{path}/Points", more.format(long), 1)) == (403, 5014)
    assert code(api.post(f"{path}/Points", more.format(odd), 1)) == (403, 5144)
    assert tree(api.get(path, 1)).findtext("AvailablePoints") == "50"


def test_line_06_redemptions_are_confirmed_or_taken_back(api: Client, apparel21: Apparel21Server) -> None:
    account = apparel21.seed(PRIYA, id=7, tier=2, points=100)["account"]["id"]
    path = f"/Rewards/Accounts/{account}"
    taken = "<PointsRedemption><RequestId>a-2</RequestId><Points>80</Points></PointsRedemption>"
    assert api.post(f"{path}/Points/Redemptions", taken, 1).status_code == 201
    assert code(api.post(f"{path}/Points/Redemptions", taken.replace("a-2", "a-3"), 1)) == (403, 5156)
    assert api.post("/Rewards/Reversal", "", 1, requestId="a-2").status_code == 201
    assert tree(api.get(path, 1)).findtext("AvailablePoints") == "100"
    assert code(api.post("/Rewards/Confirmation", "", 1)) == (403, 5158)
    assert code(api.post("/Rewards/Confirmation", "", 1, requestId="nobody")) == (404, 5008)
    assert len(tree(api.get(f"{path}/Transactions", 1))) == 1


def test_line_06_a_lock_date_that_is_not_sent_is_cleared(api: Client, apparel21: Apparel21Server) -> None:
    account = apparel21.seed(PRIYA, id=7, tier=2, locked="2026-04-02")["account"]["id"]
    put = "<RewardAccount><TierId>3</TierId><PersonId>7</PersonId></RewardAccount>"
    changed = tree(api.put(f"/Rewards/Accounts/{account}", put, 1))
    assert (changed.findtext("TierName"), changed.findtext("TierLockedUntilDate")) == ("Gold", "")
    odd = put.replace("</TierId>", "</TierId><TierLockedUntilDate>31/12/2026</TierLockedUntilDate>")
    assert code(api.put(f"/Rewards/Accounts/{account}", odd, 1)) == (403, 5144)
    assert code(api.put(f"/Rewards/Accounts/{account}", put.replace("7", "8"), 1)) == (403, 5155)
    assert code(api.put(f"/Rewards/Accounts/{account}", put.replace("3", "9"), 1)) == (403, 5159)
    assert code(api.get("/Rewards/Accounts/1", 1)) == (403, 5152)


def test_line_06_a_person_is_enrolled_once(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7)
    enrol = "<RewardAccount><ProgramId>1</ProgramId><TierId>3</TierId><PersonId>7</PersonId></RewardAccount>"
    assert tree(api.post("/Rewards/Accounts", enrol, 1)).findtext("TierName") == "Gold"
    assert code(api.post("/Rewards/Accounts", enrol, 1)) == (403, 5161)
    assert code(api.post("/Rewards/Accounts", enrol.replace(">1<", ">5<"), 1)) == (403, 5162)
    assert [tier.findtext("Name") for tier in tree(api.get("/Rewards/Programs", 1)).iter("Tier")] == ["Silver", "Gold"]
    assert len(tree(api.get("/Rewards/RewardsSimple", 1))) == 1
    apparel21.settings(licensed=False)
    assert code(api.get("/Rewards/RewardsSimple", 1)) == (403, 5247)


def test_line_07_a_sales_history_has_pages(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7)
    assert code(api.get("/Persons/7/RetailTransactions")) == (404, 5008)
    for number in range(3):
        apparel21.sell(
            7, f"D{number}", "2025-03-29", lines=[{"ProductCode": "SC0007", "Quantity": -1, "Value": "-59.95"}]
        )
    page = tree(api.get("/Persons/7/RetailTransactions/", startRow=3, pageRows=2))
    assert (page.get("TotalRows"), [one.findtext("Number") for one in page]) == ("3", ["D2"])
    assert page.findtext("Transaction/SaleDate") == "2025-03-29T00:00:00"
    assert code(api.get("/Persons/7/RetailTransactions", startRow="x")) == (400, 5034)


def test_line_07_stores_and_reference_codes_are_listed(api: Client) -> None:
    assert [one.findtext("StoreNo") for one in tree(api.get("/Stores"))] == ["113", "114"]
    assert code(api.get("/Stores/x")) == (400, 5081)
    assert [one.findtext("Name") for one in tree(api.get("/References/1361")).iter("Reference")] == ["Silver", "Gold"]
    kinds = tree(api.get("/PersonReferenceTypes/")).iter("Reference")
    assert [one.findtext("Code") for one in kinds] == ["OptIn", "Tier"]


VOUCHER = """<Order><OrderNumber>LOY-000123</OrderNumber><PersonId>7</PersonId>
<Addresses><Billing><City>Melbourne</City></Billing><Delivery><ContactName>Priya</ContactName></Delivery></Addresses>
<Contacts><Email>priya.oconnor@customer.example</Email></Contacts>
<OrderDetails><OrderDetail><SkuId>6321</SkuId><Quantity>1</Quantity><Price>20.00</Price><Value>20.00</Value>
<ExtraVoucherInformation><VoucherType>LOYALTY_EMAIL</VoucherType><EmailSubject>Yours</EmailSubject>
<Email>priya.oconnor@customer.example</Email></ExtraVoucherInformation></OrderDetail></OrderDetails>
<Payments><PaymentDetail><Origin>CreditCard</Origin><MerchantId>loyalty</MerchantId><Amount>20.00</Amount></PaymentDetail>
</Payments></Order>"""


def test_line_07_a_voucher_order_makes_a_number_and_a_pin_once(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7)
    answer = api.post("/Persons/7/Orders/", VOUCHER)
    assert (answer.status_code, answer.content) == (201, b"")
    assert "/Persons/7/Orders/" in answer.headers["location"]
    assert code(api.post("/Persons/7/Orders/", VOUCHER)) == (400, 5052)
    (made,) = apparel21.vouchers()
    assert (len(made["pin"]), made["amount"], made["email"]) == (4, "20.00", PRIYA)
    read = api.get(f"/Voucher/{made['number']}", pin=made["pin"])
    assert tree(read).findtext("AvailableAmount") == "20.00"
    assert code(api.get(f"/Voucher/{made['number']}", pin="")) == (403, 5053)
    assert code(api.get(f"/Voucher/GVValid/{made['number']}", pin=made["pin"], amount="21")) == (403, 5062)
    valid = tree(api.get(f"/Voucher/GVValid/{made['number']}", pin=made["pin"], amount="20")).findtext("ValidationId")
    assert api.put(f"/Voucher/Lock/{made['number']}", ValidationId=valid).status_code == 200
    assert made["pin"] not in api.get("/Vouchers/VouchersSimple", 4).text
    assert [one.findtext("OrderNumber") for one in tree(api.get("/Persons/7/Orders"))] == ["LOY-000123"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("<PersonId>7", "<PersonId>8", (400, 5025)), ("<City>Melbourne</City>", "", (400, 5005)),
        ("<ContactName>Priya</ContactName>", "<City>Kew</City>", (403, 5072)),
        ("<Quantity>1", "<Quantity>2", (403, 5077)),
        ("LOYALTY_EMAIL", "", (403, 5076)), ("LOYALTY_EMAIL", "OTHER", (403, 5074)), ("Yours", "", (403, 5075)),
        ("<Origin>CreditCard", "<Origin>Cash", (403, 5028)), ("<MerchantId>loyalty", "<MerchantId>x", (403, 5100)),
        ("<Amount>20.00", "<Amount>19.00", (400, 5026)), ("Yours", "Yours \U0001f381", (403, 5246)),
        ("<Price>20.00</Price>", "", (403, 5121)),
    ],
)  # fmt: skip
def test_line_07_a_voucher_order_is_checked(
    api: Client, apparel21: Apparel21Server, old: str, new: str, told: tuple[int, int]
) -> None:
    apparel21.seed(PRIYA, id=7)
    assert code(api.post("/Persons/7/Orders/", VOUCHER.replace(old, new))) == told
    assert apparel21.vouchers() == []


def test_line_08_faults_come_when_they_are_ordered(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7)
    apparel21.fault(status=500, endpoint="GET /Persons/{id}", times=1)
    assert api.get("/Persons/7").content.startswith(b"<html>")
    apparel21.fault(status=404, body="", times=1)
    assert (api.get("/Persons/7").status_code, api.get("/Persons/7").status_code) == (404, 200)
    apparel21.fault(status=429, retry_after=3, times=1)
    assert api.get("/Persons/7").headers["retry-after"] == "3"
    apparel21.settings(latency=0.2)
    assert api.get("/Persons/7").elapsed.total_seconds() > 0.19


def test_line_08_a_connection_may_drop_after_the_write_was_done(api: Client, apparel21: Apparel21Server) -> None:
    apparel21.fault(kind="reset", done=True, endpoint="POST /Persons", times=1)
    with pytest.raises(httpx.TransportError):
        api.post("/Persons", person())
    assert apparel21.counts()["persons"] == 1
