{# Whether an active user makes no booking in the next 180 days; the keys are described at `products`. #}
{% macro product_churn() %}
    {{ return({
        'product': 'churn',
        'model_name': 'churn_predictor',
        'predictions': 'churn_predictions',
        'cadence': 'monthly',
        'public_key': ['user_id'],
        'task': 'probability',
        'label': 'churned',
        'prediction': 'churn_probability',
        'baseline': 'baseline_probability',
        'naive': 'naive_probability',
        'keys': ['user_id', 'as_of_date'],
        'date': 'as_of_date',
        'keep': ['user_group', 'user_type', 'recency', 'frequency'],
        'reference': {'split': 'reference'},
        'blocks': 'user_group',
        'segments': ['user_group', 'user_type', 'recency', 'frequency'],
        'metrics': {'further': ['lift_top_decile', 'f1_over_trivial']},
        'threshold': true,
        'threshold_beta': 1,
        'units': ['user_id'],
        'truth_days': 180,
        'due': {
            'key': 'user_id',
            'each': 1,
            'of': 'select distinct user_id from {stg_bookings} where created_date >= {as_of} - 365 and cancelled_date is null '
                ~ 'and user_id in (' ~ due_users() ~ ')',
        },
        'reasons': {
            'of': 'the chance of staying away',
            'acting': "will_churn and confidence = 'high'",
            'first': 'churn_probability',
        },
        'served': ['user_id', 'churn_probability', 'will_churn', 'baseline_probability'],
    }) }}
{% endmacro %}
