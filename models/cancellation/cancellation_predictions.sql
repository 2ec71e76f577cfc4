{{ config(
    materialized='incremental',
    unique_key=['scoring_date', 'booking_id'],
    full_refresh=false,
    post_hook="{{ delete_older(this, 'scoring_date', 365 + 30) }}"
) }}

with scores as (

    {{ unwritten(ref('cancellation_scores')) }}

),

serving as (

    select
        model_version,
        decision_threshold
    from {{ ref('cancellation_champion') }}
    where serves

),

final as (

    select
        scores.booking_id,
        scores.property_id,
        scores.destination_id,
        scores.check_in_date,
        scores.cancellation_probability,
        scores.cancellation_probability >= serving.decision_threshold as predicted_cancellation,
        scores.cancellation_probability * scores.total_amount as revenue_at_risk,
        scores.model_name,
        scores.model_version,
        scores.as_of_date,
        scores.as_of_date as scoring_date,
        cast({{ dbt.current_timestamp() }} as timestamp) as scored_at
    from scores
    inner join serving on scores.model_version = serving.model_version

)

select * from final
