{#
  A number as people write it, to four decimals: 3, not 3.0; null stays null.

  Example: {{ number_text('targets.target') }}
#}
{% macro number_text(expression) -%}
    replace(replace(cast(round({{ expression }}, 4) as {{ dbt.type_string() }}) || '|', '.0|', ''), '|', '')
{%- endmacro %}
