{{ choose_champion(
    model_name='cancellation_predictor',
    metrics=ref('cancellation_metrics'),
    decision=ref('cancellation_retraining'),
    targets=ref('performance_targets'),
    blocks='check_in_date',
    threshold=true
) }}
