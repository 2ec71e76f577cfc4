{{ config(materialized='incremental', unique_key=['as_of_date', 'model_version', 'split', 'segment', 'metric_name'], full_refresh=false) }}

{{ value_metrics(
    backtest=ref('customer_ltv_backtest'),
    decision=ref('customer_ltv_retraining'),
    label='revenue',
    prediction='predicted_ltv_12m',
    baseline='baseline_revenue',
    keys=['user_id', 'as_of_date'],
    none_probability='no_booking_probability',
    active="activity in ('1 booking', '2-4 bookings', '5+ bookings')",
    segments={
        'user_group': 'user_group',
        'user_type': 'user_type',
        'activity': 'activity'
    }
) }}
