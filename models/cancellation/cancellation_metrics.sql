{{ config(materialized='incremental', unique_key=['as_of_date', 'model_version', 'split', 'segment', 'metric_name'], full_refresh=false) }}

{{ probability_metrics(
    model_name='cancellation_predictor',
    backtest=ref('cancellation_backtest'),
    decision=ref('cancellation_retraining'),
    targets=ref('performance_targets'),
    label='cancelled',
    prediction='cancellation_probability',
    baseline='baseline_probability',
    date='check_in_date',
    segments={
        'lead_band': 'lead_band',
        'made': 'made',
        'destination_id': 'destination_id',
        'property_type': 'property_type'
    }
) }}
