{#
  A gold value if it can be believed, else null: what gold_policy lets pass in few rows does not reach a feature.

  believed_number(table, column, low, high)  neither NaN nor infinite, and within the bounds, both allowed; a bound may be none
  believed_date(column)                      from 1990 on: earlier dates stand for none, or for a slip of the pen

  Example: {{ believed_number('dim_host', 'rating', 0, 5) }} as rating
#}
{% macro believed_number(table, column, low=none, high=none) -%}
    case
        when {{ is_no_number(table, column) }} then null
        {%- if low is not none %}
        when {{ column }} < {{ low }} then null
        {%- endif %}
        {%- if high is not none %}
        when {{ column }} > {{ high }} then null
        {%- endif %}
        else {{ column }}
    end
{%- endmacro %}

{% macro believed_date(column) -%}
    case when {{ column }} >= cast('1990-01-01' as date) then {{ column }} end
{%- endmacro %}
