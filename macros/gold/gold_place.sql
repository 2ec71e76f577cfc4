{#
  Where a gold or raw table is looked for on this engine, for messages: the file behind the view on DuckDB, else the relation.

  Argument
    table  source node from `graph.sources`

  Example: {{ gold_place(table) }}
#}
{% macro gold_place(table) %}
    {{ return(adapter.dispatch('gold_place', 'wanderbricks_ml')(table)) }}
{% endmacro %}

{% macro default__gold_place(table) %}
    {{ return(source(table.source_name, table.name).render()) }}
{% endmacro %}

{% macro duckdb__gold_place(table) %}
    {{ return(gold_folder() ~ '/' ~ table.name ~ '.parquet') }}
{% endmacro %}

{# Where gold is looked for, or the raw tables that it is made of: the folder on DuckDB, else the schema. #}
{% macro gold_folder() %}
    {{ return(adapter.dispatch('gold_folder', 'wanderbricks_ml')()) }}
{% endmacro %}

{% macro default__gold_folder() %}
    {% set table = graph.sources.values() | selectattr('source_name', 'equalto', 'samples' if from_samples() else 'gold') | first %}
    {{ return(table.database ~ '.' ~ table.schema) }}
{% endmacro %}

{% macro duckdb__gold_folder() %}
    {% set folder = env_var('WANDERBRICKS_GOLD', '') or 'data/gold' %}
    {{ return((env_var('WANDERBRICKS_RAW', '') or folder ~ '/raw') if from_samples() else folder) }}
{% endmacro %}
