{#
  The products, for loops over their tables: a list of model_name, product (folder and prefix of its tables) and
  predictions (public table). It equals seed model_inventory (tests/python/test_project.py), which cannot be read when the
  graph is made.

  Example: {% for row in products() %} select … from {{ ref(row.product ~ '_champion') }} … {% endfor %}
#}
{% macro products() %}
    {{ return([
        {'model_name': 'demand_predictor', 'product': 'demand', 'predictions': 'demand_predictions'},
        {'model_name': 'conversion_predictor', 'product': 'conversion', 'predictions': 'conversion_predictions'},
        {'model_name': 'customer_ltv_predictor', 'product': 'customer_ltv', 'predictions': 'customer_ltv_predictions'},
        {'model_name': 'pricing_optimizer', 'product': 'pricing', 'predictions': 'pricing_recommendations'},
        {'model_name': 'revenue_forecaster', 'product': 'revenue', 'predictions': 'revenue_forecasts'},
        {'model_name': 'churn_predictor', 'product': 'churn', 'predictions': 'churn_predictions'},
        {'model_name': 'cancellation_predictor', 'product': 'cancellation', 'predictions': 'cancellation_predictions'},
        {'model_name': 'property_recommender', 'product': 'recommendations', 'predictions': 'property_recommendations'},
    ]) }}
{% endmacro %}
