{{ config(materialized='incremental', unique_key=['host_id', 'feature_date']) }}

with refresh as (

    {{ refresh_window() }}

),

versions as (

    select * from {{ ref('host_versions') }}

),

listings as (

    select
        host_id,
        property_id,
        min(known_from) as known_from
    from {{ ref('property_versions') }}
    group by host_id, property_id

),

portfolio as (

    select
        host_id,
        known_from,
        sum(new_listings) over (
            partition by host_id order by known_from rows between unbounded preceding and current row
        ) as property_count
    from (
        select
            host_id,
            known_from,
            count(*) as new_listings
        from listings
        group by host_id, known_from
    ) as daily

),

activity as (

    select
        host_id,
        activity_date,
        bookings,
        cancellations
    from {{ ref('booking_activity') }}
    where activity_date >= (select read_from from refresh)
    union all
    select
        host_id,
        known_from - 1 as activity_date,
        0 as bookings,
        0 as cancellations
    from versions
    union all
    select
        host_id,
        known_from - 1 as activity_date,
        0 as bookings,
        0 as cancellations
    from portfolio

),

rolled as (

    {{ rolling_windows(
        'activity', 'host_id', 'activity_date',
        {'bookings': [30, 90, 365], 'cancellations': [365]},
        until='(select as_of_date from refresh)'
    ) }}

),

fresh as (

    select *
    from rolled
    where feature_date >= (select refresh_from from refresh)

),

attributed as (

    {{ as_of_join(
        'fresh', 'versions', ['host_id'], 'feature_date', 'known_from',
        ['is_verified', 'is_active', 'rating', 'joined_date']
    ) }}

),

sized as (

    {{ as_of_join('attributed', 'portfolio', ['host_id'], 'feature_date', 'known_from', ['property_count']) }}

),

final as (

    select
        host_id,
        feature_date,
        is_verified,
        is_active,
        rating as host_rating,
        cast(property_count as double) as host_property_count,
        cast({{ dbt.datediff('joined_date', 'feature_date', 'day') }} as double) as host_age_days,
        bookings_30d as host_bookings_30d,
        bookings_90d as host_bookings_90d,
        bookings_365d as host_bookings_365d,
        cancellations_365d / nullif(bookings_365d, 0) as host_cancellation_rate_365d
    from sized

)

select * from final
