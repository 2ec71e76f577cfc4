{{ choose_champion(
    model_name='conversion_predictor',
    metrics=ref('conversion_metrics'),
    decision=ref('conversion_retraining'),
    targets=ref('performance_targets'),
    blocks='engagement_date',
    threshold=true
) }}
