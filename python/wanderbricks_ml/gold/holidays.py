"""Writes ``seeds/holidays.csv``: ``python -m wanderbricks_ml.gold.holidays``, from the project.

Run it again to add years or countries, and commit the CSV; builds read only that.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

import holidays

from wanderbricks_ml.gold.countries import COUNTRY_CODES

logger = logging.getLogger(__name__)

CSV = Path("seeds/holidays.csv")
YEARS = range(2010, 2031)

# The August and Easter Monday bank holidays exist in most of the United Kingdom, not in all of it.
SUBDIVISIONS: Mapping[str, str] = {"GB": "ENG"}


class Holiday(NamedTuple):
    """One row of the seed; several holidays on one date share the row."""

    country: str
    holiday_date: date
    holiday_name: str


def public_holidays(years: range = YEARS) -> Iterator[Holiday]:
    """Yield the nation-wide public holidays, England's for the UK, by country and date.

    Parameters
    ----------
    years
        Calendar years to cover.
    """
    for country, code in COUNTRY_CODES.items():
        calendar = holidays.country_holidays(code, subdiv=SUBDIVISIONS.get(code), years=years, language=english(code))
        for day in sorted(calendar):
            yield Holiday(country, day, "; ".join(calendar.get_list(day)))


def english(code: str) -> str | None:
    """Name the English variant in which country `code` is translated; None where it is original."""
    offered = holidays.country_holidays(code).supported_languages
    return next((language for language in ("en_US", "en_GB", "en") if language in offered), None)


def write(path: Path = CSV, years: range = YEARS) -> int:
    """Write the seed to `path` and return its number of rows."""
    rows = list(public_holidays(years))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Holiday._fields)
        writer.writerows(rows)
    return len(rows)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logger.info("%s: %d rows", CSV, write())
