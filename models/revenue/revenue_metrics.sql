{{ config(materialized='incremental', unique_key=['as_of_date', 'model_version', 'split', 'segment', 'metric_name'], full_refresh=false) }}

{{ forecast_metrics(
    backtest=ref('revenue_backtest'),
    decision=ref('revenue_retraining'),
    label='revenue',
    prediction='forecast_revenue',
    baseline='baseline_revenue',
    segments={
        'as_of_date': 'as_of_date',
        'horizon_days': "case when horizon_days <= 7 then '01-07' when horizon_days <= 30 then '08-30' when horizon_days <= 60 then '31-60' else '61-90' end"
    }
) }}
