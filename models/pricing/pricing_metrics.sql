{{ metrics_table() }}

{% set product = product_pricing() %}

with counts as (

    {{ count_metrics(
        backtest=ref('pricing_backtest'),
        decision=ref('pricing_retraining'),
        label=product.label,
        prediction=judged_prediction(product),
        baseline=product.baseline,
        date=product.date,
        aggregate=product.metrics.aggregate,
        segments=segments_of(product)
    ) }}

),

policy as (

    {{ policy_metrics(
        backtest=ref('pricing_backtest'),
        decision=ref('pricing_retraining'),
        block=product.blocks,
        cell=['destination_id', 'property_type', 'stay_month', 'lead_months'],
        segments={
            'stay_month': 'stay_month',
            'lead_months': 'lead_months',
            'destination_id': 'destination_id',
            'property_type': 'property_type'
        }
    ) }}

),

final as (

    select *
    from counts
    where metric_name <> 'wape_week'
    union all
    select * from policy

)

select * from final
