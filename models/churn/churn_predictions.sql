{{ public_table(product_churn()) }}

with scores as (

    {{ not_yet_published(ref('churn_scores'), ref('churn_champion'), 'user_id') }}

),

levels as (

    select * from {{ ref('confidence_levels') }}

),

serving as (

    select
        model_version,
        decision_threshold
    from {{ ref('churn_champion') }}
    where serves or experiment_name is not null

),

cut as (

    select
        scores.*,
        scores.churn_probability >= serving.decision_threshold as will_churn,
        -- probabilities are calibrated: how often such a call is right
        case
            when scores.churn_probability >= serving.decision_threshold then scores.churn_probability
            else 1 - scores.churn_probability
        end as chance_right
    from scores
    inner join serving on scores.model_version = serving.model_version

),

final as (

    select
        cut.user_id,
        cut.churn_probability,
        cut.will_churn,
        levels.confidence,
        cut.model_name,
        cut.model_version,
        cut.as_of_date,
        cut.as_of_date as scoring_date,
        cast({{ dbt.current_timestamp() }} as timestamp) as scored_at,
        cut.baseline_probability
    from cut
    left join levels
        on cut.chance_right >= levels.lower_bound
        and (levels.upper_bound is null or levels.upper_bound > cut.chance_right)

)

select * from final
