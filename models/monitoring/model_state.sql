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

final as (

    select
        inventory.model_name,
        ranked_scorings.model_version as reigning_version,
        ranked_scorings.as_of_date as last_scoring_date,
        last_attempts.last_version,
        last_attempts.last_attempt_date,
        {{ next_due_date(
            'last_attempts.last_attempt_date', 'inventory.schedule', 'inventory.schedule_weekday'
        ) }} as next_due_date,
        false as has_drifted,
        false as has_degraded
    from inventory
    left join last_attempts on inventory.model_name = last_attempts.model_name
    left join ranked_scorings
        on inventory.model_name = ranked_scorings.model_name
        and ranked_scorings.recency = 1

)

select * from final
