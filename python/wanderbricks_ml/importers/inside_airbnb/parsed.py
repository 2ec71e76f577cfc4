"""Listings and reviews of Inside Airbnb, read: typed, gaps filled, and dropped rows marked."""

from __future__ import annotations

LISTING_REQUIRED = [
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
LISTING_OPTIONAL = [
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
REVIEW_REQUIRED = ["listing_id", "id", "date", "reviewer_id"]
CALENDAR_REQUIRED = ["listing_id", "price"]

MACROS = """
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

LISTING_PARSED = """
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

LISTING_READABLE = """
create table listing_readable as
select *
from listing_parsed
where property_id is not null
    and host_id is not null
    and last_scraped is not null
    and destination is not null
"""

LISTING = """
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
    from price_sources
)

select * from final order by property_id, last_scraped
"""

REVIEW = """
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
