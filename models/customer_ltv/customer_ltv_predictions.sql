{{ public_table(product_customer_ltv()) }}

with published as (

    {{ not_yet_published(ref('customer_ltv_scores'), ref('customer_ltv_champion'), 'user_id') }}

),

examples as (

    select
        user_id,
        as_of_date,
        has_booked
    from {{ ref('customer_ltv_examples') }}
    where split = 'score'

),

segments as (

    select * from {{ ref('ltv_segments') }}

),

risks as (

    select * from {{ ref('churn_risk_levels') }}

),

-- a segment is that of the amount as published
scores as (

    select
        published.*,
        round(published.predicted_ltv_12m, 2) as value_12m,
        examples.has_booked
    from published
    inner join examples
        on published.user_id = examples.user_id
        and published.as_of_date = examples.as_of_date

),

final as (

    select
        scores.user_id,
        scores.value_12m as predicted_ltv_12m,
        segments.ltv_segment,
        case when scores.has_booked = 0 then 'Never booked' else risks.churn_risk end as churn_risk,
        scores.model_name,
        scores.model_version,
        scores.as_of_date,
        scores.as_of_date as scoring_date,
        cast({{ dbt.current_timestamp() }} as timestamp) as scored_at,
        round(scores.baseline_revenue, 2) as baseline_revenue,
        scores.activity
    from scores
    left join segments
        on scores.value_12m >= segments.lower_bound
        and (segments.upper_bound is null or segments.upper_bound > scores.value_12m)
    left join risks
        on scores.no_booking_probability >= risks.lower_bound
        and (risks.upper_bound is null or risks.upper_bound > scores.no_booking_probability)

)

select * from final
