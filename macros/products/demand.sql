{# Bookings per property and day of arrival; the keys are described at `products`. #}
{% macro product_demand() %}
    {% set horizon = demand_horizon() %}
    {% set horizons = bands([1, 8, 15, 31], last=90) %}
    {{ return({
        'product': 'demand',
        'model_name': 'demand_predictor',
        'predictions': 'demand_predictions',
        'cadence': 'weekly',
        'public_key': ['property_id', 'check_in_date'],
        'task': 'count',
        'label': 'bookings',
        'prediction': 'predicted_bookings',
        'baseline': 'rule_bookings',
        'naive': 'baseline_bookings',
        'keys': ['property_id', 'check_in_date', 'as_of_date'],
        'date': 'check_in_date',
        'keep': ['destination_id', 'property_type', 'horizon_days'],
        'reference': {'split': 'test'},
        'blocks': 'check_in_date',
        'segments': ['destination_id', 'property_type', 'horizon_days'],
        'bands': {'horizon_days': {'of': 'horizon_days', 'bands': horizons}},
        'metrics': {'aggregate': 'destination_id'},
        'units': ['property_id'],
        'truth_days': horizon,
        'parts': parts_by('horizon_days', horizons, wait=1, longest=horizon),
        'due': {
            'key': 'property_id',
            'each': horizon,
            'of': due_properties(),
        },
        'reasons': {
            'of': 'the bookings still to come',
            'acting': "predicted_bookings >= 2 * baseline_bookings",
            'first': 'predicted_bookings - baseline_bookings',
        },
        'served': ['property_id', 'check_in_date', 'destination_id', 'predicted_bookings', 'baseline_bookings'],
    }) }}
{% endmacro %}
