{#
  Aggregate: the texts of a group in alphabetical order with ', ' between them; null without any.

  Example: {{ joined_text('miss') }}
#}
{% macro joined_text(expression) %}
    {{ return(adapter.dispatch('joined_text', 'wanderbricks_ml')(expression)) }}
{% endmacro %}

{% macro duckdb__joined_text(expression) %}string_agg({{ expression }}, ', ' order by {{ expression }}){% endmacro %}

{% macro default__joined_text(expression) -%}
    nullif(array_join(sort_array(collect_list({{ expression }})), ', '), '')
{%- endmacro %}
