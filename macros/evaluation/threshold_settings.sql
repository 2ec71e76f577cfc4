{#
  How a product's probabilities are cut into classes, as its declaration says: {'decision_threshold': …, 'threshold_beta': …}.
  The first is a probability, none where the best one on the validation rows decides; best is what has the largest F-beta, in
  which recall counts beta times as much as precision, 1 if not said.

  Argument
    product  a declaration (macro products)

  Example: {% set cut = threshold_settings(product_churn()) %}
#}
{% macro threshold_settings(product) %}
    {% set threshold, beta = product.get('decision_threshold'), product.get('threshold_beta', 1) %}
    {% if threshold is not none and (threshold is not number or threshold <= 0 or threshold >= 1) %}
        {{ exceptions.raise_compiler_error(
            'product ' ~ product.product ~ ': decision_threshold is ' ~ threshold ~ '; it takes a number between 0 and 1'
        ) }}
    {% endif %}
    {% if beta is not number or beta <= 0 %}
        {{ exceptions.raise_compiler_error(
            'product ' ~ product.product ~ ': threshold_beta is ' ~ beta ~ '; it takes a number above 0'
        ) }}
    {% endif %}
    {{ return({'decision_threshold': threshold, 'threshold_beta': beta}) }}
{% endmacro %}
