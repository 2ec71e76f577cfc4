{{ choose_champion(
    model_name='pricing_optimizer',
    metrics=ref('pricing_metrics'),
    decision=ref('pricing_retraining'),
    targets=ref('performance_targets'),
    experiments=ref('experiment_state'),
    blocks='property_block'
) }}
