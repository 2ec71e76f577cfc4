{{ config(materialized='ephemeral') }}

-- what is said of the current price: nobody knows what the other one would have brought
with served as (

    select *
    from ({{ served_in_weeks(product_pricing()) }}) as served
    where
        12 * (extract(year from stay_month) - extract(year from scoring_date - 1))
        + extract(month from stay_month) - extract(month from scoring_date - 1) - 1
        between first_unit and last_unit

),

bookings as (

    {{ bookings_of_weeks() }}

),

counted as (

    select
        served.property_id,
        served.stay_month,
        served.scoring_date,
        count(*) as bookings
    from served
    inner join bookings
        on served.property_id = bookings.property_id
        and served.stay_month = cast({{ dbt.date_trunc('month', 'bookings.check_in_date') }} as date)
        and served.scoring_date <= bookings.created_date
    group by served.property_id, served.stay_month, served.scoring_date

),

labelled as (

    select
        served.week_start,
        served.part,
        served.served_key,
        served.model_version,
        served.stay_month,
        served.destination_id,
        served.expected_bookings_current as expected_bookings,
        served.baseline_bookings,
        coalesce(counted.bookings, 0) as bookings
    from served
    left join counted
        on served.property_id = counted.property_id
        and served.stay_month = counted.stay_month
        and served.scoring_date = counted.scoring_date

)

{{ outcome_rows('labelled', product_pricing(), {'label_date': 'stay_month', 'group_id': 'destination_id', 'served_key': 'served_key'}) }}
