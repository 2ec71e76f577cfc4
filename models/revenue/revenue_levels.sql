{{ config(materialized='ephemeral') }}

{% set level_bookings = 100 %}

with destination_days as (

    select * from {{ ref('revenue_days') }}

),

-- the total is a series like the others, with destination 0
series_days as (

    select
        'destination' as forecast_level,
        destination_id,
        forecast_date,
        arrived_revenue,
        arrived_bookings
    from destination_days
    union all
    select
        'total' as forecast_level,
        0 as destination_id,
        forecast_date,
        round(sum(arrived_revenue), 2) as arrived_revenue,
        sum(arrived_bookings) as arrived_bookings
    from destination_days
    group by forecast_date

),

-- level and weekdays of a series, from the days before a date (same weekday: that date included)
levels as (

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
        sum(arrived_bookings) over (
            partition by forecast_level, destination_id order by forecast_date
            rows between 56 preceding and 1 preceding
        ) as bookings_56,
        -- three weeks around the date, and six
        avg(arrived_revenue) over (
            partition by forecast_level, destination_id order by forecast_date
            rows between 10 preceding and 10 following
        ) as season_level,
        avg(arrived_revenue) over (
            partition by forecast_level, destination_id order by forecast_date
            rows between 21 preceding and 21 following
        ) as season_level_43,
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

),

-- what few bookings say of a destination is half chance, and most of what moves one moves all: its own level counts as the
-- bookings of eight weeks do against {{ level_bookings }}, beside its year's with what all destinations had lately over theirs
final as (

    select
        levels.*,
        total.level_56 as total_level_56,
        total.season_level as total_season_level,
        case
            when levels.level_364 > 0 and total.level_56 > 0 and total.level_364 > 0
                then {{ pooled(
                    'levels.level_56', 'levels.level_364 * total.level_56 / total.level_364', 'levels.bookings_56', level_bookings
                ) }}
            else levels.level_56
        end as pooled_level
    from levels
    inner join levels as total
        on total.forecast_level = 'total'
        and levels.forecast_date = total.forecast_date

)

select * from final
