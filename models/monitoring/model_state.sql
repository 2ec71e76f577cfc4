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

experiments as (

    select * from {{ ref('experiments') }}

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
        max(model_version) as last_version,
        {{ joined_text('cast(model_version as ' ~ dbt.type_string() ~ ')') }} as known_versions
    from attempts
    group by model_name

),

-- on a day of an experiment two versions served; the one under treatment does not reign
treated_scorings as (

    select distinct
        scorings.model_name,
        scorings.as_of_date,
        scorings.model_version
    from scorings
    inner join experiments
        on scorings.model_name = experiments.model_name
        and scorings.model_version = try_cast(experiments.treatment_version as int)
        and scorings.as_of_date >= try_cast(experiments.start_date as date)
        and scorings.as_of_date < try_cast(experiments.end_date as date)

),

ranked_scorings as (

    select
        scorings.*,
        row_number() over (
            partition by scorings.model_name
            order by
                scorings.as_of_date desc,
                case when treated_scorings.model_version is null then 0 else 1 end,
                scorings.model_version desc
        ) as recency
    from scorings
    left join treated_scorings
        on scorings.model_name = treated_scorings.model_name
        and scorings.as_of_date = treated_scorings.as_of_date
        and scorings.model_version = treated_scorings.model_version

),

final as (

    select
        inventory.model_name,
        ranked_scorings.model_version as reigning_version,
        ranked_scorings.as_of_date as last_scoring_date,
        last_attempts.last_version,
        last_attempts.known_versions,
        last_attempts.last_attempt_date,
        inventory.schedule_days,
        false as has_drifted,
        false as has_degraded
    from inventory
    left join last_attempts on inventory.model_name = last_attempts.model_name
    left join ranked_scorings
        on inventory.model_name = ranked_scorings.model_name
        and ranked_scorings.recency = 1

)

select * from final
