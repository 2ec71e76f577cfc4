{{ config(materialized='ephemeral') }}

-- the year before each cut-off
with cutoffs as (

    select * from {{ ref('revenue_cutoffs') }}

),

destination_days as (

    select * from {{ ref('revenue_days') }}

),

final as (

    select
        cutoffs.cutoff_date as as_of_date,
        destination_days.destination_id,
        round(sum(destination_days.arrived_revenue), 2) as arrived_revenue,
        sum(destination_days.arrived_bookings) as arrived_bookings
    from cutoffs
    inner join destination_days
        on cutoffs.cutoff_date > destination_days.forecast_date
        and cutoffs.cutoff_date <= destination_days.forecast_date + 365
    group by cutoffs.cutoff_date, destination_days.destination_id

)

select * from final
