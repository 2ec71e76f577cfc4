{# Whether a property's engagement of a day brings a booking; fewer properties are looked at on some days. The keys are described at `products`. #}
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
        'baseline': 'click_probability',
        'naive': 'baseline_probability',
        'keys': ['property_id', 'engagement_date'],
        'date': 'engagement_date',
        'keep': ['as_of_date', 'destination_id', 'property_type'],
        'reference': {'split': 'test'},
        'blocks': 'engagement_date',
        'segments': ['destination_id', 'property_type'],
        'threshold': true,
        'decision_threshold': 0.5,
        'units': ['property_id'],
        'truth_days': 1,
        'due': {
            'key': 'property_id',
            'each': 1,
            'of': 'select engagement.property_id from {stg_engagement} as engagement '
                ~ "inner join {conversion_splits} as splits on splits.split = 'score' "
                ~ 'and engagement.engagement_date >= splits.first_engagement and engagement.engagement_date <= splits.last_engagement '
                ~ 'inner join (select property_id, min(known_from) as known_from, '
                ~ "max(coalesce(ended_date, cast('9999-12-31' as date))) as offered_until "
                ~ 'from {property_versions} group by property_id) as offers on engagement.property_id = offers.property_id '
                ~ 'and engagement.engagement_date >= offers.known_from and engagement.engagement_date <= offers.offered_until',
        },
        'least_kept': 0.2,
        'reasons': {
            'of': 'the chance of a booking',
            'acting': "predicted_conversion",
            'first': 'conversion_probability',
        },
        'served': ['property_id', 'engagement_date', 'conversion_probability', 'baseline_probability'],
    }) }}
{% endmacro %}
