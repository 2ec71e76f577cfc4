{#
  By model: its public table, and the columns of it that an experiment may split by. Revenue's forecasts are of
  destinations, too few to split.

  Example: {% for model, product in experiment_units().items() %}{{ product.table }}{{ product.units | join(', ') }}{% endfor %}
#}
{% macro experiment_units() %}
    {{ return({
        'demand_predictor': {'table': 'demand_predictions', 'units': ['property_id']},
        'conversion_predictor': {'table': 'conversion_predictions', 'units': ['property_id']},
        'pricing_optimizer': {'table': 'pricing_recommendations', 'units': ['property_id']},
        'cancellation_predictor': {'table': 'cancellation_predictions', 'units': ['property_id']},
        'customer_ltv_predictor': {'table': 'customer_ltv_predictions', 'units': ['user_id']},
        'churn_predictor': {'table': 'churn_predictions', 'units': ['user_id']},
        'property_recommender': {'table': 'property_recommendations', 'units': ['user_id']},
        'revenue_forecaster': {'table': 'revenue_forecasts', 'units': []},
    }) }}
{% endmacro %}
