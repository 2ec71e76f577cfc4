{{ config(materialized='incremental', unique_key=['as_of_date', 'model_version', 'split', 'segment', 'metric_name'], full_refresh=false) }}

{{ count_metrics(
    backtest=ref('demand_backtest'),
    decision=ref('demand_retraining'),
    label='bookings',
    prediction='predicted_bookings',
    baseline='baseline_bookings',
    date='check_in_date',
    aggregate='destination_id',
    segments={
        'destination_id': 'destination_id',
        'property_type': 'property_type',
        'horizon_days': "case when horizon_days <= 7 then '01-07' when horizon_days <= 14 then '08-14' when horizon_days <= 30 then '15-30' else '31-90' end"
    }
) }}
