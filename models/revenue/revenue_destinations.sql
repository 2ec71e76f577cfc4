{{ config(materialized='ephemeral') }}

with decision as (

    select * from {{ ref('revenue_retraining') }}

),

-- where nothing is to be scored, no fact is read
clock as (

    select as_of_date
    from decision
    where score_due

),

bookings as (

    select *
    from {{ ref('stg_bookings') }}
    where created_date < (select as_of_date from clock)

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
