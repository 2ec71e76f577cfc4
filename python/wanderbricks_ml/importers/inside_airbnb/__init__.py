"""Inside Airbnb's listings, reviews and calendar as gold: a review stands for a completed booking.

Airbnb publishes no bookings. What is a fact in gold is here partly an assumption:

Bookings
    Each review is one booking, status ``completed``, never cancelled. Guests who write no review
    are not seen. ``booking_id`` is the review's id, ``user_id`` the reviewer's.
Dates
    ``check_out_date`` is the day of the review. The length of the stay is the listing's minimum
    stay in the snapshot in force that day (before the first snapshot: the first), bounded to 1 to
    `max_nights` nights, 30 by default; ``check_in_date`` is that many nights before the review.
    Minimum stays are today's: a city that has ruled out short lets since shows long stays in the
    past too, and a lower `max_nights` is then nearer to the truth. Lead time is unknown and taken
    as 0: ``created_at`` and ``updated_at`` are check-in at 00:00.
Money
    ``total_amount`` is the price per night in force on check-in, times nights; it is paid in full.
    ``base_price`` is the listing's price; where that is empty, 0 or above 100 times the median of
    its snapshot (a slip of the pen), the first of these: the
    median of the listing's calendar prices (when a calendar is given), the price in an earlier
    snapshot, the median in the same snapshot of its neighbourhood and room type, of its room type,
    of all listings, and of all snapshots (rows that are dropped included).
Guests
    ``guests_count`` is 2, or what the listing accommodates if less. A missing capacity is 2.
Users
    Reviewers, individual, from their first check-in on; their country is unknown.
Destinations
    The values of ``neighbourhood_cleansed``, numbered in alphabetical order. Their country is
    `country`; by default the most frequent last part of ``neighbourhood`` ("Bugis, Singapore"),
    else of ``host_location``, else ``unknown``.
Hosts
    ``rating`` is the mean ``review_scores_rating`` of the host's listings in a snapshot, 0 to 5. Scrapes until 2021
    have scores of 20 to 100: where the median of a scrape is above 5, its scores are taken for tenths, and above 10 for
    hundredths of the whole. What is beyond its scale counts as missing.
    A host has joined on ``host_since``, or earlier when one of its listings is older.
Properties
    ``property_type`` is ``room_type``, which has four levels; the published ``property_type`` has
    about sixty, most of them with a handful of listings, and its wording changes over the years.
    Missing bedrooms are read from the name ("2 bedrooms", "Studio" is 0), else 1. Bathrooms are
    rounded up, a half-bath being 1, and shared ones count; missing, 1. More than 500 guests, 200 rooms and coordinates
    off the globe count as missing.
    A property exists from its first review, first check-in or first scrape, whichever is earliest.
Versions
    Snapshots of one city make SCD2 versions of hosts and properties: a new one only when a gold
    attribute has changed, from the scrape's date on. The first reaches back to the start of the
    entity, for nothing older is known. A property's last version ends on the first day of the first scrape
    that, with all later ones, lacks it, or the day after its last check-in where that is later. One that
    comes back was only hidden. Hosts do not end.
Dropped, and counted
    Rows without a readable id, date, host or neighbourhood; second rows of one review, or of one
    listing and scrape date (the first stays; those that equal it in every column are counted apart from
    those that do not); reviews dated after the last scrape.
Scrapes of one city
    Reviews of several scrapes are one set: a review that several files have is the newest file's, and counts once. A
    scrape has the reviews of the listings that it has, so that those of a listing that is gone are in earlier files
    alone; they are kept where one of the listings files has the listing. Without a row there are no host, place and
    price, nothing of which can be told from a review: its reviews are dropped and counted. Name the listings of the
    scrapes whose reviews you name.
Personal text
    Names become keyed hashes (see `identity`), ``unknown`` where blank. E-mail addresses and phone
    numbers are not published: ``unknown``. Titles and descriptions are not carried over.

Engagement is not published: fact_property_engagement is empty.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import duckdb

from wanderbricks_ml.gold.contract import write_gold
from wanderbricks_ml.gold.countries import country_name, without_holidays
from wanderbricks_ml.importers import identity, scalar, verify_keys
from wanderbricks_ml.importers.columns import Column
from wanderbricks_ml.importers.inside_airbnb.parsed import (
    CALENDAR_COLUMNS,
    LISTING,
    LISTING_COLUMNS,
    LISTING_PARSED,
    LISTING_VERDICT,
    MACROS,
    REVIEW,
    REVIEW_COLUMNS,
    STAY,
)
from wanderbricks_ml.importers.inside_airbnb.tables import DESTINATION, HOST_VERSION, PROPERTY_VERSION, gold_tables
from wanderbricks_ml.importers.reading import Reading, ReadOptions, load_csv
from wanderbricks_ml.importers.summary import MAX_SHARE, labelled, log_summary

logger = logging.getLogger(__name__)

MAX_NIGHTS = 30


@dataclass(frozen=True)
class InsideAirbnbCounts:
    """What an import read, kept, assumed and dropped: numbers of rows."""

    listing_rows_read: int = labelled("listing rows read, all snapshots")
    listing_rows_unreadable: int = labelled(
        "dropped: no id, host, neighbourhood or scrape date", of="listing_rows_read"
    )
    listing_rows_duplicate: int = labelled("dropped: listing given twice for a scrape date", of="listing_rows_read")
    listing_rows_conflicting: int = labelled(
        "dropped: listing given for a scrape date before, otherwise", of="listing_rows_read"
    )
    properties: int = labelled("properties kept")
    properties_gone: int = labelled(
        "properties gone from a later scrape: ended there", of="properties", may_be_all=True
    )
    property_versions: int = labelled("property versions")
    hosts: int = labelled("hosts")
    host_versions: int = labelled("host versions")
    destinations: int = labelled("destinations")
    prices_absurd: int = labelled("price above 100 times the snapshot's median: as if empty", of="listing_rows_read")
    prices_from_calendar: int = labelled("empty price: calendar's median")
    prices_from_earlier_snapshot: int = labelled("empty price: that of an earlier snapshot")
    prices_from_neighbourhood: int = labelled("empty price: median of neighbourhood and room type")
    prices_from_room_type: int = labelled("empty price: median of room type")
    prices_from_all: int = labelled("empty price: median of all")
    prices_of_others: int = labelled("price taken from other listings", of="listing_rows_read")
    ratings_rescaled: int = labelled("ratings of 0 to 10 or 0 to 100: brought to 0 to 5")
    ratings_out_of_range: int = labelled("ratings beyond their scale: missing", of="listing_rows_read")
    bedrooms_from_name: int = labelled("bedrooms missing: read from the name")
    bedrooms_assumed: int = labelled("bedrooms missing: taken as 1", of="listing_rows_read")
    bathrooms_assumed: int = labelled("bathrooms missing: taken as 1", of="listing_rows_read")
    capacity_assumed: int = labelled("capacity missing: taken as 2 guests", of="listing_rows_read")
    nights_assumed: int = labelled("minimum stay missing: taken as 1 night", of="listing_rows_read")
    review_rows_read: int = labelled("review rows read")
    reviews_unreadable: int = labelled("dropped: no id, listing, reviewer or date", of="review_rows_read")
    reviews_of_earlier_files: int = labelled("review given in a newer file, too: counted once")
    reviews_duplicate: int = labelled("dropped: review given twice", of="review_rows_read")
    reviews_conflicting: int = labelled("dropped: id of an earlier review, otherwise different", of="review_rows_read")
    reviews_of_unknown_listing: int = labelled("dropped: listing in none of the listings files", of="review_rows_read")
    reviews_after_scrape: int = labelled("dropped: dated after the last scrape", of="review_rows_read")
    bookings: int = labelled("bookings kept")
    bookings_with_stay_cut: int = labelled(
        "bookings whose minimum stay is above the bound", of="bookings", may_be_all=True
    )
    users: int = labelled("users")
    names_hashed: int = labelled("distinct names hashed")
    country: str = "unknown"
    hash_key_is_temporary: bool = False


def import_inside_airbnb(
    listings: Sequence[Path],
    reviews: Sequence[Path],
    out: Path,
    calendar: Path | None = None,
    country: str | None = None,
    max_nights: int = MAX_NIGHTS,
    max_odd: float = MAX_SHARE,
    options: ReadOptions | None = None,
) -> InsideAirbnbCounts:
    """Write gold from Inside Airbnb's detailed files of one city, by the rules of this module.

    Parameters
    ----------
    listings
        ``listings.csv`` or ``.csv.gz``, one file per snapshot, in any order.
    reviews
        ``reviews.csv`` or ``.csv.gz``, one file per snapshot, in any order; the latest has those of the listings that
        are still there.
    out
        Folder for the gold tables.
    calendar
        ``calendar.csv`` or ``.csv.gz``; its prices stand in for empty ones.
    country
        English name of the city's country; derived from the listings when not given.
    max_nights
        Longest stay to assume, in nights, at least 1.
    max_odd
        Largest share of rows that one rule may drop or adjust.
    options
        How to read what the files do not say themselves.

    Returns
    -------
    InsideAirbnbCounts
        Rows read, kept, and dropped or assumed by each rule.

    Raises
    ------
    click.ClickException
        When a file cannot be used, or a rule applies to more rows than `max_odd`; names the file and the columns.
        Nothing is written then.
    """
    with duckdb.connect() as connection:
        connection.execute(MACROS)
        readings = _read_files(connection, "listing", listings, LISTING_COLUMNS, options)
        listing_rows = sum(reading.rows for reading in readings)
        readings += _read_files(connection, "review", reviews, REVIEW_COLUMNS, options)
        review_rows = sum(reading.rows for reading in readings) - listing_rows
        if calendar is None:
            connection.execute("create table calendar_read (listing_id bigint, price decimal(18, 2))")
        else:
            readings.append(load_csv(connection, calendar, "calendar_read", CALENDAR_COLUMNS, options))

        files = ", ".join(str(path) for path in listings)
        connection.execute(LISTING_PARSED)
        connection.execute(LISTING_VERDICT)
        connection.execute(LISTING, {"max_nights": max_nights})
        if not scalar(connection, "select count(*) from listing"):
            raise click.ClickException(
                f"{files}: no row is left; id, host_id, last_scraped or neighbourhood_cleansed is "
                f"unreadable in every one{_unreadable(readings)}"
            )
        if scalar(connection, "select count(*) from listing where base_price is null"):
            raise click.ClickException(
                f"{files}: no value of the column price can be read"
                + ("; a calendar may hold them (--calendar)" if calendar is None else "")
                + _unreadable(readings)
            )
        connection.execute(REVIEW)
        verdicts = _tally(connection, "review", "verdict")
        if not verdicts.get("kept"):
            dropped = ", ".join(f"{rows:,} {verdict}" for verdict, rows in sorted(verdicts.items()))
            raise click.ClickException(
                f"{', '.join(map(str, reviews))}: no row is left ({dropped}); check that the columns listing_id and "
                f"date belong to {files}" + _unreadable(readings)
            )
        for statement in [STAY, DESTINATION, PROPERTY_VERSION, HOST_VERSION]:
            connection.execute(statement)

        country = country_name(country or _most_frequent_country(connection))
        key = identity.hashing_key()
        names_hashed = _register_pseudonyms(connection, key)
        tables = gold_tables(connection, country)
        listing_verdicts = _tally(connection, "listing_verdict", "verdict")
        prices = _tally(connection, "listing", "price_source")
        bedrooms = _tally(connection, "listing", "bedrooms_source")
        counts = InsideAirbnbCounts(
            listing_rows_read=listing_rows,
            listing_rows_unreadable=listing_verdicts.get("unreadable", 0),
            listing_rows_duplicate=listing_verdicts.get("duplicate", 0),
            listing_rows_conflicting=listing_verdicts.get("same listing", 0),
            properties=scalar(connection, "select count(distinct property_id) from listing"),
            properties_gone=scalar(
                connection,
                "select count(*) from (select max(replaced_on is null) as is_there from property_version "
                "group by property_id) where not is_there",
            ),
            property_versions=tables["dim_property"].num_rows,
            hosts=scalar(connection, "select count(distinct host_id) from listing"),
            host_versions=tables["dim_host"].num_rows,
            destinations=tables["dim_destination"].num_rows,
            prices_absurd=scalar(connection, "select count(*) from listing where price_is_absurd"),
            prices_from_calendar=prices.get("calendar", 0),
            prices_from_earlier_snapshot=prices.get("earlier snapshot", 0),
            prices_from_neighbourhood=prices.get("neighbourhood", 0),
            prices_from_room_type=prices.get("room type", 0),
            prices_from_all=prices.get("overall", 0),
            prices_of_others=sum(prices.get(source, 0) for source in ("neighbourhood", "room type", "overall")),
            ratings_rescaled=scalar(connection, "select count(*) from listing where rating_is_rescaled"),
            ratings_out_of_range=scalar(
                connection, "select count(*) from listing where rating is null and rating_given is not null"
            ),
            bedrooms_from_name=bedrooms.get("name", 0),
            bedrooms_assumed=bedrooms.get("assumed", 0),
            bathrooms_assumed=scalar(connection, "select count(*) from listing where bathrooms_are_assumed"),
            capacity_assumed=scalar(connection, "select count(*) from listing where capacity_is_assumed"),
            nights_assumed=scalar(connection, "select count(*) from listing where nights_are_assumed"),
            review_rows_read=review_rows,
            reviews_unreadable=verdicts.get("unreadable", 0),
            reviews_of_earlier_files=verdicts.get("newer file", 0),
            reviews_duplicate=verdicts.get("duplicate", 0),
            reviews_conflicting=verdicts.get("same id", 0),
            reviews_of_unknown_listing=verdicts.get("unknown listing", 0),
            reviews_after_scrape=verdicts.get("after scrape", 0),
            bookings=verdicts["kept"],
            bookings_with_stay_cut=scalar(connection, "select count(*) from stay where stay_is_cut"),
            users=tables["dim_user"].num_rows,
            names_hashed=names_hashed,
            country=country,
            hash_key_is_temporary=key.is_temporary,
        )
    log_summary("Inside Airbnb", counts, readings, max_odd, without_holidays([country]))
    verify_keys(tables)
    write_gold(tables, out)
    logger.info("Stays are bounded to %d nights; country: %s.", max_nights, country)
    if names_hashed and key.is_temporary:
        logger.info(
            "%s is not set: names were hashed under a key that is now forgotten, so they cannot be "
            "linked with another import.",
            identity.KEY_VARIABLE,
        )
    return counts


def _read_files(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    files: Sequence[Path],
    columns: Sequence[Column],
    options: ReadOptions | None,
) -> list[Reading]:
    """Read the files of all scrapes into one table, ``<kind>_read``, with number of file and line."""
    if not files:
        raise click.ClickException(f"at least one {kind}s file is needed")
    readings = [
        load_csv(connection, path, f"{kind}_file_{number}", columns, options) for number, path in enumerate(files)
    ]
    parts = [
        f"select {number} as file_number, rowid as line, * from {kind}_file_{number}" for number in range(len(files))
    ]
    connection.execute(f"create table {kind}_read as " + " union all ".join(parts))
    return readings


def _unreadable(readings: Sequence[Reading]) -> str:
    return "".join(f". {column}" for reading in readings for column in reading.unreadable)


def _tally(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> dict[str, int]:
    rows = connection.execute(f"select {column}, count(*) from {table} group by all").fetchall()
    return {str(value): int(number) for value, number in rows}


def _most_frequent_country(connection: duckdb.DuckDBPyConnection) -> str:
    return str(
        scalar(
            connection,
            """
            select
                coalesce(
                    mode(listing_country order by listing_country),
                    mode(host_country order by host_country),
                    'unknown'
                )
            from listing
            """,
        )
    )


def _register_pseudonyms(connection: duckdb.DuckDBPyConnection, key: identity.HashingKey) -> int:
    names = connection.sql(
        """
        select host_name as text from listing where host_name is not null
        union
        select reviewer_name from stay where reviewer_name is not null
        """
    ).to_arrow_table()
    hashes = identity.keyed_hash(names.column("text"), key)
    connection.register("pseudonym", names.append_column("hash", hashes))
    return int(names.num_rows)
