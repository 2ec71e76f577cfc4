{% set products = {
    'demand_predictor': 'demand_predictions',
    'conversion_predictor': 'conversion_predictions',
    'customer_ltv_predictor': 'customer_ltv_predictions',
    'pricing_optimizer': 'pricing_recommendations',
    'revenue_forecaster': 'revenue_forecasts',
    'churn_predictor': 'churn_predictions',
    'cancellation_predictor': 'cancellation_predictions',
    'property_recommender': 'property_recommendations',
} %}
{% set columns = ['as_of_date', 'model_version'] %}

with inventory as (

    select * from {{ ref('model_inventory') }}

),

attempts as (

    {% for model, predictions in products.items() %}
        select
            '{{ model }}' as model_name,
            as_of_date,
            model_version
        from ({{ earlier(model, columns) }}) as fitted
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

scorings as (

    {% for model, predictions in products.items() %}
        select distinct
            '{{ model }}' as model_name,
            as_of_date,
            model_version
        from ({{ earlier(predictions, columns) }}) as scored
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

last_attempts as (

    select
        model_name,
        max(as_of_date) as last_attempt_date,
        max(model_version) as last_version
    from attempts
    group by model_name

),

ranked_scorings as (

    select
        *,
        row_number() over (partition by model_name order by as_of_date desc, model_version desc) as recency
    from scorings

),

measured as (

    {{ earlier('prediction_quality', [
        'model_name', 'week_start', 'metric_name', 'model_version', 'metric_value', 'baseline_value', 'backtest_value',
        'backtest_baseline_value', 'measured_as', 'tolerance', 'weeks_in_row', 'is_degraded', 'as_of_date'
    ]) }}

),

last_measured as (

    select
        model_name,
        max(as_of_date) as measured_as_of
    from measured
    group by model_name

),

-- the newest week of each metric, and of the version that reigns: what is wrong with another one it cannot help
judged_weeks as (

    select
        *,
        row_number() over (partition by model_name, metric_name order by week_start desc) as recency
    from measured

),

degraded as (

    select
        judged_weeks.model_name,
        {{ joined_text(quality_evidence_text()) }} as quality_evidence
    from judged_weeks
    inner join ranked_scorings
        on judged_weeks.model_name = ranked_scorings.model_name
        and judged_weeks.model_version = ranked_scorings.model_version
        and ranked_scorings.recency = 1
    left join last_attempts on judged_weeks.model_name = last_attempts.model_name
    where
        judged_weeks.recency = 1
        and judged_weeks.is_degraded
        -- a fit since then has seen what the week has shown
        and judged_weeks.as_of_date > coalesce(last_attempts.last_attempt_date, cast('1900-01-01' as date))
    group by judged_weeks.model_name

),

final as (

    select
        inventory.model_name,
        ranked_scorings.model_version as reigning_version,
        ranked_scorings.as_of_date as last_scoring_date,
        last_attempts.last_version,
        last_attempts.last_attempt_date,
        inventory.schedule_days,
        false as has_drifted,
        degraded.quality_evidence is not null as has_degraded,
        degraded.quality_evidence,
        last_measured.measured_as_of
    from inventory
    left join last_attempts on inventory.model_name = last_attempts.model_name
    left join ranked_scorings
        on inventory.model_name = ranked_scorings.model_name
        and ranked_scorings.recency = 1
    left join degraded on inventory.model_name = degraded.model_name
    left join last_measured on inventory.model_name = last_measured.model_name

)

select * from final
