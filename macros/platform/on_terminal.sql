{#
  Expression: whether someone reads the run's lines on a terminal, where colours help. The plugin of dbt-duckdb knows it; a
  job on a workspace has none.

  Example: select {{ on_terminal() }} as on_terminal
#}
{% macro on_terminal() %}
    {{ return(adapter.dispatch('on_terminal', 'wanderbricks_ml')()) }}
{% endmacro %}

{% macro default__on_terminal() %}
    {{ return('false') }}
{% endmacro %}

{% macro duckdb__on_terminal() %}
    {{ return('(select is_terminal from memory.gold.terminal)') }}
{% endmacro %}
