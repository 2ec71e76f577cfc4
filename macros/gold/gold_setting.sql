{#
  What to do where gold, or the raw tables that it is made of, are not found, with the vars and environment variables that say
  where they lie on this engine: for messages.

  Example: {{ gold_setting() }}
#}
{% macro gold_setting() %}
    {% set make = 'make them with `wanderbricks simulate --raw`' if from_samples()
        else 'make gold with `wanderbricks simulate` or `wanderbricks import`' %}
    {{ return(make ~ ', or correct ' ~ adapter.dispatch('gold_setting', 'wanderbricks_ml')()) }}
{% endmacro %}

{% macro default__gold_setting() %}
    {{ return('var raw_schema (or DATABRICKS_RAW_SCHEMA)' if from_samples()
        else 'vars catalog and gold_schema (or DATABRICKS_CATALOG and DATABRICKS_GOLD_SCHEMA)') }}
{% endmacro %}

{% macro duckdb__gold_setting() %}
    {{ return('WANDERBRICKS_RAW' if from_samples() else 'WANDERBRICKS_GOLD') }}
{% endmacro %}
