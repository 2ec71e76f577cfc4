{{ choose_champion(
    model_name='revenue_forecaster',
    metrics=ref('revenue_metrics'),
    decision=ref('revenue_retraining'),
    targets=ref('performance_targets'),
    experiments=ref('experiment_state'),
    blocks='forecast_week'
) }}
