{{ config(materialized='incremental', unique_key=['as_of_date', 'model_version', 'split', 'segment', 'metric_name'], full_refresh=false) }}

{{ probability_metrics(
    model_name='conversion_predictor',
    backtest=ref('conversion_backtest'),
    decision=ref('conversion_retraining'),
    targets=ref('performance_targets'),
    label='converted',
    prediction='conversion_probability',
    baseline='baseline_probability',
    date='engagement_date',
    segments={
        'destination_id': 'destination_id',
        'property_type': 'property_type'
    }
) }}
