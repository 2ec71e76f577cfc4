{{ config(materialized='ephemeral') }}

with served as (

    {{ served_in_weeks(product_conversion()) }}

),

booked as (

    select distinct
        property_id,
        created_date
    from ({{ bookings_of_weeks() }}) as bookings

),

labelled as (

    select
        served.week_start,
        served.part,
        served.served_key,
        served.model_version,
        served.engagement_date,
        served.conversion_probability,
        served.baseline_probability as click_probability,
        case when booked.property_id is null then 0 else 1 end as converted
    from served
    left join booked
        on served.property_id = booked.property_id
        and served.engagement_date = booked.created_date

)

{{ outcome_rows('labelled', product_conversion(), {'label_date': 'engagement_date', 'served_key': 'served_key'}) }}
