{# Booked revenue per day of arrival, of all and of each destination; the keys are described at `products`. #}
{% macro product_revenue() %}
    {% set horizons = bands([1, 8, 31, 61], last=90) %}
    {{ return({
        'product': 'revenue',
        'model_name': 'revenue_forecaster',
        'predictions': 'revenue_forecasts',
        'cadence': 'weekly',
        'public_key': ['forecast_level', 'destination_id', 'forecast_date'],
        'task': 'forecast',
        'label': 'revenue',
        'prediction': 'forecast_revenue',
        'baseline': 'baseline_revenue',
        'naive': 'naive_revenue',
        'date': 'forecast_date',
        'reference': {'split': 'test', 'rows': 'horizon_days > 0', 'predictions': []},
        'blocks': 'forecast_week',
        'segments': ['as_of_date', 'horizon_days'],
        'bands': {'horizon_days': {'of': 'horizon_days', 'bands': horizons}},
        'test_rows': "forecast_level = 'destination' and window_days = 1",
        'units': [],
        'truth_days': 90,
        'parts': parts_by('horizon_days', horizons, wait=1, longest=90),
        'due': {
            'key': 'destination_id',
            'each': 90,
            'of': 'select destination_id from {stg_bookings} group by destination_id having min(check_in_date) < {as_of}',
        },
        'served': [
            'forecast_level', 'destination_id', 'forecast_date', 'horizon_days', 'forecast_revenue', 'lower_80', 'upper_80',
            'baseline_revenue',
        ],
    }) }}
{% endmacro %}
