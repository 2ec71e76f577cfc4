{#
  The products, for loops over their tables: a list of model_name, product (folder and prefix of its tables), predictions
  (public table) and units (columns of it that an experiment may split by; revenue's forecasts are of destinations, too few
  to split). The names equal those of seed model_inventory (tests/python/test_operations.py), which cannot be read when the
  graph is made.

  Example: {% for row in products() %} select … from {{ ref(row.product ~ '_champion') }} … {% endfor %}
#}
{% macro products() %}
    {{ return([
        {'model_name': 'demand_predictor', 'product': 'demand', 'predictions': 'demand_predictions', 'units': ['property_id']},
        {'model_name': 'conversion_predictor', 'product': 'conversion', 'predictions': 'conversion_predictions', 'units': ['property_id']},
        {'model_name': 'customer_ltv_predictor', 'product': 'customer_ltv', 'predictions': 'customer_ltv_predictions', 'units': ['user_id']},
        {'model_name': 'pricing_optimizer', 'product': 'pricing', 'predictions': 'pricing_recommendations', 'units': ['property_id']},
        {'model_name': 'revenue_forecaster', 'product': 'revenue', 'predictions': 'revenue_forecasts', 'units': []},
        {'model_name': 'churn_predictor', 'product': 'churn', 'predictions': 'churn_predictions', 'units': ['user_id']},
        {'model_name': 'cancellation_predictor', 'product': 'cancellation', 'predictions': 'cancellation_predictions', 'units': ['property_id']},
        {'model_name': 'property_recommender', 'product': 'recommendations', 'predictions': 'property_recommendations', 'units': ['user_id']},
    ]) }}
{% endmacro %}
