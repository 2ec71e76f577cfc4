{{ choose_champion(
    model_name='conversion_predictor',
    metrics=ref('conversion_metrics'),
    decision=ref('conversion_retraining'),
    targets=ref('performance_targets'),
    experiments=ref('experiment_state'),
    blocks='engagement_date',
    threshold=true
) }}
