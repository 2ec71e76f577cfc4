{{ public_table(product_customer_ltv()) }}

with scores as (

    {{ not_yet_published(ref('customer_ltv_scores'), ref('customer_ltv_champion'), 'user_id') }}

),

segments as (

    select * from {{ ref('ltv_segments') }}

),

risks as (

    select * from {{ ref('churn_risk_levels') }}

),

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
        cast({{ dbt.current_timestamp() }} as timestamp) as scored_at,
        scores.baseline_revenue,
        scores.activity
    from scores
    left join segments
        on scores.predicted_ltv_12m >= segments.lower_bound
        and (segments.upper_bound is null or segments.upper_bound > scores.predicted_ltv_12m)
    left join risks
        on scores.no_booking_probability >= risks.lower_bound
        and (risks.upper_bound is null or risks.upper_bound > scores.no_booking_probability)

)

select * from final
