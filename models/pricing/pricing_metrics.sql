{{ config(materialized='incremental', unique_key=['as_of_date', 'model_version', 'split', 'segment', 'metric_name'], full_refresh=false) }}

{% set segments = {
    'stay_month': 'stay_month',
    'lead_months': 'lead_months',
    'destination_id': 'destination_id',
    'property_type': 'property_type',
} %}

with counts as (

    {{ count_metrics(
        backtest=ref('pricing_backtest'),
        decision=ref('pricing_retraining'),
        label='bookings',
        prediction='expected_bookings',
        baseline='baseline_bookings',
        date='stay_month',
        aggregate='destination_id',
        segments={
            'lead_months': 'lead_months',
            'destination_id': 'destination_id',
            'property_type': 'property_type',
            'property_block': 'property_block'
        }
    ) }}

),

policy as (

    {{ policy_metrics(
        backtest=ref('pricing_backtest'),
        decision=ref('pricing_retraining'),
        block='property_block',
        segments=segments
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
