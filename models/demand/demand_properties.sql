{{ config(materialized='ephemeral') }}

with clock as (

    select as_of_date
    from {{ ref('demand_retraining') }}
    where score_due

),

spine as (

    select
        property_id,
        check_in_date,
        as_of_date,
        split,
        horizon_days,
        -- the 21 days before it lie around the same weekday of the year before
        check_in_date - 353 as season_date
    from {{ ref('demand_spine') }}

),

-- what is known of a property is the same for all dates of a snapshot
snapshots as (

    select distinct
        property_id,
        as_of_date,
        as_of_date - 365 as year_before
    from spine

),

bookings as (

    select * from {{ ref('stg_bookings') }}
    where created_date < (select as_of_date from clock)

),

snapshot_properties as (

    {{ as_of_join('snapshots', ref('property_features'), ['property_id'], 'as_of_date', 'feature_date', [
        'host_id', 'destination_id', 'property_type', 'base_price', 'max_guests', 'bedrooms', 'bathrooms',
        'bookings_7d', 'bookings_30d', 'bookings_90d', 'bookings_365d',
        'check_ins_30d', 'check_ins_90d', 'check_ins_365d', 'cancellations_365d', 'nights_365d',
        'average_booking_value_365d', 'views_7d', 'views_30d', 'view_to_booking_rate_30d', 'listed_date',
        'last_booking_date',
    ], wanted='snapshots') }}

),

-- prices of the market and the host's listings move where nothing of the property does
snapshot_markets as (

    {{ as_of_join(
        'snapshot_properties', ref('market_prices'), ['destination_id', 'property_type'], 'as_of_date', 'known_from', ['market_price'],
        wanted='snapshot_properties'
    ) }}

),

snapshot_hosts as (

    {{ as_of_join(
        'snapshot_markets', ref('host_features'), ['host_id'], 'as_of_date', 'feature_date', ['host_rating', 'host_property_count'],
        wanted='snapshot_properties'
    ) }}

),

snapshot_destinations as (

    {{ as_of_join('snapshot_hosts', ref('destination_features'), ['destination_id'], 'as_of_date', 'feature_date', [
        'destination_listing_count', 'destination_listing_days', 'destination_bookings_30d',
        'destination_bookings_365d', 'destination_check_ins_7d', 'destination_check_ins_30d',
        'destination_check_ins_90d', 'destination_check_ins_365d', 'destination_check_ins_weekday_1_365d',
        'destination_check_ins_weekday_2_365d', 'destination_check_ins_weekday_3_365d',
        'destination_check_ins_weekday_4_365d', 'destination_check_ins_weekday_5_365d',
        'destination_check_ins_weekday_6_365d', 'destination_check_ins_weekday_7_365d',
    ], wanted='snapshot_properties') }}

),

snapshot_prices as (

    {{ as_of_join('snapshot_destinations', ref('property_prices'), ['property_id'], 'as_of_date', 'known_from', {
        'base_price': 'price', 'known_from': 'price_from', 'price_days': 'price_days', 'priced_from': 'priced_from',
    }, wanted='snapshots') }}

),

snapshot_prices_before as (

    {{ as_of_join('snapshot_prices', ref('property_prices'), ['property_id'], 'year_before', 'known_from', {
        'base_price': 'earlier_price', 'known_from': 'earlier_price_from', 'price_days': 'earlier_price_days',
    }, wanted='snapshots') }}

),

-- a market, properties of one type in a destination, has a season of its own
typed_bookings as (

    {{ as_of_join('bookings', ref('property_versions'), ['property_id'], 'created_date', 'known_from', ['property_type']) }}

),

market_activity as (

    select
        destination_id,
        property_type,
        greatest(check_in_date, created_date) as activity_date,
        count(*) as check_ins
    from typed_bookings
    where property_type is not null
    group by destination_id, property_type, greatest(check_in_date, created_date)

),

market_check_ins as (

    {{ rolling_windows(
        'market_activity', ['destination_id', 'property_type'], 'activity_date', {'check_ins': [21, 30, 90, 365]},
        until='(select as_of_date from clock)'
    ) }}

),

snapshot_market_check_ins as (

    {{ as_of_join('snapshot_prices_before', 'market_check_ins', ['destination_id', 'property_type'], 'as_of_date', 'feature_date', {
        'check_ins_30d': 'market_check_ins_30d', 'check_ins_90d': 'market_check_ins_90d', 'check_ins_365d': 'market_check_ins_365d',
    }, wanted='snapshot_properties') }}

),

known as (

    select
        *,
        -- the price by days since the first one, less that of a year before, is the price by days of the trailing year
        price * {{ dbt.datediff('greatest(priced_from, year_before)', 'as_of_date', 'day') }} / nullif(
            price_days + price * {{ dbt.datediff('price_from', 'as_of_date', 'day') }}
            - coalesce(earlier_price_days + earlier_price * {{ dbt.datediff('earlier_price_from', 'year_before', 'day') }}, 0), 0
        ) as price_to_usual
    from snapshot_market_check_ins

),

dated as (

    select
        known.*,
        spine.check_in_date,
        spine.split,
        spine.horizon_days,
        spine.season_date
    from spine
    inner join known
        on spine.property_id = known.property_id
        and spine.as_of_date = known.as_of_date

),

seasons as (

    select
        snapshot_properties.destination_id,
        snapshot_properties.property_type,
        spine.season_date
    from spine
    inner join snapshot_properties
        on spine.property_id = snapshot_properties.property_id
        and spine.as_of_date = snapshot_properties.as_of_date

),

final as (

    {{ as_of_join('dated', 'market_check_ins', ['destination_id', 'property_type'], 'season_date', 'feature_date', {
        'check_ins_21d': 'market_check_ins_last_year',
    }, wanted='seasons') }}

)

select * from final
