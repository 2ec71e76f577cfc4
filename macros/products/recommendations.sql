{# Ten properties for a user's next booking; the keys are described at `products`. #}
{% macro product_recommendations() %}
    {{ return({
        'product': 'recommendations',
        'model_name': 'property_recommender',
        'predictions': 'property_recommendations',
        'cadence': 'monthly',
        'public_key': ['user_id', 'rank'],
        'task': 'ranking',
        'label': 'is_next',
        'prediction': 'score',
        'baseline': 'baseline_score',
        'keys': ['as_of_date', 'query_id', 'property_id'],
        'date': 'as_of_date',
        'group': ['as_of_date', 'query_id'],
        'item': 'property_id',
        'keep': ['country', 'user_group', 'activity', 'next_property'],
        'blocks': 'user_group',
        'segments': ['user_group', 'as_of_date', 'activity', 'next_property'],
        'metrics': {'catalogue': 'recommendations_listings', 'on_offer': 'is_on_offer', 'returns': 'expected_returns'},
        'units': ['user_id'],
        'truth_days': checked_days('recommendations_days', var('recommendations_days'), 30, 365),
        'due': {
            'key': 'query_id',
            'each': 1,
            'of': "select query_id from {recommendations_queries} where split = 'score'",
        },
        'newcomers': 'country',
        'served': ['user_id', 'rank', 'property_id', 'baseline_property_id'],
    }) }}
{% endmacro %}
