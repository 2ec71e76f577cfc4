{{ choose_champion(
    model_name='demand_predictor',
    metrics=ref('demand_metrics'),
    decision=ref('demand_retraining'),
    targets=ref('performance_targets'),
    blocks='check_in_date'
) }}
