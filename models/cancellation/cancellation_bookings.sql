{{ config(materialized='view') }}

with bookings as (

    select
        *,
        'all' as platform
    from {{ ref('cancellation_made') }}

),

rates_by_lead as (

    select * from {{ ref('cancellation_rates') }}

),

rates_of_all as (

    select
        lead_band as platform,
        feature_date,
        decided_365d,
        cancelled_365d
    from rates_by_lead
    where lead_band = 'all'

),

bookings_by_lead as (

    {{ as_of_join('bookings', 'rates_by_lead', ['lead_band'], 'created_date', 'feature_date', {
        'decided_365d': 'decided_of_lead', 'cancelled_365d': 'cancelled_of_lead'
    }, wanted='bookings') }}

),

bookings_of_all as (

    {{ as_of_join('bookings_by_lead', 'rates_of_all', ['platform'], 'created_date', 'feature_date', {
        'decided_365d': 'decided_of_all', 'cancelled_365d': 'cancelled_of_all'
    }, wanted='bookings') }}

),

final as (

    select
        *,
        {{ lead_time_rate() }} as baseline_probability
    from bookings_of_all

)

select * from final -- noqa: AM04
