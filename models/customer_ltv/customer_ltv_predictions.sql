{{ config(
    materialized='incremental',
    unique_key=['scoring_date', 'user_id'],
    full_refresh=false,
    post_hook="{{ delete_older(this, 'scoring_date', 365 + 30) }}"
) }}

with scores as (

    select * from {{ ref('customer_ltv_scores') }}

),

segments as (

    select * from {{ ref('ltv_segments') }}

),

risks as (

    select * from {{ ref('churn_risk_levels') }}

),

{% if is_incremental() %}
    written as (

        select distinct
            scoring_date,
            model_version
        from {{ this }}

    ),
{% endif %}

final as (

    select
        scores.user_id,
        scores.predicted_ltv_12m,
        segments.ltv_segment,
        risks.churn_risk,
        scores.model_name,
        scores.model_version,
        scores.as_of_date,
        scores.as_of_date as scoring_date,
        cast({{ dbt.current_timestamp() }} as timestamp) as scored_at
    from scores
    left join segments
        on scores.predicted_ltv_12m >= segments.lower_bound
        and (segments.upper_bound is null or segments.upper_bound > scores.predicted_ltv_12m)
    left join risks
        on scores.no_booking_probability >= risks.lower_bound
        and (risks.upper_bound is null or risks.upper_bound > scores.no_booking_probability)
    {% if is_incremental() %}
        left join written
            on scores.as_of_date = written.scoring_date
            and scores.model_version = written.model_version
        -- a day that this version has scored already stays as it was written
        where written.scoring_date is null
    {% endif %}

)

select * from final
