{#
  Window function: the last value that is not null. The window follows it.

  Example: {{ carried_forward('known_from') }} over (partition by property_id order by feature_date)
#}
{% macro carried_forward(expression) %}
    {{ return(adapter.dispatch('carried_forward', 'wanderbricks_ml')(expression)) }}
{% endmacro %}

{% macro duckdb__carried_forward(expression) %}last_value({{ expression }} ignore nulls){% endmacro %}

{% macro default__carried_forward(expression) %}last_value({{ expression }}, true){% endmacro %}
