{{ choose_champion(
    model_name='churn_predictor',
    metrics=ref('churn_metrics'),
    decision=ref('churn_retraining'),
    targets=ref('performance_targets'),
    experiments=ref('experiment_state'),
    blocks='user_group',
    threshold=true
) }}
