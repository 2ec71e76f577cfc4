{#
  The longest horizon of demand_predictions in days: var `demand_horizon_days`, 1 to 90.

  Example: {% set horizon = demand_horizon() %}
#}
{% macro demand_horizon() %}
    {% set horizon = var('demand_horizon_days') | int %}
    {% if horizon < 1 or horizon > 90 %}
        {{ exceptions.raise_compiler_error("var demand_horizon_days is " ~ horizon ~ "; it takes 1 to 90") }}
    {% endif %}
    {{ return(horizon) }}
{% endmacro %}
