{{ config(materialized='incremental', unique_key=['as_of_date', 'model_version', 'split', 'segment', 'metric_name'], full_refresh=false) }}

{{ ranking_metrics(
    backtest=ref('recommendations_backtest'),
    decision=ref('recommendations_retraining'),
    catalogue=ref('recommendations_listings'),
    label='is_next',
    prediction='score',
    baseline='baseline_score',
    date='as_of_date',
    query='query_id',
    item='property_id',
    on_offer='is_on_offer',
    segments={
        'user_group': 'user_group',
        'as_of_date': 'as_of_date',
        'activity': 'activity',
        'next_property': 'next_property'
    }
) }}
