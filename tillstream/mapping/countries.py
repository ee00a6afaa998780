"""Countries as tills write them, to the ISO 3166 code that phone numbers and platforms are read by."""

from collections.abc import Mapping

from phonenumbers import SUPPORTED_REGIONS

# ISO code -> English name, and what else is written for it at tills in Australia and New Zealand.
NAMES: Mapping[str, str] = {
    "AE": "United Arab Emirates", "AR": "Argentina", "AT": "Austria", "AU": "Australia", "BE": "Belgium",
    "BR": "Brazil", "CA": "Canada", "CH": "Switzerland", "CL": "Chile", "CN": "China", "CZ": "Czech Republic",
    "DE": "Germany", "DK": "Denmark", "ES": "Spain", "FI": "Finland", "FJ": "Fiji", "FR": "France",
    "GB": "United Kingdom", "GR": "Greece", "HK": "Hong Kong", "HR": "Croatia", "ID": "Indonesia",
    "IE": "Ireland", "IL": "Israel", "IN": "India", "IT": "Italy", "JP": "Japan", "KR": "South Korea",
    "LK": "Sri Lanka", "MX": "Mexico", "MY": "Malaysia", "NC": "New Caledonia", "NL": "Netherlands",
    "NO": "Norway", "NZ": "New Zealand", "PG": "Papua New Guinea", "PH": "Philippines", "PL": "Poland",
    "PT": "Portugal", "SA": "Saudi Arabia", "SE": "Sweden", "SG": "Singapore", "TH": "Thailand", "TR": "Turkey",
    "TW": "Taiwan", "US": "United States", "VN": "Vietnam", "VU": "Vanuatu", "WS": "Samoa",
    "ZA": "South Africa",
}  # fmt: skip
_OTHERS = {
    "AUS": "AU", "NZL": "NZ", "N.Z.": "NZ", "AOTEAROA": "NZ", "UK": "GB", "GBR": "GB", "ENGLAND": "GB",
    "SCOTLAND": "GB", "WALES": "GB", "GREAT BRITAIN": "GB", "USA": "US", "U.S.A.": "US",
    "UNITED STATES OF AMERICA": "US", "UAE": "AE", "CAN": "CA", "SGP": "SG", "HKG": "HK", "CHN": "CN",
    "JPN": "JP", "KOREA": "KR", "VIET NAM": "VN", "CZECHIA": "CZ", "THE NETHERLANDS": "NL", "HOLLAND": "NL",
    "REPUBLIC OF IRELAND": "IE",
}  # fmt: skip
_REGIONS = {name.upper(): code for code, name in NAMES.items()} | _OTHERS | {code: code for code in SUPPORTED_REGIONS}


def region(text: str | None) -> str | None:
    """The ISO code of a country as somebody wrote it; None where nobody can say.

    >>> region("AUSTRALIA"), region(" New Zealand"), region("NZ"), region("Oz")
    ('AU', 'NZ', 'NZ', None)
    """
    return _REGIONS.get(" ".join(text.upper().split())) if text else None
