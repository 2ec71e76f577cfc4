{{ config(materialized='ephemeral') }}

with served as (

    {{ served_in_weeks(product_customer_ltv()) }}

),

following as (

    {{ following_bookings('served') }}

),

spent as (

    select
        scoring_date,
        user_id,
        sum(amount) as revenue
    from following
    where cancelled_date is null or cancelled_date >= known_date
    group by scoring_date, user_id

),

labelled as (

    select
        served.week_start,
        served.part,
        served.served_key,
        served.model_version,
        served.user_id,
        served.scoring_date,
        served.activity,
        served.predicted_ltv_12m,
        served.baseline_revenue,
        coalesce(spent.revenue, 0) as revenue
    from served
    left join spent
        on served.user_id = spent.user_id
        and served.scoring_date = spent.scoring_date

)

{{ outcome_rows('labelled', product_customer_ltv(), {
    'scoring_date': 'scoring_date', 'unit_id': 'user_id', 'segment': 'activity',
    'served_key': 'served_key'
}) }}
