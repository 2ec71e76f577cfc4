{{ choose_champion(
    model_name='demand_predictor',
    metrics=ref('demand_metrics'),
    decision=ref('demand_retraining'),
    targets=ref('performance_targets'),
    experiments=ref('experiment_state'),
    blocks='check_in_date'
) }}
