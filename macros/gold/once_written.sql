{#
  A post-hook that runs when the table stays whatever the hook does: after the commit, where there are transactions.

  Argument
    sql  text of the hook

  Example: {{ config(post_hook=once_written('{{ report_gold(this) }}')) }}
#}
{% macro once_written(sql) %}
    {{ return(adapter.dispatch('once_written', 'wanderbricks_ml')(sql)) }}
{% endmacro %}

{% macro default__once_written(sql) %}
    {{ return({'sql': sql, 'transaction': true}) }}
{% endmacro %}

{% macro duckdb__once_written(sql) %}
    {{ return({'sql': sql, 'transaction': false}) }}
{% endmacro %}
