"""Gold tables of what was read from Inside Airbnb."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pyarrow as pa

from wanderbricks_ml.gold.contract import GOLD_SCHEMAS
from wanderbricks_ml.gold.derived import booking_daily, calendar
from wanderbricks_ml.importers import (
    DAYS_AHEAD,
)

DESTINATION = """
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

PROPERTY_VERSION = """
create table property_version as
with check_ins as (
    select
        property_id,
        min(check_in_date) as check_in_date,
        max(check_in_date) as last_check_in
    from stay
    group by property_id
),

origin as (
    select
        listing.property_id,
        least(
            min(listing.first_review), min(check_ins.check_in_date), min(listing.last_scraped)
        ) as created_at
    from listing
    left join check_ins on listing.property_id = check_ins.property_id
    group by listing.property_id
),

-- Gone for good: in no file of a later scrape. One that comes back was hidden, and has stayed.
scrapes as (
    select distinct snapshot_began from listing
),

gone as (
    select
        seen.property_id,
        greatest(min(scrapes.snapshot_began), max(check_ins.last_check_in) + 1) as gone_on
    from (
        select property_id, max(snapshot_date) as seen_until from listing group by property_id
    ) as seen
    inner join scrapes on seen.seen_until < scrapes.snapshot_began
    left join check_ins on seen.property_id = check_ins.property_id
    group by seen.property_id
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
        coalesce(lead(last_scraped) over by_scrape, gone.gone_on) as replaced_on
    from changes
    inner join origin on changes.property_id = origin.property_id
    left join gone on changes.property_id = gone.property_id
    window by_scrape as (partition by changes.property_id order by last_scraped)
)

select
    * exclude (described),
    case when version = 1 then created_at else last_scraped end as effective_from
from numbered
"""

HOST_VERSION = """
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


def gold_tables(connection: duckdb.DuckDBPyConnection, country: str) -> dict[str, pa.Table]:
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
        "dim_date": calendar(first, last + timedelta(days=DAYS_AHEAD)),
        "fact_booking_daily": booking_daily(tables["fact_booking_detail"]),
        "fact_property_engagement": GOLD_SCHEMAS["fact_property_engagement"].empty_table(),
    }
