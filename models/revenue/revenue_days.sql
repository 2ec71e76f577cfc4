{{ config(materialized='ephemeral') }}

with cutoffs as (

    select * from {{ ref('revenue_cutoffs') }}

),

calendar as (

    select calendar_date as forecast_date
    from {{ ref('stg_dates') }}

),

bookings as (

    select * from {{ ref('revenue_bookings') }}

),

destinations as (

    select * from {{ ref('revenue_destinations') }}

),

-- revenue as it stood at the end of the check-in day: known from the next morning on, and never revised. Sums are
-- rounded to cents, so that the order of summing leaves no trace in the fits
arrivals as (

    select
        destination_id,
        check_in_date,
        round(sum(amount), 2) as revenue,
        count(*) as bookings
    from bookings
    where
        created_date <= check_in_date
        and (cancelled_date is null or cancelled_date > check_in_date)
    group by destination_id, check_in_date

),

final as (

    select
        destinations.destination_id,
        calendar.forecast_date,
        coalesce(arrivals.revenue, 0) as arrived_revenue,
        coalesce(arrivals.bookings, 0) as arrived_bookings
    from destinations
    inner join calendar
        on destinations.first_date <= calendar.forecast_date
        and calendar.forecast_date <= (select max(cutoff_date) from cutoffs)
    left join arrivals
        on destinations.destination_id = arrivals.destination_id
        and calendar.forecast_date = arrivals.check_in_date

)

select * from final
