{{ config(materialized='incremental', unique_key=['as_of_date', 'model_version', 'split', 'segment', 'metric_name'], full_refresh=false) }}

{{ probability_metrics(
    model_name='churn_predictor',
    backtest=ref('churn_backtest'),
    decision=ref('churn_retraining'),
    targets=ref('performance_targets'),
    label='churned',
    prediction='churn_probability',
    baseline='baseline_probability',
    date='as_of_date',
    segments={
        'user_group': 'user_group',
        'user_type': 'user_type',
        'recency': 'recency',
        'frequency': 'frequency'
    },
    further=['lift_top_decile', 'f1_over_trivial']
) }}
