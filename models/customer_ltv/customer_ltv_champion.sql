{{ choose_champion(
    model_name='customer_ltv_predictor',
    metrics=ref('customer_ltv_metrics'),
    decision=ref('customer_ltv_retraining'),
    targets=ref('performance_targets'),
    experiments=ref('experiment_state'),
    blocks='user_group'
) }}
