{{ config(materialized='ephemeral') }}

with served as (

    {{ served_in_weeks(product_demand()) }}

),

arrivals as (

    select
        property_id,
        check_in_date,
        count(*) as bookings
    from ({{ bookings_of_weeks() }}) as bookings
    group by property_id, check_in_date

),

labelled as (

    select
        served.week_start,
        served.part,
        served.served_key,
        served.model_version,
        served.check_in_date,
        served.destination_id,
        served.predicted_bookings,
        served.baseline_bookings as rule_bookings,
        coalesce(arrivals.bookings, 0) as bookings
    from served
    left join arrivals
        on served.property_id = arrivals.property_id
        and served.check_in_date = arrivals.check_in_date
    where
        {{ dbt.datediff('served.scoring_date', 'served.check_in_date', 'day') }}
        between served.first_unit and served.last_unit

)

{{ outcome_rows('labelled', product_demand(), {'label_date': 'check_in_date', 'group_id': 'destination_id', 'served_key': 'served_key'}) }}
