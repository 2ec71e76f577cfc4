{{ config(materialized='ephemeral') }}

with destination_days as (

    select * from {{ ref('revenue_days') }}

),

-- the total is a series like the others, with destination 0
series_days as (

    select
        'destination' as forecast_level,
        destination_id,
        forecast_date,
        arrived_revenue
    from destination_days
    union all
    select
        'total' as forecast_level,
        0 as destination_id,
        forecast_date,
        round(sum(arrived_revenue), 2) as arrived_revenue
    from destination_days
    group by forecast_date

),

-- level and weekdays of a series, from the days before a date (same weekday: that date included)
final as (

    select
        forecast_level,
        destination_id,
        forecast_date,
        avg(arrived_revenue) over (
            partition by forecast_level, destination_id order by forecast_date
            rows between 28 preceding and 1 preceding
        ) as level_28,
        avg(arrived_revenue) over (
            partition by forecast_level, destination_id order by forecast_date
            rows between 56 preceding and 1 preceding
        ) as level_56,
        avg(arrived_revenue) over (
            partition by forecast_level, destination_id order by forecast_date
            rows between 364 preceding and 1 preceding
        ) as level_364,
        count(*) over (
            partition by forecast_level, destination_id order by forecast_date
            rows between 56 preceding and 1 preceding
        ) as level_days,
        -- three weeks around the date
        avg(arrived_revenue) over (
            partition by forecast_level, destination_id order by forecast_date
            rows between 10 preceding and 10 following
        ) as season_level,
        avg(arrived_revenue) over (
            partition by forecast_level, destination_id, {{ iso_weekday('forecast_date') }} order by forecast_date
            rows between 51 preceding and current row
        ) as weekday_level,
        count(*) over (
            partition by forecast_level, destination_id, {{ iso_weekday('forecast_date') }} order by forecast_date
            rows between 51 preceding and current row
        ) as weekday_count,
        arrived_revenue
    from series_days

)

select * from final
