{{ choose_champion(
    model_name='cancellation_predictor',
    metrics=ref('cancellation_metrics'),
    decision=ref('cancellation_retraining'),
    targets=ref('performance_targets'),
    experiments=ref('experiment_state'),
    blocks='check_in_date',
    threshold=true
) }}
