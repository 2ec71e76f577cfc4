{# Whether a property's engagement of a day brings a booking; the keys are described at `products`. #}
{% macro product_conversion() %}
    {{ return({
        'product': 'conversion',
        'model_name': 'conversion_predictor',
        'predictions': 'conversion_predictions',
        'cadence': 'weekly',
        'public_key': ['property_id', 'engagement_date'],
        'task': 'probability',
        'label': 'converted',
        'prediction': 'conversion_probability',
        'baseline': 'baseline_probability',
        'keys': ['property_id', 'engagement_date'],
        'date': 'engagement_date',
        'keep': ['as_of_date', 'destination_id', 'property_type'],
        'reference': {'split': 'test'},
        'blocks': 'engagement_date',
        'segments': ['destination_id', 'property_type'],
        'threshold': true,
        'units': ['property_id'],
        'truth_days': 1,
        'served': ['property_id', 'engagement_date', 'conversion_probability', 'baseline_probability'],
    }) }}
{% endmacro %}
