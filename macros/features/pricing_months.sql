{#
  How many stay months pricing_recommendations looks ahead: var `pricing_months`, 1 to 6.

  Example: {% set months = pricing_months() %}
#}
{% macro pricing_months() %}
    {% set months = var('pricing_months') | int %}
    {% if months < 1 or months > 6 %}
        {{ exceptions.raise_compiler_error("var pricing_months is " ~ months ~ "; it takes 1 to 6") }}
    {% endif %}
    {{ return(months) }}
{% endmacro %}
