{#
  A number as a double, null where it is NaN.

  Arguments
    column  numeric column or expression

  Example: {{ known_double('base_price') }}
#}
{% macro known_double(column) -%}
    nullif(cast({{ column }} as double), cast('NaN' as double))
{%- endmacro %}
