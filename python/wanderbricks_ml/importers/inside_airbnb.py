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
    ``base_price`` is the listing's price; where that is empty (or 0), the first of these: the
    median of the listing's calendar prices (when a calendar is given), the price in an earlier
    snapshot, the median in the same snapshot of its neighbourhood and room type, of its room type,
    of all listings, and of all snapshots.
Guests
    ``guests_count`` is 2, or what the listing accommodates if less. A missing capacity is 2.
Users
    Reviewers, individual, from their first check-in on; their country is unknown.
Destinations
    The values of ``neighbourhood_cleansed``, numbered in alphabetical order. Their country is
    `country`; by default the most frequent last part of ``neighbourhood`` ("Bugis, Singapore"),
    else of ``host_location``, else ``unknown``.
Hosts
    ``rating`` is the mean ``review_scores_rating`` (0 to 5) of the host's listings in a snapshot.
    A host has joined on ``host_since``, or earlier when one of its listings is older.
Properties
    ``property_type`` is ``room_type``, which has four levels; the published ``property_type`` has
    about sixty, most of them with a handful of listings, and its wording changes over the years.
    Missing bedrooms are read from the name ("2 bedrooms", "Studio" is 0), else 1. Bathrooms are
    rounded up, a half-bath being 1, and shared ones count; missing, 1.
    A property exists from its first review, first check-in or first scrape, whichever is earliest.
Versions
    Snapshots of one city make SCD2 versions of hosts and properties: a new one only when a gold
    attribute has changed, from the scrape's date on. The first reaches back to the start of the
    entity, for nothing older is known.
Dropped, and counted
    Rows without a readable id, date, host or neighbourhood; second rows of one review, or of one
    listing and scrape date (the first stays); reviews of listings that are in no snapshot, and
    reviews dated after the last scrape.
Personal text
    Names become keyed hashes (see `identity`), ``unknown`` where blank. E-mail addresses and phone
    numbers are not published: ``unknown``. Titles and descriptions are not carried over.

Engagement is not published: fact_property_engagement is empty.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click
import duckdb
import pyarrow as pa

from wanderbricks_ml import gold, gold_derived
from wanderbricks_ml.importers import (
    DAYS_AHEAD,
    identity,
    labelled,
    load_csv,
    log_summary,
    scalar,
    verify_keys,
)

logger = logging.getLogger(__name__)

MAX_NIGHTS = 30

_LISTING_REQUIRED = [
    "id",
    "last_scraped",
    "host_id",
    "neighbourhood_cleansed",
    "room_type",
    "accommodates",
    "price",
    "minimum_nights",
]
# Published in some years only, or blanked by those who pass the files on.
_LISTING_OPTIONAL = [
    "name",
    "host_name",
    "host_since",
    "host_location",
    "host_identity_verified",
    "neighbourhood",
    "neighbourhood_group_cleansed",
    "latitude",
    "longitude",
    "bathrooms",
    "bathrooms_text",
    "bedrooms",
    "first_review",
    "review_scores_rating",
]
_REVIEW_REQUIRED = ["listing_id", "id", "date", "reviewer_id"]
_CALENDAR_REQUIRED = ["listing_id", "price"]

_MACROS = """
create macro filled(value) as nullif(trim(value), '');
create macro number(value) as try_cast(filled(value) as double);
create macro money(value) as
    nullif(try_cast(regexp_replace(value, '[^0-9.]', '', 'g') as decimal(18, 2)), 0);
-- "Austin, TX" is how places in the United States are written; a lone "US" names no country.
create macro country_of(place) as
    case
        when regexp_matches(place, ',\\s*[A-Z]{2}\\s*$') then 'United States'
        when regexp_matches(trim(place), '^[A-Z]{2}$') then null
        else filled(split_part(place, ',', -1))
    end;
"""

_LISTING_PARSED = """
create table listing_parsed as
select
    try_cast(id as bigint) as property_id,
    try_cast(host_id as bigint) as host_id,
    try_cast(last_scraped as date) as last_scraped,
    filled(neighbourhood_cleansed) as destination,
    filled(neighbourhood_group_cleansed) as destination_group,
    neighbourhood,
    host_location,
    filled(host_name) as host_name,
    try_cast(host_since as date) as host_since,
    coalesce(host_identity_verified = 't', false) as host_is_verified,
    try_cast(number(review_scores_rating) as decimal(9, 4)) as rating,
    coalesce(filled(room_type), 'unknown') as property_type,
    try_cast(number(accommodates) as int) as accommodates,
    try_cast(number(minimum_nights) as int) as minimum_nights,
    try_cast(number(bedrooms) as int) as bedrooms_given,
    case
        when regexp_matches(name, '\\d+\\s*bedroom', 'i')
            then try_cast(regexp_extract(name, '(\\d+)\\s*bedroom', 1, 'i') as int)
        when regexp_matches(name, '\\bstudio\\b', 'i') then 0
    end as bedrooms_in_name,
    try_cast(
        ceil(
            coalesce(
                number(bathrooms),
                try_cast(regexp_extract(bathrooms_text, '\\d+(\\.\\d+)?') as double),
                case when regexp_matches(bathrooms_text, 'half', 'i') then 1 end
            )
        ) as int
    ) as bathrooms_given,
    money(price) as price,
    try_cast(number(latitude) as float) as latitude,
    try_cast(number(longitude) as float) as longitude,
    try_cast(first_review as date) as first_review,
    max(try_cast(last_scraped as date)) over (partition by file_number) as snapshot_date,
    file_number,
    line
from listing_read
"""

_LISTING_READABLE = """
create table listing_readable as
select *
from listing_parsed
where property_id is not null
    and host_id is not null
    and last_scraped is not null
    and destination is not null
"""

_LISTING = """
create table listing as
with single as (
    select *
    from listing_readable
    qualify
        row_number() over (partition by property_id, last_scraped order by file_number, line) = 1
),

calendar_price as (
    select
        try_cast(listing_id as bigint) as property_id,
        cast(median(money(price)) as decimal(18, 2)) as calendar_median
    from calendar_read
    group by 1
),

price_candidates as (
    select
        single.*,
        calendar_price.calendar_median,
        last_value(price ignore nulls) over (
            partition by single.property_id
            order by last_scraped
            rows between unbounded preceding and 1 preceding
        ) as earlier_price,
        median(price) over (partition by snapshot_date, destination, property_type)
            as neighbourhood_median,
        median(price) over (partition by snapshot_date, property_type) as room_type_median,
        coalesce(median(price) over (partition by snapshot_date), median(price) over ())
            as overall_median
    from single
    left join calendar_price on single.property_id = calendar_price.property_id
),

final as (
    select
        property_id,
        host_id,
        last_scraped,
        snapshot_date,
        destination,
        destination_group,
        host_name,
        host_since,
        host_is_verified,
        country_of(host_location) as host_country,
        country_of(case when contains(neighbourhood, ',') then neighbourhood end)
            as listing_country,
        rating,
        property_type,
        greatest(coalesce(accommodates, 2), 1) as max_guests,
        greatest(least(coalesce(minimum_nights, 1), $max_nights), 1) as nights,
        coalesce(bedrooms_given, bedrooms_in_name, 1) as bedrooms,
        coalesce(bathrooms_given, 1) as bathrooms,
        cast(
            coalesce(
                price,
                calendar_median,
                earlier_price,
                neighbourhood_median,
                room_type_median,
                overall_median
            ) as decimal(18, 2)
        ) as base_price,
        case
            when price is not null then 'listing'
            when calendar_median is not null then 'calendar'
            when earlier_price is not null then 'earlier snapshot'
            when neighbourhood_median is not null then 'neighbourhood'
            when room_type_median is not null then 'room type'
            else 'overall'
        end as price_source,
        case
            when bedrooms_given is not null then 'listing'
            when bedrooms_in_name is not null then 'name'
            else 'assumed'
        end as bedrooms_source,
        bathrooms_given is null as bathrooms_are_assumed,
        accommodates is null as capacity_is_assumed,
        coalesce(minimum_nights > $max_nights, false) as stay_is_cut,
        latitude,
        longitude,
        first_review,
        case
            when row_number() over (partition by property_id order by last_scraped) = 1
                then date '0001-01-01'
            else last_scraped
        end as in_force_from
    from price_candidates
)

select * from final order by property_id, last_scraped
"""

_REVIEW = """
create table review as
with parsed as (
    select
        try_cast(id as bigint) as booking_id,
        try_cast(listing_id as bigint) as property_id,
        try_cast(reviewer_id as bigint) as user_id,
        try_cast(date as date) as review_date,
        filled(reviewer_name) as reviewer_name,
        rowid as line
    from review_read
),

judged as (
    select
        parsed.*,
        booking_id is not null
            and property_id is not null
            and user_id is not null
            and review_date is not null as is_readable
    from parsed
),

final as (
    select
        booking_id,
        property_id,
        user_id,
        review_date,
        reviewer_name,
        case
            when not is_readable then 'unreadable'
            when row_number() over (partition by booking_id, is_readable order by line) > 1
                then 'duplicate'
            when property_id not in (select property_id from listing) then 'unknown listing'
            when review_date > (select max(last_scraped) from listing) then 'after scrape'
            else 'kept'
        end as verdict
    from judged
)

select * from final
"""

_STAY = """
create table stay as
select
    review.booking_id,
    review.property_id,
    review.user_id,
    review.reviewer_name,
    cast(review.review_date - listing.nights as date) as check_in_date,
    review.review_date as check_out_date,
    listing.nights,
    listing.stay_is_cut
from review
asof join listing
    on review.property_id = listing.property_id and review.review_date >= listing.in_force_from
where review.verdict = 'kept'
"""

_DESTINATION = """
create table destination as
select
    cast(dense_rank() over (order by destination) as bigint) as destination_id,
    destination,
    mode(destination_group order by destination_group) as state_or_province,
    min(last_scraped) as first_scraped,
    max(last_scraped) as last_scraped
from listing
group by destination
"""

_PROPERTY_VERSION = """
create table property_version as
with first_check_in as (
    select property_id, min(check_in_date) as check_in_date
    from stay
    group by property_id
),

origin as (
    select
        listing.property_id,
        least(
            min(listing.first_review), min(first_check_in.check_in_date), min(listing.last_scraped)
        ) as created_at
    from listing
    left join first_check_in on listing.property_id = first_check_in.property_id
    group by listing.property_id
),

attributes as (
    select
        *,
        row(
            host_id, destination, base_price, property_type, max_guests, bedrooms, bathrooms,
            latitude, longitude
        ) as described
    from listing
),

changes as (
    select *
    from attributes
    window by_scrape as (partition by property_id order by last_scraped)
    qualify
        row_number() over by_scrape = 1
        or described is distinct from lag(described) over by_scrape
),

numbered as (
    select
        changes.*,
        origin.created_at,
        row_number() over by_scrape as version,
        lead(last_scraped) over by_scrape as replaced_on
    from changes
    inner join origin on changes.property_id = origin.property_id
    window by_scrape as (partition by changes.property_id order by last_scraped)
)

select
    * exclude (described),
    case when version = 1 then created_at else last_scraped end as effective_from
from numbered
"""

_HOST_VERSION = """
create table host_version as
with snapshots as (
    select
        host_id,
        snapshot_date,
        arg_max(host_name, property_id) as host_name,
        coalesce(arg_max(host_country, property_id), 'unknown') as country,
        bool_or(host_is_verified) as is_verified,
        cast(avg(rating) as float) as rating,
        min(host_since) as host_since
    from listing
    group by host_id, snapshot_date
),

origin as (
    select
        snapshots.host_id,
        least(min(snapshots.host_since), min(property_version.effective_from)) as joined_at
    from snapshots
    left join property_version on snapshots.host_id = property_version.host_id
    group by snapshots.host_id
),

attributes as (
    select *, row(host_name, country, is_verified, rating) as described
    from snapshots
),

changes as (
    select *
    from attributes
    window by_scrape as (partition by host_id order by snapshot_date)
    qualify
        row_number() over by_scrape = 1
        or described is distinct from lag(described) over by_scrape
),

numbered as (
    select
        changes.*,
        origin.joined_at,
        row_number() over by_scrape as version,
        lead(snapshot_date) over by_scrape as replaced_on
    from changes
    inner join origin on changes.host_id = origin.host_id
    window by_scrape as (partition by changes.host_id order by snapshot_date)
)

select
    * exclude (described),
    case when version = 1 then joined_at else snapshot_date end as effective_from
from numbered
"""

_GOLD = {
    "dim_user": """
        with reviewers as (
            select
                user_id,
                arg_max(reviewer_name, booking_id) as reviewer_name,
                min(check_in_date) as created_at
            from stay
            group by user_id
        )

        select
            'user-' || user_id || '-1' as user_key,
            user_id,
            'unknown' as email,
            coalesce(pseudonym.hash, 'unknown') as name,
            'unknown' as country,
            'individual' as user_type,
            false as is_business,
            cast(null as varchar) as company_name,
            created_at,
            cast(created_at as timestamp) as effective_from,
            cast(null as timestamp) as effective_to,
            true as is_current,
            cast(scrape.last_scraped as timestamp) as record_created_timestamp,
            cast(scrape.last_scraped as timestamp) as record_updated_timestamp
        from reviewers
        left join pseudonym on reviewers.reviewer_name = pseudonym.text
        cross join (select max(last_scraped) as last_scraped from listing) as scrape
        order by user_id
    """,
    "dim_host": """
        select
            'host-' || host_id || '-' || version as host_key,
            host_id,
            coalesce(pseudonym.hash, 'unknown') as name,
            'unknown' as email,
            'unknown' as phone,
            is_verified,
            true as is_active,
            rating,
            country,
            joined_at,
            cast(effective_from as timestamp) as effective_from,
            cast(replaced_on as timestamp) as effective_to,
            replaced_on is null as is_current,
            cast(snapshot_date as timestamp) as record_created_timestamp,
            cast(coalesce(replaced_on, snapshot_date) as timestamp) as record_updated_timestamp
        from host_version
        left join pseudonym on host_version.host_name = pseudonym.text
        order by host_id, version
    """,
    "dim_property": """
        select
            'property-' || property_id || '-' || version as property_key,
            property_id,
            host_id,
            destination.destination_id,
            property_type || ' ' || property_id as title,
            cast(null as varchar) as description,
            base_price,
            property_type,
            max_guests,
            bedrooms,
            bathrooms,
            latitude as property_latitude,
            longitude as property_longitude,
            created_at,
            cast(effective_from as timestamp) as effective_from,
            cast(replaced_on as timestamp) as effective_to,
            replaced_on is null as is_current,
            cast(property_version.last_scraped as timestamp) as record_created_timestamp,
            cast(coalesce(replaced_on, property_version.last_scraped) as timestamp)
                as record_updated_timestamp
        from property_version
        inner join destination on property_version.destination = destination.destination
        order by property_id, version
    """,
    "dim_destination": """
        select
            destination_id,
            destination,
            $country as country,
            state_or_province,
            cast(null as varchar) as state_or_province_code,
            cast(null as varchar) as description,
            cast(first_scraped as timestamp) as record_created_timestamp,
            cast(last_scraped as timestamp) as record_updated_timestamp
        from destination
        order by destination_id
    """,
    "fact_booking_detail": """
        with priced as (
            select
                stay.*,
                property_version.host_id,
                destination.destination_id,
                cast(least(property_version.max_guests, 2) as int) as guests_count,
                cast(property_version.base_price * stay.nights as decimal(18, 2)) as amount,
                cast(stay.check_in_date as timestamp) as created_at
            from stay
            asof join property_version
                on stay.property_id = property_version.property_id
                and stay.check_in_date >= property_version.effective_from
            inner join destination on property_version.destination = destination.destination
        )

        select
            booking_id,
            user_id,
            host_id,
            property_id,
            destination_id,
            check_in_date,
            check_out_date,
            guests_count,
            nights as nights_booked,
            amount as total_amount,
            amount as payment_amount,
            cast(null as varchar) as payment_method,
            'completed' as status,
            created_at,
            created_at as updated_at,
            0 as days_between_booking_and_checkin,
            false as is_cancelled,
            false as is_business_booking,
            created_at as record_created_timestamp,
            created_at as record_updated_timestamp
        from priced
        order by booking_id
    """,
}


@dataclass(frozen=True)
class InsideAirbnbCounts:
    """What an import read, kept, assumed and dropped: numbers of rows."""

    listing_rows_read: int = labelled("listing rows read, all snapshots")
    listing_rows_unreadable: int = labelled("dropped: no id, host, neighbourhood or scrape date")
    listing_rows_duplicate: int = labelled("dropped: listing given twice for a scrape date")
    properties: int = labelled("properties kept")
    property_versions: int = labelled("property versions")
    hosts: int = labelled("hosts")
    host_versions: int = labelled("host versions")
    destinations: int = labelled("destinations")
    prices_from_calendar: int = labelled("empty price: calendar's median")
    prices_from_earlier_snapshot: int = labelled("empty price: that of an earlier snapshot")
    prices_from_neighbourhood: int = labelled("empty price: median of neighbourhood and room type")
    prices_from_room_type: int = labelled("empty price: median of room type")
    prices_from_all: int = labelled("empty price: median of all")
    bedrooms_from_name: int = labelled("bedrooms missing: read from the name")
    bedrooms_assumed: int = labelled("bedrooms missing: taken as 1")
    bathrooms_assumed: int = labelled("bathrooms missing: taken as 1")
    capacity_assumed: int = labelled("capacity missing: taken as 2 guests")
    review_rows_read: int = labelled("review rows read")
    reviews_unreadable: int = labelled("dropped: no id, listing, reviewer or date")
    reviews_duplicate: int = labelled("dropped: review given twice")
    reviews_of_unknown_listing: int = labelled("dropped: listing in no snapshot")
    reviews_after_scrape: int = labelled("dropped: dated after the last scrape")
    bookings: int = labelled("bookings kept")
    bookings_with_stay_cut: int = labelled("bookings whose minimum stay is above the bound")
    users: int = labelled("users")
    names_hashed: int = labelled("distinct names hashed")
    country: str = "unknown"
    hash_key_is_temporary: bool = False


def import_inside_airbnb(
    listings: Sequence[Path],
    reviews: Path,
    out: Path,
    calendar: Path | None = None,
    country: str | None = None,
    max_nights: int = MAX_NIGHTS,
) -> InsideAirbnbCounts:
    """Write gold from Inside Airbnb's detailed files of one city, by the rules of this module.

    Parameters
    ----------
    listings
        ``listings.csv`` or ``.csv.gz``, one file per snapshot, in any order.
    reviews
        ``reviews.csv`` or ``.csv.gz`` of the latest snapshot.
    out
        Folder for the gold tables.
    calendar
        ``calendar.csv`` or ``.csv.gz``; its prices stand in for empty ones.
    country
        English name of the city's country; derived from the listings when not given.
    max_nights
        Longest stay to assume, in nights, at least 1.

    Returns
    -------
    InsideAirbnbCounts
        Rows read, kept, and dropped or assumed by each rule.

    Raises
    ------
    click.ClickException
        When a file cannot be used; names the file and the columns.
    """
    with duckdb.connect() as connection:
        connection.execute(_MACROS)
        listing_rows = _read_listings(connection, listings)
        review_rows = load_csv(connection, reviews, "review_read", _REVIEW_REQUIRED, ["reviewer_name"])
        if calendar is None:
            connection.execute("create table calendar_read (listing_id varchar, price varchar)")
        else:
            load_csv(connection, calendar, "calendar_read", _CALENDAR_REQUIRED)

        files = ", ".join(str(path) for path in listings)
        connection.execute(_LISTING_PARSED)
        connection.execute(_LISTING_READABLE)
        connection.execute(_LISTING, {"max_nights": max_nights})
        if not scalar(connection, "select count(*) from listing"):
            raise click.ClickException(
                f"{files}: no row is left; id, host_id, last_scraped or neighbourhood_cleansed is "
                "unreadable in every one"
            )
        if scalar(connection, "select count(*) from listing where base_price is null"):
            raise click.ClickException(
                f"{files}: no value of the column price can be read"
                + ("; a calendar may hold them (--calendar)" if calendar is None else "")
            )
        connection.execute(_REVIEW)
        verdicts = _tally(connection, "review", "verdict")
        if not verdicts.get("kept"):
            dropped = ", ".join(f"{rows:,} {verdict}" for verdict, rows in sorted(verdicts.items()))
            raise click.ClickException(
                f"{reviews}: no row is left ({dropped}); check that the columns listing_id and date belong to {files}"
            )
        for statement in [_STAY, _DESTINATION, _PROPERTY_VERSION, _HOST_VERSION]:
            connection.execute(statement)

        country = country or _most_frequent_country(connection)
        key = identity.hashing_key()
        names_hashed = _register_pseudonyms(connection, key)
        tables = _gold_tables(connection, country)
        prices = _tally(connection, "listing", "price_source")
        bedrooms = _tally(connection, "listing", "bedrooms_source")
        counts = InsideAirbnbCounts(
            listing_rows_read=listing_rows,
            listing_rows_unreadable=listing_rows - scalar(connection, "select count(*) from listing_readable"),
            listing_rows_duplicate=scalar(
                connection,
                "select (select count(*) from listing_readable) - (select count(*) from listing)",
            ),
            properties=scalar(connection, "select count(distinct property_id) from listing"),
            property_versions=tables["dim_property"].num_rows,
            hosts=scalar(connection, "select count(distinct host_id) from listing"),
            host_versions=tables["dim_host"].num_rows,
            destinations=tables["dim_destination"].num_rows,
            prices_from_calendar=prices.get("calendar", 0),
            prices_from_earlier_snapshot=prices.get("earlier snapshot", 0),
            prices_from_neighbourhood=prices.get("neighbourhood", 0),
            prices_from_room_type=prices.get("room type", 0),
            prices_from_all=prices.get("overall", 0),
            bedrooms_from_name=bedrooms.get("name", 0),
            bedrooms_assumed=bedrooms.get("assumed", 0),
            bathrooms_assumed=scalar(connection, "select count(*) from listing where bathrooms_are_assumed"),
            capacity_assumed=scalar(connection, "select count(*) from listing where capacity_is_assumed"),
            review_rows_read=review_rows,
            reviews_unreadable=verdicts.get("unreadable", 0),
            reviews_duplicate=verdicts.get("duplicate", 0),
            reviews_of_unknown_listing=verdicts.get("unknown listing", 0),
            reviews_after_scrape=verdicts.get("after scrape", 0),
            bookings=verdicts["kept"],
            bookings_with_stay_cut=scalar(connection, "select count(*) from stay where stay_is_cut"),
            users=tables["dim_user"].num_rows,
            names_hashed=names_hashed,
            country=country,
            hash_key_is_temporary=key.is_temporary,
        )
    verify_keys(tables)
    gold.write_gold(tables, out)
    log_summary("Inside Airbnb", counts)
    logger.info("Stays are bounded to %d nights; country: %s.", max_nights, country)
    if names_hashed and key.is_temporary:
        logger.info(
            "%s is not set: names were hashed under a key that is now forgotten, so they cannot be "
            "linked with another import.",
            identity.KEY_VARIABLE,
        )
    return counts


def _read_listings(connection: duckdb.DuckDBPyConnection, listings: Sequence[Path]) -> int:
    if not listings:
        raise click.ClickException("at least one listings file is needed")
    rows = [
        load_csv(connection, path, f"listing_file_{number}", _LISTING_REQUIRED, _LISTING_OPTIONAL)
        for number, path in enumerate(listings)
    ]
    parts = [
        f"select {number} as file_number, rowid as line, * from listing_file_{number}"
        for number in range(len(listings))
    ]
    connection.execute("create table listing_read as " + " union all ".join(parts))
    return sum(rows)


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


def _gold_tables(connection: duckdb.DuckDBPyConnection, country: str) -> dict[str, pa.Table]:
    tables = {
        name: connection.sql(query, params={"country": country} if "$country" in query else {}).to_arrow_table()
        for name, query in _GOLD.items()
    }
    ((first, last),) = connection.execute(
        """
        select
            least(
                (select min(effective_from) from property_version),
                (select min(effective_from) from host_version)
            ),
            greatest(
                (select max(check_out_date) from stay), (select max(last_scraped) from listing)
            )
        """
    ).fetchall()
    return tables | {
        "dim_date": gold_derived.calendar(first, last + timedelta(days=DAYS_AHEAD)),
        "fact_booking_daily": gold_derived.booking_daily(tables["fact_booking_detail"]),
        "fact_property_engagement": gold.GOLD_SCHEMAS["fact_property_engagement"].empty_table(),
    }
