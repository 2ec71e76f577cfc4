{{ public_table(product_conversion()) }}

with scores as (

    {{ not_yet_published(ref('conversion_scores'), ref('conversion_champion'), 'property_id') }}

),

serving as (

    select
        model_version,
        decision_threshold
    from {{ ref('conversion_champion') }}
    where serves or experiment_name is not null

),

final as (

    select
        scores.property_id,
        scores.engagement_date,
        scores.destination_id,
        scores.conversion_probability,
        scores.conversion_probability >= serving.decision_threshold as predicted_conversion,
        scores.model_name,
        scores.model_version,
        scores.as_of_date,
        scores.as_of_date as scoring_date,
        cast({{ dbt.current_timestamp() }} as timestamp) as scored_at,
        scores.click_probability as baseline_probability
    from scores
    inner join serving on scores.model_version = serving.model_version

)

select * from final
