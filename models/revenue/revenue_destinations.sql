{{ config(materialized='ephemeral') }}

with bookings as (

    select * from {{ ref('revenue_bookings') }}

),

final as (

    select
        bookings.destination_id,
        places.country,
        min(bookings.check_in_date) as first_date
    from bookings
    left join {{ ref('stg_destinations') }} as places on bookings.destination_id = places.destination_id
    group by bookings.destination_id, places.country

)

select * from final
