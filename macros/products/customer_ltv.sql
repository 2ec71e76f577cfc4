{# A user's revenue of the next 365 days (var `customer_ltv_days`); the keys are described at `products`. #}
{% macro product_customer_ltv() %}
    {% set actives = bands([1, 2, 5], name='%d-%d bookings', one='%d booking', open='%d+ bookings') %}
    {{ return({
        'product': 'customer_ltv',
        'model_name': 'customer_ltv_predictor',
        'predictions': 'customer_ltv_predictions',
        'cadence': 'monthly',
        'public_key': ['user_id'],
        'task': 'value',
        'label': 'revenue',
        'prediction': ['predicted_ltv_12m', 'no_booking_probability'],
        'baseline': 'baseline_revenue',
        'naive': 'naive_revenue',
        'keys': ['user_id', 'as_of_date'],
        'date': 'as_of_date',
        'keep': ['user_group', 'user_type', 'activity'],
        'reference': {'split': 'reference'},
        'blocks': 'user_group',
        'segments': ['user_group', 'user_type', 'activity'],
        'bands': {'activity': {'of': 'bookings_365d', 'bands': actives}},
        'metrics': {
            'none_probability': 'no_booking_probability',
            'active': {'activity': actives | map(attribute='name') | list},
        },
        'units': ['user_id'],
        'truth_days': checked_days('customer_ltv_days', var('customer_ltv_days'), 30, 365),
        'due': {
            'key': 'user_id',
            'each': 1,
            'of': due_users(),
        },
        'reasons': {
            'of': 'the value expected',
            'acting': "ltv_segment in ('High', 'VIP')",
            'first': 'predicted_ltv_12m',
        },
        'served': ['user_id', 'activity', 'predicted_ltv_12m', 'baseline_revenue'],
    }) }}
{% endmacro %}
