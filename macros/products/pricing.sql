{# The price of a night that earns most, per property and stay month; the keys are described at `products`. #}
{% macro product_pricing() %}
    {% set parts = [] %}
    {% for months in range(pricing_months()) %}
        {% do parts.append({
            'part': 'lead_months=' ~ months, 'first_unit': months, 'last_unit': months, 'truth_days': 31 * (months + 2)
        }) %}
    {% endfor %}
    {{ return({
        'product': 'pricing',
        'model_name': 'pricing_optimizer',
        'predictions': 'pricing_recommendations',
        'cadence': 'weekly',
        'public_key': ['property_id', 'stay_month'],
        'task': 'count',
        'label': 'bookings',
        'prediction': [
            'expected_bookings', 'price_slope', 'price_slope_deviation', 'expected_price_to_market', 'price_spread',
        ],
        'baseline': 'baseline_bookings',
        'keys': ['property_id', 'stay_month', 'as_of_date', 'price_level'],
        'date': 'stay_month',
        'keep': [
            'destination_id', 'property_type', 'lead_months', 'property_block', 'asked_price', 'market_price',
            'price_to_market', 'expected_nights',
        ],
        'reference': {'split': 'test', 'rows': 'price_level = 0'},
        'blocks': 'property_block',
        'segments': ['lead_months', 'destination_id', 'property_type', 'property_block'],
        'metrics': {'aggregate': 'destination_id'},
        'units': ['property_id'],
        'truth_days': 31 * (pricing_months() + 1),
        'parts': parts,
        'due': {
            'key': 'property_id',
            'each': pricing_months(),
            'of': due_properties('base_price > 0'),
        },
        'curve': {'by': 'asked_price', 'points': {
            'asked_price': 'round(asked_price, 2)',
            'expected_bookings': 'expected_bookings',
            'expected_revenue': 'round(asked_price * expected_nights * expected_bookings, 2)',
        }},
        'served': ['property_id', 'stay_month', 'destination_id', 'expected_bookings_current', 'baseline_bookings'],
    }) }}
{% endmacro %}
