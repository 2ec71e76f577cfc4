{{ config(materialized='ephemeral') }}

with decision as (

    select * from {{ ref('pricing_retraining') }}

),

-- where nothing is to be scored, no fact is read
clock as (

    select as_of_date
    from decision
    where score_due

),

bookings as (

    select * from {{ ref('stg_bookings') }}
    where created_date < (select as_of_date from clock)

),

history as (

    select min(created_date) as first_booking_date
    from bookings

),

numbers as (

    select row_number() over (order by calendar_date) - 1 as number
    from {{ ref('stg_dates') }}

),

-- whole months before the point in time: training rows are as far from their stay month as those to score
final as (

    select
        {{ months_from('clock.as_of_date', '(-numbers.number)') }} as as_of_date,
        cast({{ dbt.date_trunc('month', months_from('clock.as_of_date', '(-numbers.number)') ~ ' - 1') }} as date) as month_before
    from clock
    inner join numbers on numbers.number < 240
    cross join history
    where {{ months_from('clock.as_of_date', '(-numbers.number)') }} > history.first_booking_date + 30

)

select * from final
