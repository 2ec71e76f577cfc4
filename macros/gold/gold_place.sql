{#
  Where a gold table is looked for on this engine, for messages: the file behind the view on DuckDB, else the relation.

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
    {{ return(env_var('WANDERBRICKS_GOLD', 'data/gold') ~ '/' ~ table.name ~ '.parquet') }}
{% endmacro %}
