"""Listings and reviews of Inside Airbnb, read: typed, gaps filled, and dropped rows marked."""

from __future__ import annotations

from wanderbricks_ml.importers.columns import Column

LISTING_COLUMNS = [
    Column("id", "id", is_required=True),
    Column("last_scraped", "date", is_required=True),
    Column("host_id", "id", is_required=True),
    Column("neighbourhood_cleansed", is_required=True),
    Column("room_type", is_required=True),
    Column("accommodates", "whole", is_required=True),
    Column("price", "money", is_required=True),
    Column("minimum_nights", "whole", is_required=True),
    # Published in some years only, or blanked by those who pass the files on.
    Column("scrape_id"),
    Column("name"),
    Column("host_name"),
    Column("host_since", "date"),
    Column("host_location"),
    Column("host_identity_verified", "flag"),
    Column("neighbourhood"),
    Column("neighbourhood_group_cleansed"),
    Column("latitude", "number"),
    Column("longitude", "number"),
    Column("bathrooms", "number"),
    Column("bathrooms_text"),
    Column("bedrooms", "whole"),
    Column("first_review", "date"),
    Column("review_scores_rating", "number"),
]
REVIEW_COLUMNS = [
    Column("listing_id", "id", is_required=True),
    Column("id", "id", is_required=True),
    Column("date", "date", is_required=True),
    Column("reviewer_id", "id", is_required=True),
    Column("reviewer_name"),
]
CALENDAR_COLUMNS = [Column("listing_id", "id", is_required=True), Column("price", "money", is_required=True)]

MACROS = """
-- "Austin, TX" is how places in the United States are written; a lone "US" names no country.
create macro country_of(place) as
    case
        when regexp_matches(place, ',\\s*[A-Z]{2}\\s*$') then 'United States'
        when regexp_matches(trim(place), '^[A-Z]{2}$') then null
        else nullif(trim(split_part(place, ',', -1)), '')
    end;
"""

LISTING_PARSED = """
create table listing_parsed as
select
    id as property_id,
    host_id,
    last_scraped,
    neighbourhood_cleansed as destination,
    neighbourhood_group_cleansed as destination_group,
    neighbourhood,
    host_location,
    host_name,
    host_since,
    coalesce(host_identity_verified, false) as host_is_verified,
    review_scores_rating as rating_given,
    -- Scores went from 20 to 100 until 2021. No scrape mixes scales, so that a typing error changes none.
    case
        when median(review_scores_rating) over (partition by file_number, scrape_id) > 10 then 100
        when median(review_scores_rating) over (partition by file_number, scrape_id) > 5 then 10
        else 5
    end as rating_scale,
    coalesce(room_type, 'unknown') as property_type,
    -- What no home has counts as missing.
    case when accommodates between 1 and 500 then accommodates end as accommodates,
    minimum_nights,
    case when bedrooms between 0 and 200 then bedrooms end as bedrooms_given,
    case
        when regexp_matches(name, '\\d+\\s*bedroom', 'i')
            then try_cast(regexp_extract(name, '(\\d+)\\s*bedroom', 1, 'i') as int)
        when regexp_matches(name, '\\bstudio\\b', 'i') then 0
    end as bedrooms_in_name,
    try_cast(
        ceil(
            coalesce(
                case when bathrooms between 0 and 200 then bathrooms end,
                try_cast(regexp_extract(bathrooms_text, '\\d+(\\.\\d+)?') as double),
                case when regexp_matches(bathrooms_text, 'half', 'i') then 1 end
            )
        ) as int
    ) as bathrooms_given,
    case when price > 0 and not price_is_absurd then price end as price,
    price_is_absurd,
    case when latitude between -90 and 90 then cast(latitude as float) end as latitude,
    case when longitude between -180 and 180 then cast(longitude as float) end as longitude,
    first_review,
    min(last_scraped) over (partition by file_number) as snapshot_began,
    max(last_scraped) over (partition by file_number) as snapshot_date,
    record,
    file_number,
    line
from (
    select
        *,
        coalesce(
            price > 100 * median(price) filter (price > 0) over (partition by file_number), false
        ) as price_is_absurd
    from listing_read
)
"""

LISTING_VERDICT = """
create table listing_verdict as
with judged as (
    select
        *,
        property_id is not null
            and host_id is not null
            and last_scraped is not null
            and destination is not null as is_readable
    from listing_parsed
)

select
    *,
    case
        when not is_readable then 'unreadable'
        when
            row_number() over (
                partition by property_id, last_scraped, record, is_readable order by file_number, line
            ) > 1
            then 'duplicate'
        when
            row_number() over (
                partition by property_id, last_scraped, is_readable order by file_number, line
            ) > 1
            then 'same listing'
        else 'kept'
    end as verdict
from judged
"""

LISTING = """
create table listing as
with single as (
    select * from listing_verdict where verdict = 'kept'
),

calendar_price as (
    select
        listing_id as property_id,
        cast(median(price) filter (price > 0) as decimal(18, 2)) as calendar_median
    from calendar_read
    group by 1
),

price_sources as (
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
        coalesce(
            median(price) over (partition by snapshot_date),
            -- Of the rows that lack a neighbourhood, too: it may be all there is.
            (select median(price) from listing_verdict)
        ) as overall_median
    from single
    left join calendar_price on single.property_id = calendar_price.property_id
),

final as (
    select
        property_id,
        host_id,
        last_scraped,
        snapshot_began,
        snapshot_date,
        destination,
        destination_group,
        host_name,
        host_since,
        host_is_verified,
        country_of(host_location) as host_country,
        country_of(case when contains(neighbourhood, ',') then neighbourhood end)
            as listing_country,
        cast(
            case when rating_given between 0 and rating_scale then rating_given * 5 / rating_scale end as decimal(9, 4)
        ) as rating,
        rating_given,
        rating_given is not null and rating_scale > 5 as rating_is_rescaled,
        property_type,
        coalesce(accommodates, 2) as max_guests,
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
        minimum_nights is null as nights_are_assumed,
        price_is_absurd,
        coalesce(minimum_nights > $max_nights, false) as stay_is_cut,
        latitude,
        longitude,
        first_review,
        case
            when row_number() over (partition by property_id order by last_scraped) = 1
                then date '0001-01-01'
            else last_scraped
        end as in_force_from
    from price_sources
)

select * from final order by property_id, last_scraped
"""

REVIEW = """
create table review as
with newest as (
    select
        file_number,
        row_number() over (order by max(date) desc nulls last, file_number) as age
    from review_read
    group by file_number
),

parsed as (
    select
        review_read.id as booking_id,
        review_read.listing_id as property_id,
        review_read.reviewer_id as user_id,
        review_read.date as review_date,
        review_read.reviewer_name,
        review_read.record,
        newest.age as file_age,
        review_read.line
    from review_read
    inner join newest on review_read.file_number = newest.file_number
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
            -- Scrapes repeat the reviews of earlier ones: the newest file's stands.
            when file_age > min(file_age) over (partition by booking_id, is_readable) then 'newer file'
            when row_number() over (partition by booking_id, is_readable, record order by file_age, line) > 1
                then 'duplicate'
            when row_number() over (partition by booking_id, is_readable order by file_age, line) > 1
                then 'same id'
            when property_id not in (select property_id from listing) then 'unknown listing'
            when review_date > (select max(last_scraped) from listing) then 'after scrape'
            else 'kept'
        end as verdict
    from judged
)

select * from final
"""

STAY = """
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
