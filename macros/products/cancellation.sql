{# Whether an open booking will be cancelled; the keys are described at `products`. #}
{% macro product_cancellation() %}
    {% set leads = bands(
        [0, 1, 8, 31, 91, 181], name='%d-%d days', one='%d days', open='%d days or more'
    ) %}
    {{ return({
        'product': 'cancellation',
        'model_name': 'cancellation_predictor',
        'predictions': 'cancellation_predictions',
        'cadence': 'weekly',
        'public_key': ['booking_id'],
        'task': 'probability',
        'label': 'cancelled',
        'prediction': 'cancellation_probability',
        'baseline': 'rule_probability',
        'naive': 'baseline_probability',
        'keys': ['booking_id'],
        'date': 'check_in_date',
        'keep': [
            'as_of_date', 'check_in_date', 'property_id', 'destination_id', 'property_type', 'lead_band', 'made',
            'total_amount', 'later_share', 'is_open',
        ],
        'blocks': 'check_in_date',
        'segments': ['lead_band', 'made', 'destination_id', 'property_type'],
        'bands': {'lead_band': {'of': 'lead_days', 'bands': leads}},
        'threshold': true,
        'units': ['property_id'],
        'truth_days': 365,
        'parts': parts_by('lead_band', leads[1:], wait=0, longest=365),
        'due': {
            'key': 'booking_id',
            'each': 1,
            'of': "select booking_id from {cancellation_spine} where split = 'score'",
        },
        'reasons': {
            'of': 'the chance of a cancellation, as seen when it was made',
            'acting': "predicted_cancellation",
            'first': 'revenue_at_risk',
        },
        'served': [
            'booking_id', 'check_in_date', 'cancellation_probability', 'predicted_cancellation', 'called_when_made',
            'baseline_probability',
        ],
    }) }}
{% endmacro %}
