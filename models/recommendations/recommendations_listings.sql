{% set half_life = 60 %}

with decision as (

    select * from {{ ref('recommendations_retraining') }}

),

-- where nothing is to be scored, no fact is read
clock as (

    select as_of_date
    from decision
    where score_due

),

-- snapshots to learn from and to test on only when a fit is due
snapshots as (

    select splits.snapshot_date as as_of_date
    from {{ ref('recommendations_splits') }} as splits
    cross join decision
    where decision.fit_due or (splits.split = 'score' and decision.score_due)

),

versions as (

    select * from {{ ref('stg_property_texts') }}

),

listed as (

    select
        property_id,
        min(known_from) as known_from
    from versions
    group by property_id

),

spine as (

    select
        snapshots.as_of_date,
        listed.property_id
    from snapshots
    inner join listed on snapshots.as_of_date >= listed.known_from

),

described as (

    {{ as_of_join('spine', 'versions', ['property_id'], 'as_of_date', 'known_from', ['ended_date']) }}

),

featured as (

    {{ as_of_join('described', ref('property_features'), ['property_id'], 'as_of_date', 'feature_date', [
        'host_id', 'destination_id', 'property_type', 'base_price', 'max_guests', 'bedrooms', 'bathrooms',
        'listed_date', 'bookings_30d', 'bookings_90d', 'bookings_365d',
        'average_booking_value_365d', 'last_booking_date',
    ], wanted='spine') }}

),

-- prices of the market and the host's rating move where nothing of the property does
priced as (

    {{ as_of_join(
        'featured', ref('market_prices'), ['destination_id', 'property_type'], 'as_of_date', 'known_from', ['market_price'],
        wanted='featured'
    ) }}

),

host_versions as (

    select
        host_id,
        known_from,
        rating as host_rating,
        is_active,
        ended_date as host_ended_date
    from {{ ref('host_versions') }}

),

hosted as (

    {{ as_of_join(
        'priced', 'host_versions', ['host_id'], 'as_of_date', 'known_from',
        ['host_rating', 'is_active', 'host_ended_date']
    ) }}

),

bookings as (

    select * from {{ ref('stg_bookings') }}
    where created_date < (select as_of_date from clock)

),

booked as (

    select
        snapshots.as_of_date,
        bookings.property_id,
        count(*) as bookings_ever,
        coalesce(
            sum({{ decayed_weight(dbt.datediff('bookings.created_date', 'snapshots.as_of_date', 'day'), half_life) }})
            -- older ones count for less than a sixtieth
            filter (where snapshots.as_of_date <= bookings.created_date + 365), 0
        ) / 1e6 as popularity
    from snapshots
    inner join bookings on snapshots.as_of_date > bookings.created_date
    group by snapshots.as_of_date, bookings.property_id

),

joined as (

    select
        hosted.*,
        cast(coalesce(booked.bookings_ever, 0) as double) as bookings_ever,
        cast(coalesce(booked.popularity, 0) as double) as popularity,
        -- out of force: its last version, or its host's, has ended and no other has begun
        coalesce(hosted.is_active, true)
        and (hosted.host_ended_date is null or hosted.host_ended_date >= hosted.as_of_date)
        and (hosted.ended_date is null or hosted.ended_date >= hosted.as_of_date) as is_on_offer
    from hosted
    left join booked
        on hosted.as_of_date = booked.as_of_date
        and hosted.property_id = booked.property_id
    where hosted.destination_id is not null

),

banded as (

    select
        *,
        ntile(5) over (partition by as_of_date order by base_price, property_id) as price_band
    from joined

),

final as (

    select
        as_of_date,
        property_id,
        is_on_offer,
        destination_id,
        property_type,
        price_band,
        base_price,
        base_price / nullif(market_price, 0) as price_to_market,
        max_guests,
        bedrooms,
        bathrooms,
        host_rating,
        cast({{ dbt.datediff('listed_date', 'as_of_date', 'day') }} as double) as listing_age_days,
        cast({{ dbt.datediff('last_booking_date', 'as_of_date', 'day') }} as double) as days_since_last_booking,
        bookings_30d,
        bookings_90d,
        bookings_365d,
        bookings_ever,
        average_booking_value_365d,
        popularity,
        -- ranks among what is on offer; the rest comes after it
        row_number() over (
            partition by as_of_date
            order by case when is_on_offer then 0 else 1 end asc, popularity desc, property_id asc
        ) as popularity_rank,
        row_number() over (
            partition by as_of_date, destination_id
            order by case when is_on_offer then 0 else 1 end asc, popularity desc, property_id asc
        ) as destination_rank,
        row_number() over (
            partition by as_of_date, destination_id, property_type, price_band
            order by case when is_on_offer then 0 else 1 end asc, popularity desc, property_id asc
        ) as market_rank
    from banded

)

select * from final
