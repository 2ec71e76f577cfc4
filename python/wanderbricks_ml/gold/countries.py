"""Countries by the names that dim_destination gives them: those whose holidays are in ``seeds/holidays.csv``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

# Where two names are common, the seed has the holidays by both.
COUNTRY_CODES: Mapping[str, str] = {
    "Albania": "AL",
    "Argentina": "AR",
    "Australia": "AU",
    "Austria": "AT",
    "Belgium": "BE",
    "Belize": "BZ",
    "Brazil": "BR",
    "Bulgaria": "BG",
    "Cambodia": "KH",
    "Canada": "CA",
    "Chile": "CL",
    "China": "CN",
    "Colombia": "CO",
    "Costa Rica": "CR",
    "Croatia": "HR",
    "Cyprus": "CY",
    "Czech Republic": "CZ",
    "Czechia": "CZ",
    "Denmark": "DK",
    "Dominican Republic": "DO",
    "Ecuador": "EC",
    "Egypt": "EG",
    "Estonia": "EE",
    "Finland": "FI",
    "France": "FR",
    "Georgia": "GE",
    "Germany": "DE",
    "Greece": "GR",
    "Hong Kong": "HK",
    "Hungary": "HU",
    "Iceland": "IS",
    "India": "IN",
    "Indonesia": "ID",
    "Ireland": "IE",
    "Israel": "IL",
    "Italy": "IT",
    "Japan": "JP",
    "Jordan": "JO",
    "Kenya": "KE",
    "Latvia": "LV",
    "Lithuania": "LT",
    "Luxembourg": "LU",
    "Malaysia": "MY",
    "Malta": "MT",
    "Mexico": "MX",
    "Montenegro": "ME",
    "Morocco": "MA",
    "Netherlands": "NL",
    "New Zealand": "NZ",
    "Norway": "NO",
    "Panama": "PA",
    "Peru": "PE",
    "Philippines": "PH",
    "Poland": "PL",
    "Portugal": "PT",
    "Puerto Rico": "PR",
    "Romania": "RO",
    "Serbia": "RS",
    "Singapore": "SG",
    "Slovakia": "SK",
    "Slovenia": "SI",
    "South Africa": "ZA",
    "South Korea": "KR",
    "Spain": "ES",
    "Sri Lanka": "LK",
    "Sweden": "SE",
    "Switzerland": "CH",
    "Taiwan": "TW",
    "Thailand": "TH",
    "Turkey": "TR",
    "Türkiye": "TR",
    "Ukraine": "UA",
    "United Arab Emirates": "AE",
    "United Kingdom": "GB",
    "United States": "US",
    "Uruguay": "UY",
    "Vietnam": "VN",
}

_ALIASES = {
    "america": "United States",
    "czech": "Czech Republic",
    "england": "United Kingdom",
    "great britain": "United Kingdom",
    "holland": "Netherlands",
    "hong kong sar": "Hong Kong",
    "hong kong sar china": "Hong Kong",
    "korea": "South Korea",
    "korea, republic of": "South Korea",
    "northern ireland": "United Kingdom",
    "republic of ireland": "Ireland",
    "republic of korea": "South Korea",
    "scotland": "United Kingdom",
    "taiwan, province of china": "Taiwan",
    "the netherlands": "Netherlands",
    "turkiye": "Türkiye",
    "uae": "United Arab Emirates",
    "uk": "United Kingdom",
    "united states of america": "United States",
    "us": "United States",
    "usa": "United States",
    "viet nam": "Vietnam",
    "wales": "United Kingdom",
}


def country_name(given: str) -> str:
    """The name that the holidays seed has for a country, whatever its case; `given` where it has none."""
    known = {name.casefold(): name for name in COUNTRY_CODES}
    key = given.strip().casefold()
    return known.get(key) or _ALIASES.get(key) or given.strip()


def without_holidays(countries: Iterable[str]) -> list[str]:
    """Say for each country that the holidays seed lacks what that means and what to do."""
    return [
        f"country {name}: no holidays of it are in seeds/holidays.csv, so that forecasts know none; "
        + (
            "the files do not name the country"
            if name == "unknown"
            else "add it to gold/countries.py and run python -m wanderbricks_ml.gold.holidays"
        )
        for name in sorted(set(countries) - set(COUNTRY_CODES))
    ]
