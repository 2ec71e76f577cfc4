{{ choose_champion(
    model_name='revenue_forecaster',
    metrics=ref('revenue_metrics'),
    decision=ref('revenue_retraining'),
    targets=ref('performance_targets'),
    blocks='forecast_week'
) }}
