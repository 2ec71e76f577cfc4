{{ choose_champion(
    model_name='property_recommender',
    metrics=ref('recommendations_metrics'),
    decision=ref('recommendations_retraining'),
    targets=ref('performance_targets'),
    experiments=ref('experiment_state'),
    blocks='user_group'
) }}
