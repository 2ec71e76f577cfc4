{{ config(materialized='view') }}

with bookings as (

    select
        *,
        'all' as platform
    from {{ ref('cancellation_made') }}

),

{{ by_lead_time('created_date') }}

select * from rated_bookings -- noqa: AM04
