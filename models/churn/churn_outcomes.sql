{{ config(materialized='ephemeral') }}

with served as (

    {{ served_in_weeks(product_churn()) }}

),

following as (

    {{ following_bookings('served') }}

),

stayed as (

    select distinct
        scoring_date,
        user_id
    from following

),

labelled as (

    select
        served.week_start,
        served.part,
        served.served_key,
        served.model_version,
        served.churn_probability,
        served.baseline_probability,
        served.will_churn,
        case when stayed.user_id is null then 1 else 0 end as churned
    from served
    left join stayed
        on served.user_id = stayed.user_id
        and served.scoring_date = stayed.scoring_date

)

{{ outcome_rows('labelled', product_churn(), {'is_called': 'will_churn', 'served_key': 'served_key'}) }}
