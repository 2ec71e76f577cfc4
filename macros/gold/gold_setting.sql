{#
  The vars and environment variables that say where gold lies on this engine, for messages.

  Example: {{ gold_setting() }}
#}
{% macro gold_setting() %}
    {{ return(adapter.dispatch('gold_setting', 'wanderbricks_ml')()) }}
{% endmacro %}

{% macro default__gold_setting() %}
    {{ return('vars catalog and gold_schema (or DATABRICKS_CATALOG and DATABRICKS_GOLD_SCHEMA)') }}
{% endmacro %}

{% macro duckdb__gold_setting() %}
    {{ return('WANDERBRICKS_GOLD') }}
{% endmacro %}
