{{ config(materialized='ephemeral') }}

with served as (

    select *
    from ({{ served_in_weeks(product_revenue()) }}) as served
    where horizon_days between first_unit and last_unit

),

earned as (

    select
        destination_id,
        check_in_date,
        sum(amount) as revenue
    from ({{ bookings_of_weeks() }}) as bookings
    where cancelled_date is null
    group by destination_id, check_in_date

),

-- the total is that of the destinations that were forecast with it
revenue_of_day as (

    select
        served.scoring_date,
        served.forecast_date,
        sum(coalesce(earned.revenue, 0)) as revenue
    from served
    left join earned
        on served.destination_id = earned.destination_id
        and served.forecast_date = earned.check_in_date
    where served.forecast_level = 'destination'
    group by served.scoring_date, served.forecast_date

),

labelled as (

    select
        served.week_start,
        served.part,
        served.served_key,
        served.model_version,
        served.scoring_date,
        served.forecast_date,
        served.forecast_revenue,
        served.lower_80,
        served.upper_80,
        served.baseline_revenue,
        revenue_of_day.revenue
    from served
    inner join revenue_of_day
        on served.scoring_date = revenue_of_day.scoring_date
        and served.forecast_date = revenue_of_day.forecast_date
    where served.forecast_level = 'total'

)

{{ outcome_rows('labelled', product_revenue(), {
    'scoring_date': 'scoring_date', 'label_date': 'forecast_date', 'lower_80': 'lower_80', 'upper_80': 'upper_80',
    'served_key': 'served_key'
}) }}
