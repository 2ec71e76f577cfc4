{{ choose_champion(
    model_name='churn_predictor',
    metrics=ref('churn_metrics'),
    decision=ref('churn_retraining'),
    targets=ref('performance_targets'),
    blocks='user_group',
    threshold=true
) }}
