{{ config(materialized='view') }}

-- where nothing is to be scored, no fact is read
with clock as (

    select as_of_date
    from {{ ref('cancellation_retraining') }}
    where score_due

),

-- several rooms that are booked at once are as many bookings, and gold does not say that they belong together. Each is of a
-- day that is over, so that no booking that is yet to be made is counted.
final as (

    select
        *,
        count(*) over (partition by property_id, created_date, check_in_date, check_out_date) as bookings_alike
    from {{ ref('stg_bookings') }}
    where created_date < (select as_of_date from clock)

)

select * from final -- noqa: AM04
