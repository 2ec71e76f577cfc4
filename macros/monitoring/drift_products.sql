{#
  Models whose drift is watched, and the products whose tables they read and fill: {model name: product}. Here rather than
  from the inventory, since dbt draws the graph before it reads a table.

  Example: {% for model_name, product in drift_products().items() %}{{ ref(product ~ '_examples') }}{% endfor %}
#}
{% macro drift_products() %}
    {{ return({
        'demand_predictor': 'demand',
        'conversion_predictor': 'conversion',
        'customer_ltv_predictor': 'customer_ltv',
        'pricing_optimizer': 'pricing',
        'revenue_forecaster': 'revenue',
        'churn_predictor': 'churn',
        'cancellation_predictor': 'cancellation',
        'property_recommender': 'recommendations',
    }) }}
{% endmacro %}
